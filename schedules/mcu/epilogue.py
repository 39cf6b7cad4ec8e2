"""Elementwise nodes, after an anchor or alone, one element at a time, for regions of any shape."""

from __future__ import annotations

from collections.abc import Mapping

from tvm import tirx

from graphopt.ir import DType, Graph, Node, Value
from graphopt.lower.casts import pack, unpack
from graphopt.lower.lanes import both, cast, const, select
from graphopt.ops import Clip, Rescale, ShiftLeft
from graphopt.schedules.emit import Buffer, Elements, Expr, T, named
from graphopt.schedules.mcu.identity import kind, operands
from graphopt.schedules.mcu.instructions import Instructions
from graphopt.schedules.region import Anchored
from graphopt.targets import McuTarget


class Points(Elements):
    """Computes the elementwise nodes of a region, of which all have the shape `shape`.

    An element has a channel, its place along the last dimension, and a position among all
    elements. Operands are numbers, one number per channel, or of the whole shape.
    """

    def __init__(
        self,
        region: Graph,
        buffers: Mapping[Value, Buffer],
        shape: tuple[int, ...],
        target: McuTarget,
        anchor: Node | None = None,
    ) -> None:
        super().__init__(region, buffers, shape)
        self.anchor = anchor
        self.instructions = Instructions(target)
        self.shifts = _shifts(region, shape)

    def channel(self, channel: Expr) -> dict[Value, Expr]:
        """The operands of one channel, loaded; to be given to `finish` for each of its elements."""
        return {
            value: named(self._operand(value, channel, 0, 1))
            for value in operands(self.region, self.anchor)
            if kind(value, self.shape) != "element"
        }

    def finish(self, known: dict[Value, Expr], position: Expr) -> None:
        """Compute and store all outputs at `position`, of what is known already."""
        # All are computed before the first is stored, which may lie over an operand.
        results = [
            named(self.value(output, known, 0, position, 1)) for output in self.region.outputs
        ]
        for output, result in zip(self.region.outputs, results, strict=True):
            packed = pack(result, output.type.dtype)
            T.buffer_store(self.buffers[output], packed, [position])

    def _operand(self, value: Value, row: Expr, column: Expr, lanes: int) -> Expr:
        how = kind(value, self.shape)
        where = 0 if how == "number" else row if how == "channel" else column
        operand = unpack(self.buffers[value][where], value.type.dtype)
        return power_of_two(operand) if value in self.shifts else operand

    def _result(self, node: Node, inputs: list[Expr]) -> Expr:
        if isinstance(node.op, Clip) and node.op.low is not None and node.op.high is not None:
            if node.output.type.dtype.is_integer:
                low, high = int(node.op.low), int(node.op.high)
                saturated = self.instructions.saturate(cast(inputs[0], "int32"), low, high)
                if saturated is not None:
                    return tirx.Cast(str(inputs[0].ty.dtype), saturated)
        if isinstance(node.op, ShiftLeft) and node.inputs[1] in self.shifts:
            return inputs[0] * inputs[1]
        if isinstance(node.op, Rescale):
            return self.instructions.rescale(*inputs)
        return super()._result(node, inputs)


def _shifts(region: Graph, shape: tuple[int, ...]) -> frozenset[Value]:
    """The operands that nothing but shifts to the left read, and not anew for each element.

    Shifting would have to ask each time whether the number is within the width of the type.
    """
    counts = {n.inputs[1] for n in region.nodes if isinstance(n.op, ShiftLeft)}
    for node in region.nodes:
        read = node.inputs[:1] if isinstance(node.op, ShiftLeft) else node.inputs
        counts.difference_update(read)
    return frozenset(
        value
        for value in counts.intersection(region.inputs)
        if value.type.dtype is DType.I32 and kind(value, shape) != "element"
    )


def power_of_two(count: Expr) -> Expr:
    """2^count in i32; 0 where a shift by `count` leaves nothing."""
    within = both(count >= const(0, count), count < const(32, count))
    shifted = const(1, count) << select(within, count, const(0, count))
    return select(within, shifted, const(0, count))


class Epilogue(Points):
    """Computes what a region makes of each element of its anchor's result."""

    def __init__(self, where: Anchored, buffers: Mapping[Value, Buffer], target: McuTarget) -> None:
        super().__init__(where.region, buffers, where.result.type.dims, target, where.anchor)
        self.total = where.result

    def store(self, channel: Mapping[Value, Expr], total: Expr, position: Expr) -> None:
        """Compute and store all outputs at `position`, where the anchor gives `total`."""
        self.finish({**channel, self.total: named(total)}, position)
