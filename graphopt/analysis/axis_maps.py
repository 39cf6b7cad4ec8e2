"""Which part of an input a part of an output is computed from, along one axis of a map.

The arithmetic of sliding windows: an output row r of a window of `kernel` taps reads the input
rows r * stride - begin + tap * dilation. Rows outside the map are padding. They are clipped here,
so that a tile holds padding where its windows leave the true map, and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Span:
    """The rows, or columns, `lo` to `hi` - 1 of a map."""

    lo: int
    hi: int

    @property
    def size(self) -> int:
        return self.hi - self.lo

    def hull(self, other: Span) -> Span:
        """The smallest span that holds both."""
        return Span(min(self.lo, other.lo), max(self.hi, other.hi))

    def __str__(self) -> str:
        return f"[{self.lo},{self.hi})"


@dataclass(frozen=True)
class AxisMap:
    """A sliding window along one axis. One tap with stride 1 and no padding is the identity.

    Attributes:
        kernel, stride, dilation: as in `Conv`.
        begin: elements of padding before the first one; negative where elements are skipped.
        input_size, output_size: of the whole map.
        end: where the taps beyond the padding differ from those in it (average pools that count
            padding, in ceil mode): the elements of padding after the last one.
    """

    kernel: int
    stride: int
    dilation: int
    begin: int
    input_size: int
    output_size: int
    end: int | None = None

    @staticmethod
    def identity(size: int) -> AxisMap:
        """Each output from the same input, along an axis of `size`."""
        return AxisMap(1, 1, 1, 0, size, size)

    @property
    def is_identity(self) -> bool:
        return self == AxisMap.identity(self.input_size)

    @property
    def reach(self) -> int:
        """From the first tap of a window to one past its last."""
        return (self.kernel - 1) * self.dilation + 1

    def window(self, span: Span) -> Span:
        """What the windows of the outputs `span` cover, padding included."""
        first = span.lo * self.stride - self.begin
        return Span(first, (span.hi - 1) * self.stride - self.begin + self.reach)

    def cover(self, span: Span) -> Span:
        """The outputs that a tile computes to have those of `span`.

        They are those of `span`, but where all their taps lie in the padding: a tile needs an
        element of the input, so it goes on to the next window that has one.
        """
        if self.window(span).hi <= 0:
            touching = (self.begin - self.reach) // self.stride + 1
            span = Span(span.lo, max(span.hi, min(touching + 1, self.output_size)))
        if self.window(span).lo >= self.input_size:
            touching = -(-(self.input_size + self.begin) // self.stride) - 1
            span = Span(min(span.lo, max(0, touching)), span.hi)
        if not self._clipped(span).size:
            return Span(0, self.output_size)
        if self.end is not None and span.size == 1 and self._overhang(span) > self.end:
            return Span(span.lo - 1, span.hi)
        return span

    def pull(self, span: Span) -> Span:
        """The inputs that the outputs `span` are computed from, inside the map.

        All outputs take all of the input, with the last elements that are too few for a window:
        rows that are whole stay whole.
        """
        left = self.input_size - self.window(span).hi
        if span == Span(0, self.output_size) and self.begin >= 0 and left < self.stride:
            return Span(0, self.input_size)
        clipped = self._clipped(self.cover(span))
        return clipped if clipped.size else Span(0, self.input_size)

    def padding(self, span: Span) -> tuple[int, int]:
        """How far the windows of the outputs `span` leave the map, at its begin and at its end."""
        covered = self.cover(span)
        return max(0, -self.window(covered).lo), max(0, self._overhang(covered))

    def _overhang(self, span: Span) -> int:
        return self.window(span).hi - self.input_size

    def _clipped(self, span: Span) -> Span:
        window = self.window(span)
        lo = min(max(window.lo, 0), self.input_size)
        return Span(lo, max(lo, min(window.hi, self.input_size)))


@dataclass(frozen=True)
class FixedMap:
    """Every output is computed from all of a short axis, of one element when it is broadcast."""

    input_size: int
    output_size: int

    def cover(self, span: Span) -> Span:
        """The outputs that a tile computes to have those of `span`: those."""
        return span

    def pull(self, span: Span) -> Span:
        """The inputs that the outputs `span` are computed from: all."""
        return Span(0, self.input_size)

    def padding(self, span: Span) -> tuple[int, int]:
        """How far the outputs `span` reach beyond the input: not at all."""
        return 0, 0


@dataclass(frozen=True)
class ResizeMap:
    """Resampling that repeats itself after some inputs and outputs: a tile begins with a period.

    Attributes:
        inputs, outputs: the elements of a period.
        first, last: the first and the last input that each output is computed from, ascending.
        input_size: of the whole map.
    """

    inputs: int
    outputs: int
    first: tuple[int, ...]
    last: tuple[int, ...]
    input_size: int

    @property
    def output_size(self) -> int:
        return len(self.first)

    def period(self, output: int) -> int:
        """The number of the period with which a tile begins whose first output is `output`."""
        return min(self.first[output] // self.inputs, output // self.outputs)

    def cover(self, span: Span) -> Span:
        """The outputs that a tile computes to have those of `span`."""
        return Span(self.period(span.lo) * self.outputs, span.hi)

    def pull(self, span: Span) -> Span:
        """The inputs that a tile reads to compute the outputs `span`."""
        return Span(self.period(span.lo) * self.inputs, self.last[span.hi - 1] + 1)

    def padding(self, span: Span) -> tuple[int, int]:
        """How far the outputs `span` reach beyond the input: not at all."""
        return 0, 0


@dataclass(frozen=True)
class BlockMap:
    """Each input becomes a block of `block` outputs, which a tile computes together."""

    block: int
    input_size: int

    @property
    def output_size(self) -> int:
        return self.input_size * self.block

    def cover(self, span: Span) -> Span:
        """The outputs that a tile computes to have those of `span`: whole blocks."""
        read = self.pull(span)
        return Span(read.lo * self.block, read.hi * self.block)

    def pull(self, span: Span) -> Span:
        """The inputs that the outputs `span` are computed from."""
        return Span(span.lo // self.block, -(-span.hi // self.block))

    def padding(self, span: Span) -> tuple[int, int]:
        """How far the outputs `span` reach beyond the input: not at all."""
        return 0, 0


@dataclass(frozen=True)
class ChainMap:
    """`inner` computes from the input what `outer` computes the output from."""

    outer: SpanMap
    inner: SpanMap

    @property
    def input_size(self) -> int:
        return self.inner.input_size

    @property
    def output_size(self) -> int:
        return self.outer.output_size

    def pull(self, span: Span) -> Span:
        """The inputs that the outputs `span` are computed from."""
        return self.inner.pull(self.outer.pull(span))


@dataclass(frozen=True)
class HullMap:
    """Two ways from one input to the output: what either of them reads, and what is between."""

    first: SpanMap
    second: SpanMap

    @property
    def input_size(self) -> int:
        return self.first.input_size

    @property
    def output_size(self) -> int:
        return self.first.output_size

    def pull(self, span: Span) -> Span:
        """The inputs that the outputs `span` are computed from."""
        return self.first.pull(span).hull(self.second.pull(span))


OperatorMap = AxisMap | FixedMap | ResizeMap | BlockMap
SpanMap = OperatorMap | ChainMap | HullMap


def chained(outer: SpanMap, inner: SpanMap) -> SpanMap:
    """`outer` after `inner`, in the simplest form."""
    if isinstance(outer, AxisMap) and outer.is_identity:
        return inner
    if isinstance(inner, AxisMap) and inner.is_identity:
        return outer
    if isinstance(inner, FixedMap):
        return FixedMap(inner.input_size, outer.output_size)
    return ChainMap(outer, inner)


def joined(first: SpanMap, second: SpanMap) -> SpanMap:
    """What both read, in the simplest form."""
    return first if first == second else HullMap(first, second)
