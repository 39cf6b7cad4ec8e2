"""The epilogue that routines do themselves: bias, rescale, saturation to i8."""

from __future__ import annotations

from dataclasses import dataclass

from graphopt import ops
from graphopt.ir import DType, Node, Value
from graphopt.schedules.mcu.identity import kind
from graphopt.schedules.region import Anchored


@dataclass(frozen=True)
class Requantize:
    """i8 from the anchor's sums: saturate(rescale(sums + bias, multiplier, offset)).

    Each value is an input of the region. The bias is one i32 a channel or None, the multiplier
    one a channel or one for all (`scalar`), the offset one for all.
    """

    bias: Value | None
    multiplier: Value
    offset: Value
    scalar: bool

    @property
    def per_channel(self) -> tuple[Value, ...]:
        """The inputs that hold one number a channel."""
        bias = () if self.bias is None else (self.bias,)
        return bias if self.scalar else (*bias, self.multiplier)


def find_requantize(where: Anchored) -> Requantize | None:
    """How the region makes bytes of its anchor's sums, None if in another way."""
    region, shape = where.region, where.result.type.dims
    bias = where.anchor.inputs[2] if len(where.anchor.inputs) == 3 else None
    chain = list(_chain(where))
    if len(chain) != len(region.nodes) - 1:
        return None
    if chain and isinstance(chain[0].op, ops.Add) and bias is None:
        first = chain.pop(0)
        (bias,) = (v for v in first.inputs if v is not where.result)
        if kind(bias, shape) != "channel" or bias not in region.inputs:
            return None
    if [type(node.op) for node in chain] != [ops.Rescale, ops.Clip, ops.Cast]:
        return None
    rescale, clip, cast = chain
    _, multiplier, offset = rescale.inputs
    if clip.op != ops.Clip(-128, 127) or cast.op != ops.Cast(DType.I8):
        return None
    if multiplier not in region.inputs or offset not in region.inputs:
        return None
    if kind(multiplier, shape) not in ("channel", "number") or kind(offset, shape) != "number":
        return None
    return Requantize(bias, multiplier, offset, kind(multiplier, shape) == "number")


def _chain(where: Anchored) -> list[Node]:
    """The nodes behind the anchor as long as each has one reader, which takes it first."""
    region, value = where.region, where.result
    found: list[Node] = []
    while value not in region.outputs:
        readers = [node for node in region.nodes if value in node.inputs]
        if len(readers) != 1 or readers[0].inputs.count(value) != 1:
            break
        (node,) = readers
        if node.inputs[0] is not value and not isinstance(node.op, ops.Add):
            break
        found.append(node)
        value = node.output
    return found if region.outputs == (value,) else []
