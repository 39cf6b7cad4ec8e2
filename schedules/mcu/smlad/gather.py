"""TIR that copies the windows of a block of pixels into the scratch, widened to 16 bits.

A block is a word for each pixel, the sum of its elements, then for each group of 4 taps two words
of each pixel: taps 0 and 2 as halves of a word, for all pixels, then taps 1 and 3.
"""

from __future__ import annotations

from collections.abc import Mapping

from tvm import tirx

from graphopt.schedules.emit import Buffer, Expr, T, loop, named, view
from graphopt.schedules.mcu.instructions import Instructions
from graphopt.schedules.mcu.smlad.blocks import BlocksPlan
from graphopt.schedules.mcu.smlad.digits import GROUP
from graphopt.targets import McuTarget

_ONES = 0x00010001


class Gather:
    """Fills the block at the start of the scratch."""

    def __init__(
        self,
        plan: BlocksPlan,
        x: Buffer,
        scratch: Buffer,
        sizes: Mapping[str, Expr],
        target: McuTarget,
    ) -> None:
        self.plan, self.x, self.scratch, self.sizes = plan, x, scratch, sizes
        self.instructions = Instructions(target)
        self.pixels = plan.format.pixels
        self.signed = plan.product.x.type.dtype.is_signed
        self.words = view(scratch, "int32")
        self.widen = f"graphopt_{plan.routines[1]}"

    def block(self, image: Expr, group: Expr, first: Expr, valid: Expr) -> None:
        """The windows of pixels `first` to `first + valid - 1`; others are left undefined."""
        for p in range(self.pixels):
            T.buffer_store(self.words, T.int32(0), [p])
        if self.plan.pointwise:
            self._pointwise(first, valid)
        elif self.plan.words:
            self._words(image, group, first, valid)
        else:
            self._bytes(image, group, first, valid)

    def _pointwise(self, first: Expr, valid: Expr) -> None:
        channels = self.sizes["channels"]
        start = named(first * channels)
        with T.If(valid == self.pixels):
            with T.Then():
                self._widen(self.x, start, channels, T.int32(0), channels // GROUP)
            with T.Else(), loop(valid) as p:
                self._widen_pixel(start + p * channels, p, T.int32(0), channels // GROUP)

    def _words(self, image: Expr, group: Expr, first: Expr, valid: Expr) -> None:
        s = self.sizes
        one = self._of_group()
        place = _Place(self, image, first)
        with T.If(T.And(valid == self.pixels, place.inside(self.pixels))):
            with T.Then():
                joined = self._joined(one)
                run, runs = named(joined[0] // GROUP), named(joined[1])
                start = named(place.offset(0, 0) + group * one)
                with loop(s["kernel_y"]) as ky, loop(runs) as kx:
                    offset = (
                        start
                        + (ky * s["dilation_y"] * s["width"] + kx * s["dilation_x"])
                        * (s["channels"])
                    )
                    step = s["stride_x"] * s["channels"]
                    self._widen(self.x, offset, step, (ky * runs + kx) * run, run)
            with T.Else(), loop(valid) as p:
                here = _Place(self, image, first + p)
                with loop(s["kernel_y"]) as ky, loop(s["kernel_x"]) as kx:
                    position = named((ky * s["kernel_x"] + kx) * (one // GROUP))
                    with T.If(here.has(ky, kx)):
                        with T.Then():
                            offset = here.offset(ky, kx) + group * one
                            self._widen_pixel(named(offset), p, position, one // GROUP)
                        with T.Else():
                            self._fill(p, position, one // GROUP)

    def _bytes(self, image: Expr, group: Expr, first: Expr, valid: Expr) -> None:
        """Windows that are no whole words: bytes by bytes first, widened after that."""
        s = self.sizes
        one = self._of_group()
        taps = named(s["kernel_y"] * s["kernel_x"] * one)
        padded = named((taps + GROUP - 1) // GROUP * GROUP)
        rows = view(self.scratch, str(self.x.dtype))
        whole = T.And(valid == self.pixels, _Place(self, image, first).inside(self.pixels))
        pixels = named(tirx.Select(whole, T.int32(self.pixels), T.int32(1)))
        with loop(tirx.Select(pixels == 1, valid, T.int32(1))) as p:
            here = _Place(self, image, first + p)
            to = named(s["rows"] + p * padded)
            with T.If(here.inside(1)):
                with T.Then():
                    start = here.offset(0, 0) + group * one
                    self._copy(rows, to, start, one, (pixels, padded))
                with T.Else(), loop(s["kernel_y"]) as ky, loop(s["kernel_x"]) as kx:
                    position = named(to + (ky * s["kernel_x"] + kx) * one)
                    with T.If(here.has(ky, kx)):
                        with T.Then():
                            offset = named(here.offset(ky, kx) + group * one)
                            with loop(one) as c:
                                T.buffer_store(rows, self.x[offset + c], [position + c])
                        with T.Else(), loop(one) as c:
                            pad = tirx.Cast(str(self.x.dtype), s["pad_value"])
                            T.buffer_store(rows, pad, [position + c])
        self._widen(self.scratch, s["rows"], padded, T.int32(0), padded // GROUP)

    def _of_group(self) -> Expr:
        """The channels that a group reads."""
        channels = self.sizes["channels"]
        if self.plan.window.groups == 1:
            return channels
        return named(tirx.truncdiv(channels, self.sizes["groups"]))

    def _joined(self, one: Expr) -> tuple[Expr, Expr]:
        """How many bytes of a row of a window are neighbours, and how many such runs it has."""
        s = self.sizes
        if self.plan.window.groups > 1:
            return one, s["kernel_x"]
        neighbours = s["dilation_x"] == 1
        return (
            tirx.Select(neighbours, s["kernel_x"] * one, one),
            tirx.Select(neighbours, T.int32(1), s["kernel_x"]),
        )

    def _copy(
        self, rows: Buffer, to: Expr, start: Expr, one: Expr, pixels: tuple[Expr, Expr]
    ) -> None:
        """Windows that touch no padding, in rows of bytes that are neighbours.

        `pixels` are their number and their distance in the scratch.
        """
        s = self.sizes
        run, runs = (named(size) for size in self._joined(one))
        down, right = s["dilation_y"] * s["width"] * s["channels"], s["dilation_x"] * s["channels"]
        joined = runs == 1
        count = named(tirx.Select(joined, s["kernel_y"], runs))
        step = named(tirx.Select(joined, down, right))
        with loop(tirx.Select(joined, T.int32(1), s["kernel_y"])) as i:
            call = tirx.call_extern(
                "int32",
                "graphopt_copy_rows",
                T.address_of(self.x[start + i * down]),
                T.address_of(rows[to + i * count * run]),
                step,
                run,
                count,
                pixels[0],
                s["stride_x"] * s["channels"],
                pixels[1],
            )
            T.evaluate(call)

    def _widen(
        self, source: Buffer, offset: Expr, step: Expr, position: Expr, groups: Expr
    ) -> None:
        """`groups` groups of all pixels, which lie `step` bytes apart, to group `position` on."""
        pointers = T.address_of(source[offset]), T.address_of(self.words[0])
        call = tirx.call_extern("int32", self.widen, *pointers, step, position, groups)
        T.evaluate(call)

    def _widen_pixel(self, offset: Expr, p: Expr, position: Expr, groups: Expr) -> None:
        """The same for pixel `p` alone."""
        x = view(self.x, "int32")
        start = named(offset // GROUP)
        with loop(groups) as i:
            word = named(x[start + i])
            even, odd = word, self.instructions.rotate(word, 8)
            extend = self.instructions.sxtb16 if self.signed else self.instructions.uxtb16
            self._put(p, position + i, named(extend(even)), named(extend(odd)))

    def _fill(self, p: Expr, position: Expr, groups: Expr) -> None:
        """Padding: `groups` groups of one value."""
        pad = self.sizes["pad_value"]
        both = named((pad << 16) | (pad & 0xFFFF))
        with loop(groups) as i:
            self._put(p, position + i, both, both)

    def _put(self, p: Expr, group: Expr, even: Expr, odd: Expr) -> None:
        ones = T.int32(_ONES)
        total = self.instructions.smlad(odd, ones, self.words[p])
        T.buffer_store(self.words, self.instructions.smlad(even, ones, total), [p])
        at = named(self.pixels + 2 * self.pixels * group + p)
        T.buffer_store(self.words, even, [at])
        T.buffer_store(self.words, odd, [at + self.pixels])


class _Place:
    """Where the window of an output pixel starts in x."""

    def __init__(self, gather: Gather, image: Expr, pixel: Expr) -> None:
        s = self.sizes = gather.sizes
        self.image = image
        row = named(tirx.truncdiv(pixel, s["out_width"]))
        self.column = named(pixel - row * s["out_width"])
        self.y = named(row * s["stride_y"] - s["top"])
        self.x = named(self.column * s["stride_x"] - s["left"])

    def inside(self, pixels: int) -> Expr:
        """Whether this and the next `pixels - 1` windows, in one row, touch no padding."""
        s = self.sizes
        last_y = self.y + (s["kernel_y"] - 1) * s["dilation_y"]
        last_x = self.x + (pixels - 1) * s["stride_x"] + (s["kernel_x"] - 1) * s["dilation_x"]
        vertical = T.And(self.y >= 0, last_y < s["height"])
        horizontal = T.And(self.x >= 0, last_x < s["width"])
        same_row = self.column + (pixels - 1) < s["out_width"]
        return T.And(T.And(vertical, horizontal), same_row)

    def has(self, ky: Expr, kx: Expr) -> Expr:
        """Whether a tap of the window lies in x."""
        s = self.sizes
        y, x = self.y + ky * s["dilation_y"], self.x + kx * s["dilation_x"]
        return T.And(T.And(y >= 0, y < s["height"]), T.And(x >= 0, x < s["width"]))

    def offset(self, ky: Expr | int, kx: Expr | int) -> Expr:
        """The element of x where a tap's channels start."""
        s = self.sizes
        y, x = self.y + ky * s["dilation_y"], self.x + kx * s["dilation_x"]
        return ((self.image * s["height"] + y) * s["width"] + x) * s["channels"]
