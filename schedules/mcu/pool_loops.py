"""TIR of pools over windows."""

from __future__ import annotations

from collections.abc import Mapping

from graphopt import ops
from graphopt.ir import Value
from graphopt.lower.dtypes import tvm_dtype
from graphopt.lower.lanes import cast
from graphopt.schedules.emit import Buffer, Expr, T, loop, named
from graphopt.schedules.mcu.epilogue import Epilogue
from graphopt.schedules.region import Anchored
from graphopt.targets import McuTarget


class PoolEmitter:
    """Emits the loops over rows, columns and channels of the output, which is written in order."""

    def __init__(
        self,
        where: Anchored,
        sizes: Mapping[str, Expr],
        buffers: Mapping[Value, Buffer],
        target: McuTarget,
    ) -> None:
        (x,) = where.anchor.inputs
        self.largest = isinstance(where.anchor.op, ops.MaxPool)
        self.x, self.sizes = buffers[x], sizes
        self.dtype = tvm_dtype(where.result.type.dtype)
        self.epilogue = Epilogue(where, buffers, target)

    def emit(self, taps: tuple[int, int]) -> None:
        """All outputs, of windows of `taps`."""
        size = self.sizes
        with loop(size["images"]) as image, loop(size["out_rows"]) as row:
            top = named(row * size["row_stride"] - size["top"])
            start = named(image * size["image_step"])
            with loop(size["out_columns"]) as column:
                left = named(column * size["column_stride"] - size["left"])
                pixel = (image * size["out_rows"] + row) * size["out_columns"] + column
                out = named(pixel * size["channels"])
                self._pixel(taps, start, top, left, out)

    def _pixel(self, taps: tuple[int, int], start: Expr, top: Expr, left: Expr, out: Expr) -> None:
        size = self.sizes
        rows = [
            named(start + self._within(top + i, size["rows"]) * size["row_step"])
            for i in range(taps[0])
        ]
        columns = [
            named(self._within(left + j, size["columns"]) * size["channels"])
            for j in range(taps[1])
        ]
        places = [named(row + column) for row in rows for column in columns]
        with loop(size["channels"]) as channel:
            total = self._element(places[0] + channel)
            for place in places[1:]:
                total = named(self._joined(total, self._element(place + channel)))
            self.epilogue.store(self.epilogue.channel(channel), total, out + channel)

    def _within(self, place: Expr, size: Expr) -> Expr:
        """The nearest place of an axis."""
        return T.max(T.int32(0), T.min(place, size - 1))

    def _element(self, place: Expr) -> Expr:
        return cast(self.x[place], self.dtype)

    def _joined(self, total: Expr, element: Expr) -> Expr:
        return T.max(total, element) if self.largest else total + element
