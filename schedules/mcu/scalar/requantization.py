"""The epilogue of nearly every quantized layer: bias, rescale, clip, cast to eight bits."""

from __future__ import annotations

from dataclasses import dataclass

from graphopt.ir import DType, Value
from graphopt.ops import Add, Cast, Clip, Rescale
from graphopt.ops.quantization import integer_range
from graphopt.schedules.mcu.identity import kind
from graphopt.schedules.mcu.scalar.rescaling import rescale_routines
from graphopt.schedules.region import Anchored
from graphopt.targets import McuTarget


@dataclass(frozen=True)
class Requantization:
    """clip(rescale(sum + bias, multiplier, offset), low, high) in eight bits.

    `multiplier` has one number or one per channel, `offset` one, `bias` one per channel or is None.
    """

    bias: Value | None
    multiplier: Value
    offset: Value
    low: int
    high: int


def find_requantization(where: Anchored) -> Requantization | None:
    """What the nodes after the anchor do, if it is nothing but this."""
    region = where.region
    chain = [node for node in region.nodes if node is not where.anchor]
    total, bias = where.result, None
    if chain and isinstance(chain[0].op, Add) and total in chain[0].inputs:
        (bias,) = (value for value in chain[0].inputs if value is not total)
        if bias not in region.inputs or kind(bias, total.type.dims) != "channel":
            return None
        total = chain.pop(0).output
    if [type(node.op) for node in chain] != [Rescale, Clip, Cast]:
        return None
    rescale, clip, cast = chain
    linked = (total, rescale.output, clip.output)
    if tuple(node.inputs[0] for node in chain) != linked or region.outputs != (cast.output,):
        return None
    _, multiplier, offset = rescale.inputs
    known = multiplier in region.inputs and offset in region.inputs and offset.type.elements == 1
    if not known or kind(multiplier, total.type.dims) not in ("number", "channel"):
        return None
    assert isinstance(clip.op, Clip)
    dtype = cast.output.type.dtype
    if dtype not in (DType.I8, DType.U8) or clip.op.low is None or clip.op.high is None:
        return None
    low, high = int(clip.op.low), int(clip.op.high)
    least, largest = integer_range(dtype)
    inside = least <= low <= high <= largest
    return Requantization(bias, multiplier, offset, low, high) if inside else None


def finishing(
    where: Anchored, requantization: Requantization | None, target: McuTarget
) -> tuple[str, ...]:
    """The routines that finish sums."""
    return ("scalar_requantize",) if requantization else rescale_routines(where.region, target)
