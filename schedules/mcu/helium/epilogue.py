"""Elementwise nodes, after an anchor or alone, four elements at a time."""

from __future__ import annotations

from collections.abc import Mapping

from tvm import tirx

from graphopt import ops
from graphopt.ir import Node, Value
from graphopt.lower.casts import pack, unpack
from graphopt.lower.lanes import dtype_of, lanes_of
from graphopt.schedules.emit import Buffer, Elements, Expr, load, loop, named, splat, store
from graphopt.schedules.mcu.epilogue import Points, power_of_two
from graphopt.schedules.mcu.identity import kind
from graphopt.schedules.region import Anchored
from graphopt.targets import McuTarget

LANES = 4


class VectorPoints(Points):
    """`Points` for several neighbouring elements: a vector of i32 rescales in two instructions."""

    def elements(self, known: dict[Value, Expr], channel: Expr, place: Expr, lanes: int) -> None:
        """Compute and store `lanes` elements of all outputs from `place` on, at `channel`."""
        # All are computed before the first is stored, which may lie over an operand.
        results = [
            named(self.value(output, known, channel, place, lanes))
            for output in self.region.outputs
        ]
        for output, result in zip(self.region.outputs, results, strict=True):
            store(self.buffers[output], place, pack(result, output.type.dtype), lanes)

    def _operand(self, value: Value, row: Expr, column: Expr, lanes: int) -> Expr:
        if lanes == 1:
            return super()._operand(value, row, column, lanes)
        how, dtype = kind(value, self.shape), value.type.dtype
        if how == "number":
            number = unpack(self.buffers[value][0], dtype)
            return splat(power_of_two(number) if value in self.shifts else number, lanes)
        vector = unpack(
            load(self.buffers[value], row if how == "channel" else column, lanes), dtype
        )
        return power_of_two(vector) if value in self.shifts else vector

    def _result(self, node: Node, inputs: list[Expr]) -> Expr:
        if lanes_of(inputs[0]) == 1:
            return super()._result(node, inputs)
        if isinstance(node.op, ops.ShiftLeft) and node.inputs[1] in self.shifts:
            return inputs[0] * inputs[1]
        if isinstance(node.op, ops.Rescale):
            x, multiplier, offset = inputs
            name, signed = "llvm.arm.mve.vrmulh", tirx.IntImm("int32", 0)
            return tirx.call_llvm_pure_intrin(dtype_of(x), name, x, multiplier, signed) + offset
        return Elements._result(self, node, inputs)


class VectorEpilogue(VectorPoints):
    """What a region makes of rows of its anchor's sums."""

    def __init__(self, where: Anchored, buffers: Mapping[Value, Buffer], target: McuTarget) -> None:
        super().__init__(where.region, buffers, where.result.type.dims, target, where.anchor)
        self.total = where.result

    def rows(
        self, sums: Buffer, place: Expr, start: Expr, rows: Expr, channels: Expr, lanes: int
    ) -> None:
        """Store all outputs of `rows` rows, which follow each other from element `start` on.

        `sums` holds what the anchor gives for them, from `place` on. `channels` is a multiple of
        `lanes`.
        """
        with loop(rows) as row, loop(channels // lanes) as group:
            channel = named(group * lanes)
            here = named(row * channels + channel)
            known = {self.total: named(load(sums, place + here, lanes))}
            self.elements(known, channel, named(start + here), lanes)
