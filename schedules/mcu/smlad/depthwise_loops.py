"""TIR of a depthwise convolution whose rows routines read and multiply."""

from __future__ import annotations

from collections.abc import Mapping

from tvm import tirx

from graphopt.ir import Value
from graphopt.schedules.emit import Buffer, Expr, T, count, loop, named, view
from graphopt.schedules.mcu.epilogue import Epilogue
from graphopt.schedules.mcu.smlad.depthwise import (
    CHANNEL,
    CHANNELS,
    FIELDS,
    SIZES,
    Rescaled,
    Routine,
)
from graphopt.schedules.region import Anchored
from graphopt.targets import McuTarget

Sizes = dict[str, Expr]


class DepthwiseEmitter:
    """Emits the loops over channels and bands of rows around the routines.

    Scratch holds the numbers that they share, rows of two channels, and totals of rows where the
    epilogue is not theirs.
    """

    def __init__(
        self,
        where: Anchored,
        rescaled: Rescaled | None,
        reader: str,
        routine: Routine,
        buffers: Mapping[Value, Buffer],
        scratch: Buffer,
        target: McuTarget,
    ) -> None:
        x, w, *bias = where.anchor.inputs
        self.x, self.w = buffers[x], buffers[w]
        self.bias = buffers[bias[0]] if bias else None
        self.out = buffers[where.region.outputs[0]]
        self.rescaled, self.reader, self.routine = rescaled, reader, routine
        self.words = view(scratch, "int32")
        self.epilogue = Epilogue(where, buffers, target)

    def emit(self, sizes: Sizes) -> None:
        """All images, by pairs of channels."""
        shared = dict(sizes)
        if self.rescaled is None:
            totals = {"out_column_step": T.int32(4), "out_row_step": sizes["out_columns"] * 4}
            shared |= totals
        self._store(*(shared[name] for name in SIZES[: FIELDS - CHANNEL]), start=CHANNEL)
        self._pad_columns(sizes)
        pairs = T.shift_right(sizes["channels"] + 1, 1)
        with loop(sizes["images"]) as image, loop(pairs) as pair:
            # The last of an odd number is read beside the one before, which stays as it is.
            first = named(T.min(pair * CHANNELS, sizes["channels"] - CHANNELS))
            x = named(image * sizes["image_step"] + first)
            self._bands(sizes, image * sizes["out_image_step"], x, first, pair * CHANNELS)

    def _pad_columns(self, sizes: Sizes) -> None:
        """The padding beside rows stays as it is: rows are put between."""
        pair = CHANNELS * self.routine.slots
        words = named(sizes["blocks"] * self.routine.slots)
        before = T.shift_right(sizes["left"] + 1, 1) * pair
        behind = named(T.shift_right(sizes["left"] + sizes["columns"], 1) * pair)
        with loop(T.min(before, words)) as i:
            self._store(sizes["pad"], start=FIELDS + i)
        with loop(words - behind) as i:
            self._store(sizes["pad"], start=FIELDS + behind + i)

    def _bands(self, sizes: Sizes, image: Expr, x: Expr, first: Expr, start: Expr) -> None:
        """All rows of the outputs of two channels, of which `start` is the first to be made."""
        bands = T.truncdiv(sizes["out_rows"] + sizes["band"] - 1, sizes["band"])
        outputs = CHANNELS * sizes["multiplier"]
        with loop(bands) as band:
            done = named(band * sizes["band"])
            rows = named(T.min(sizes["band"], sizes["out_rows"] - done))
            slots = T.shift_right((rows - 1) * sizes["x_step"], 2) + sizes["tap_rows"]
            row = sizes["first"] + band * sizes["moved"]
            self._call(self.reader, self.x[x], row, slots)
            place = named(image + done * sizes["out_row_step"])
            self._store(rows, start=CHANNEL - 1)
            with count((start - first) * sizes["multiplier"], outputs) as output:
                channel = named(first * sizes["multiplier"] + output)
                half = T.truncdiv(output, sizes["multiplier"])
                words = T.address_of(self.words[FIELDS + half * self.routine.slots])
                self._rows(sizes, channel, words, named(place + channel), rows)

    def _rescale(self, known: Mapping[Value, Expr]) -> tuple[Expr, ...]:
        """The multiplier and offset for the routine."""
        if self.rescaled is None:
            return ()
        constants = self.epilogue.region.constants
        return tuple(
            known[value] if value in known else T.int32(constants[value].item())
            for value in (self.rescaled.multiplier, self.rescaled.offset)
        )

    def _rows(self, sizes: Sizes, channel: Expr, words: Expr, place: Expr, rows: Expr) -> None:
        """Rows of outputs of one channel from `place` on."""
        known = self.epilogue.channel(channel)
        bias = self.bias[channel] if self.bias is not None else T.int32(0)
        self._store(bias, *self._rescale(known))
        taps = T.address_of(self.w[channel * sizes["tap_rows"] * self.routine.columns])
        if self.rescaled is not None:
            self._call(self.routine.name, self.out[place], taps, words)
            return
        totals = named(FIELDS + sizes["blocks"] * self.routine.slots)
        self._call(self.routine.name, self.words[totals], taps, words)
        with loop(rows) as row:
            start = named(place + row * sizes["out_row_step"])
            line = named(totals + row * sizes["out_columns"])
            with loop(sizes["out_columns"]) as column:
                total = named(self.words[line + column])
                self.epilogue.store(known, total, start + column * sizes["out_column_step"])

    def _call(self, routine: str, place: Expr, *arguments: Expr) -> None:
        name = f"graphopt_{routine}"
        layer, there = T.address_of(self.words[0]), T.address_of(place)
        T.evaluate(tirx.call_extern("int32", name, layer, there, *arguments))

    def _store(self, *numbers: Expr, start: Expr = 0) -> None:
        for i, number in enumerate(numbers):
            T.buffer_store(self.words, number, [start + i])
