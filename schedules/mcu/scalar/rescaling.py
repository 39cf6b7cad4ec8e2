"""Where the code generator's 64-bit product is replaced by a routine."""

from __future__ import annotations

from graphopt.ir import Graph
from graphopt.ops import IntegerSoftmax, Rescale
from graphopt.targets import McuTarget

RESCALE = "scalar_rescale"


def rescale_routines(region: Graph, target: McuTarget) -> tuple[str, ...]:
    """The routines that `Instructions.rescale` calls in the kernel of a region."""
    rescales = any(isinstance(node.op, Rescale | IntegerSoftmax) for node in region.nodes)
    return (RESCALE,) if rescales and not target.long_multiply else ()
