"""The elementwise nodes after an anchor, one element at a time, for regions of any shape."""

from __future__ import annotations

from collections.abc import Mapping

from tvm import tirx

from graphopt.ir import Node, Value
from graphopt.lower.casts import pack, unpack
from graphopt.lower.lanes import cast
from graphopt.ops import Clip, Rescale
from graphopt.schedules.emit import Buffer, Elements, Expr, T, named
from graphopt.schedules.mcu.identity import kind, operands
from graphopt.schedules.mcu.instructions import Instructions
from graphopt.schedules.region import Anchored
from graphopt.targets import McuTarget


class Epilogue(Elements):
    """Computes what a region makes of each element of its anchor's result.

    An element has a channel, its place along the last dimension, and a position among all
    elements. Operands are numbers, one number per channel, or of the result's shape.
    """

    def __init__(self, where: Anchored, buffers: Mapping[Value, Buffer], target: McuTarget) -> None:
        super().__init__(where.region, buffers, where.result.type.dims)
        self.anchor = where.anchor
        self.instructions = Instructions(target)

    def channel(self, channel: Expr) -> dict[Value, Expr]:
        """The operands of one channel, loaded; to be given to `store` for each of its elements."""
        return {
            value: named(self._operand(value, channel, 0, 1))
            for value in operands(self.region, self.anchor)
            if kind(value, self.shape) != "element"
        }

    def store(self, channel: Mapping[Value, Expr], total: Expr, position: Expr) -> None:
        """Compute and store all outputs at `position`, where the anchor gives `total`."""
        known = {**channel, self.anchor.output: named(total)}
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
        return unpack(self.buffers[value][where], value.type.dtype)

    def _result(self, node: Node, inputs: list[Expr]) -> Expr:
        if isinstance(node.op, Clip) and node.op.low is not None and node.op.high is not None:
            if node.output.type.dtype.is_integer:
                low, high = int(node.op.low), int(node.op.high)
                saturated = self.instructions.saturate(cast(inputs[0], "int32"), low, high)
                if saturated is not None:
                    return tirx.Cast(str(inputs[0].ty.dtype), saturated)
        if isinstance(node.op, Rescale):
            return self.instructions.rescale(*inputs)
        return super()._result(node, inputs)
