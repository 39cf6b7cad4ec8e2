"""Where the code generator's 64-bit product is replaced by a routine."""

from __future__ import annotations

from graphopt.ir import Graph
from graphopt.ops import IntegerSoftmax, Rescale

RESCALE = "scalar_rescale"


def rescale_routines(region: Graph) -> tuple[str, ...]:
    """The routines that `Epilogue` calls for a region on cores without a long product."""
    rescales = Rescale, IntegerSoftmax
    return (RESCALE,) if any(isinstance(node.op, rescales) for node in region.nodes) else ()
