"""The elementwise nodes after an anchor, four channels at a time."""

from __future__ import annotations

from collections.abc import Mapping

from tvm import tirx

from graphopt import ops
from graphopt.ir import Node, Value
from graphopt.lower.casts import pack, unpack
from graphopt.schedules.emit import Buffer, Elements, Expr, load, loop, named, splat, store
from graphopt.schedules.mcu.identity import kind
from graphopt.schedules.region import Anchored

LANES = 4


class VectorEpilogue(Elements):
    """Computes what a region makes of rows of sums; see `Epilogue` for the kinds of operands."""

    def __init__(self, where: Anchored, buffers: Mapping[Value, Buffer]) -> None:
        super().__init__(where.region, buffers, where.result.type.dims)
        self.anchor = where.anchor

    def rows(
        self, sums: Buffer, place: Expr, start: Expr, rows: Expr, channels: Expr, lanes: int
    ) -> None:
        """Store all outputs of `rows` rows, which follow each other from element `start` on.

        `sums` holds what the anchor gives for them, from `place` on. `channels` is a multiple of
        `lanes`.
        """
        with loop(rows) as row:
            with loop(channels // lanes) as group:
                channel = named(group * lanes)
                here = named(row * channels + channel)
                known = {self.anchor.output: named(load(sums, place + here, lanes))}
                self._store(known, channel, named(start + here), lanes)

    def _store(self, known: dict[Value, Expr], channel: Expr, position: Expr, lanes: int) -> None:
        # All are computed before the first is stored, which may lie over an operand.
        results = [
            named(self.value(output, known, channel, position, lanes))
            for output in self.region.outputs
        ]
        for output, result in zip(self.region.outputs, results, strict=True):
            store(self.buffers[output], position, pack(result, output.type.dtype), lanes)

    def _operand(self, value: Value, row: Expr, column: Expr, lanes: int) -> Expr:
        how, dtype = kind(value, self.shape), value.type.dtype
        if how == "number":
            return splat(unpack(self.buffers[value][0], dtype), lanes)
        return unpack(load(self.buffers[value], row if how == "channel" else column, lanes), dtype)

    def _result(self, node: Node, inputs: list[Expr]) -> Expr:
        if isinstance(node.op, ops.Rescale) and inputs[0].ty.dtype == f"int32x{LANES}":
            x, multiplier, offset = inputs
            name, signed = "llvm.arm.mve.vrmulh", tirx.IntImm("int32", 0)
            dtype = str(inputs[0].ty.dtype)
            return tirx.call_llvm_pure_intrin(dtype, name, x, multiplier, signed) + offset
        return super()._result(node, inputs)
