"""Chains of operators that each use their input more than once."""

from graphopt import ops
from graphopt.ir import DType, Graph, Node, TensorType, Value
from graphopt.lower.codegen import compile_kernel
from graphopt.lower.kernel import KernelPlan
from graphopt.schedules.cpu.generic import Generic
from graphopt.targets import load_cpu


def test_the_code_of_a_long_chain_grows_with_its_length_alone() -> None:
    type = TensorType(DType.F32, (64,))
    values = [Value(f"v{i}", type) for i in range(9)]
    chain = (ops.Softplus(), ops.Tanh(), ops.Silu(), ops.Gelu()) * 2
    nodes = [Node(op, (x,), (y,)) for op, x, y in zip(chain, values, values[1:], strict=False)]
    region = Graph("chain", (values[0],), tuple(nodes), (values[-1],))
    target = load_cpu("x86-64-avx2")
    plan = Generic().plan(region, target, frozenset())
    assert isinstance(plan, KernelPlan)
    # Without names in memory this takes longer than anyone would wait.
    assert len(compile_kernel(plan.build(), "chain", target)) < 40_000
