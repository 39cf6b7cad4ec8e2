"""Where windows over an image reach beyond its borders: plain arithmetic on NHWC geometry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from graphopt.ir import TensorType
from graphopt.rewrite import Reject
from graphopt.schedules.cpu.tiling import Group, split
from graphopt.schedules.region import Anchored
from graphopt.targets import CpuTarget

# Each border tile is code of its own; beyond this, building takes longer than it gains.
MAX_EDGE_TILES = 8
# Enough chains of additions to hide their latency, few enough to leave registers for operands.
PIXELS = range(7, 3, -1)


@dataclass(frozen=True)
class Axis:
    """One spatial dimension of a windowed operator."""

    size: int
    out: int
    kernel: int
    stride: int
    pad: int
    dilation: int

    def taps(self, position: int) -> range:
        """The kernel taps of output `position` that fall inside the input."""
        start = position * self.stride - self.pad
        first = max(0, -(start // self.dilation))
        last = min(self.kernel, -((start - self.size) // self.dilation))
        return range(first, max(first, last))

    @cached_property
    def interior(self) -> range:
        """The longest run of output positions all whose taps fall inside the input."""
        first = min(self.out, -(-self.pad // self.stride))
        reach = (self.kernel - 1) * self.dilation - self.pad
        last = min(self.out, (self.size - 1 - reach) // self.stride + 1)
        return range(first, max(first, last))

    @property
    def pointwise(self) -> bool:
        """Whether each output reads the input of the same number, and no other."""
        return self.kernel == 1 and self.stride == 1 and self.size == self.out

    @property
    def clipped(self) -> bool:
        """Whether some window reaches beyond the input."""
        return len(self.interior) < self.out


def axes(
    x: TensorType,
    out: TensorType,
    kernel: Sequence[int],
    strides: Sequence[int],
    pads: Sequence[int],
    dilations: Sequence[int],
) -> tuple[Axis, Axis]:
    """The vertical and the horizontal axis of a 2-D windowed operator over NHWC tensors."""
    vertical, horizontal = (
        Axis(x.dims[1 + i], out.dims[1 + i], kernel[i], strides[i], pads[i], dilations[i])
        for i in (0, 1)
    )
    return vertical, horizontal


@dataclass(frozen=True)
class Strip:
    """Neighbouring tiles of `size` outputs along an axis, starting at `start`.

    Tiles at a border stand alone (`count` 1) with `edge` set: each has windows that are cut.
    """

    start: int
    count: int
    size: int
    edge: bool


def strips(axis: Axis, most: int) -> tuple[Strip, ...]:
    """Cut the outputs along `axis` into tiles of at most `most`, equal ones together."""
    result: list[Strip] = []
    for group in split(axis.out, most):
        inside = [i for i in range(group.count) if _inside(axis, group, i)]
        first, last = (inside[0], inside[-1] + 1) if inside else (group.count, group.count)
        result.extend(_edges(group, range(first)))
        if inside:
            start = group.start + first * group.size
            result.append(Strip(start, last - first, group.size, False))
        result.extend(_edges(group, range(last, group.count)))
    return tuple(result)


def _inside(axis: Axis, group: Group, i: int) -> bool:
    start = group.start + i * group.size
    return start in axis.interior and start + group.size - 1 in axis.interior


def _edges(group: Group, tiles: range) -> list[Strip]:
    return [Strip(group.start + i * group.size, 1, group.size, True) for i in tiles]


@dataclass(frozen=True)
class Stretch:
    """Neighbouring taps (first to last - 1) that are valid for the same rows of a tile."""

    first: int
    last: int
    rows: tuple[int, ...]


def stretches(axis: Axis, strip: Strip) -> tuple[Stretch, ...]:
    """The taps of a tile, cut where the set of rows changes whose windows hold them."""
    if not strip.edge:
        return (Stretch(0, axis.kernel, tuple(range(strip.size))),)
    result: list[Stretch] = []
    for tap in range(axis.kernel):
        rows = tuple(i for i in range(strip.size) if tap in axis.taps(strip.start + i))
        if result and result[-1].rows == rows:
            result[-1] = Stretch(result[-1].first, tap + 1, rows)
        else:
            result.append(Stretch(tap, tap + 1, rows))
    return tuple(stretch for stretch in result if stretch.rows)


@dataclass(frozen=True)
class WindowPlan:
    """The geometry of a windowed operator that keeps the channels apart."""

    where: Anchored
    vertical: Axis
    horizontal: Axis
    strips: tuple[Strip, ...]
    lanes: int
    threads: int

    @property
    def channels(self) -> int:
        return self.where.result.type.dims[-1]


def plan_window(
    where: Anchored, target: CpuTarget, vertical: Axis, horizontal: Axis, lanes: int
) -> WindowPlan | Reject:
    """Cut a windowed operator into tiles of pixels, and its channels into vectors of `lanes`."""
    # Tiles of one size are less code than of two.
    even = (pixels for pixels in PIXELS if horizontal.out % pixels == 0)
    cut = strips(horizontal, next(even, PIXELS[0]))
    if sum(strip.edge for strip in cut) > MAX_EDGE_TILES:
        return Reject("the padding is too wide")
    return WindowPlan(where, vertical, horizontal, cut, lanes, target.threads)
