"""Kernels for x86-64, the fast ones written directly as TIR. Planning imports no TVM."""

from graphopt.lower.kernel import Schedule
from graphopt.schedules.cpu.batched_matmul import BatchedMatMul
from graphopt.schedules.cpu.conv2d import Conv2d
from graphopt.schedules.cpu.depthwise import DepthwiseConv2d
from graphopt.schedules.cpu.generic import Generic
from graphopt.schedules.cpu.integer_conv2d import IntegerConv2d
from graphopt.schedules.cpu.integer_depthwise import IntegerDepthwiseConv2d
from graphopt.schedules.cpu.integer_matmul import IntegerMatMul
from graphopt.schedules.cpu.matmul import ConstantMatMul
from graphopt.schedules.cpu.pointwise import Pointwise
from graphopt.schedules.cpu.pool import Pool2d
from graphopt.schedules.cpu.reduce import ReduceAxes
from graphopt.schedules.cpu.rows import Rows
from graphopt.schedules.cpu.winograd import Winograd
from graphopt.targets import CpuTarget

# The first that accepts a region builds its kernel.
SCHEDULES: tuple[Schedule[CpuTarget], ...] = (
    DepthwiseConv2d(),
    IntegerDepthwiseConv2d(),
    Conv2d(),
    Winograd(),
    IntegerConv2d(),
    ConstantMatMul(),
    IntegerMatMul(),
    BatchedMatMul(),
    Pool2d(),
    ReduceAxes(),
    Rows(),
    Pointwise(),
    Generic(),
)
