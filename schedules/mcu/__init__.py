"""Kernels for microcontrollers: few bytes of code, sizes given at each call. No TVM to plan."""

from graphopt.lower.kernel import Schedule
from graphopt.schedules.mcu.floats.depthwise import FloatDepthwise
from graphopt.schedules.mcu.floats.product import FloatProduct
from graphopt.schedules.mcu.generic import Generic
from graphopt.schedules.mcu.helium.depthwise import HeliumDepthwise
from graphopt.schedules.mcu.helium.pointwise import HeliumPointwise
from graphopt.schedules.mcu.helium.product import HeliumProduct
from graphopt.schedules.mcu.pointwise import Pointwise
from graphopt.schedules.mcu.pool import WindowPool
from graphopt.schedules.mcu.scalar.depthwise import ScalarDepthwise
from graphopt.schedules.mcu.scalar.product import ScalarProduct
from graphopt.schedules.mcu.smlad.blocks import ProductBlocks
from graphopt.schedules.mcu.smlad.depthwise import Depthwise
from graphopt.schedules.mcu.smlad.vector import ProductVector
from graphopt.schedules.mcu.softmax import Softmax
from graphopt.targets import McuTarget

# The first that accepts a region builds its kernel.
SCHEDULES: tuple[Schedule[McuTarget], ...] = (
    HeliumProduct(),
    HeliumDepthwise(),
    Depthwise(),
    ProductVector(),
    ProductBlocks(),
    ScalarDepthwise(),
    ScalarProduct(),
    FloatDepthwise(),
    FloatProduct(),
    Softmax(),
    HeliumPointwise(),
    Pointwise(),
    WindowPool(),
    Generic(),
)
