"""The part of a network that runs patch by patch, and the patches of its maps."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from graphopt.analysis.axis_maps import Span
from graphopt.analysis.receptive_field import fields, whole_map
from graphopt.analysis.spatial import NotSpatial, Rectangle, map_size
from graphopt.analysis.tiles import Tile, tile
from graphopt.errors import OptionError
from graphopt.ir import Graph, Node, Value
from graphopt.ops import Fused
from graphopt.quantization.groups import find_placement
from graphopt.quantization.patches.channels_last import NoTwin, channels_last_twin

# A head reaches as far as maps have this share of the image's rows: MCUNetV2's own example.
LEAST_ROWS = 1 / 8


@dataclass(frozen=True)
class Grid:
    """Into how many patches a head's output is cut, as evenly as rows and columns allow.

    Attributes:
        output: the name of the map that the head ends with; see `find_head`.
    """

    rows: int
    columns: int
    output: str | None = None

    @staticmethod
    def parse(text: str) -> Grid:
        """The grid of a text like "4x4", rows and columns, or "4x4@MAP" for a head up to MAP.

        Raises:
            OptionError: it is no such text.
        """
        found = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)(?:@(.+))?", text)
        if not found:
            raise OptionError(
                "patches", f"expected ROWSxCOLUMNS like 4x4, or 4x4@MAP, found {text!r}"
            )
        return Grid(int(found[1]), int(found[2]), found[3])

    def rectangles(self, rows: int, columns: int) -> tuple[Rectangle, ...]:
        """The patches of a map, row by row."""
        return tuple((r, c) for r in _parts(rows, self.rows) for c in _parts(columns, self.columns))

    def __str__(self) -> str:
        at = "" if self.output is None else f"@{self.output}"
        return f"{self.rows}x{self.columns}{at}"


@dataclass(frozen=True)
class Head:
    """The operators between the image and one map, which every patch computes for itself.

    Attributes:
        output: the map, of the network's graph.
        grid: of the patches of `output`.
        region: one node with channels last: from the image to `output`.
        maps: of the network's graph, by the names of those of the region.
    """

    output: Value
    grid: Grid
    region: Node
    maps: Mapping[str, Value]

    @property
    def body(self) -> Graph:
        """What the region computes, in the order of the network's first nodes."""
        assert isinstance(self.region.op, Fused)
        return self.region.op.body

    @cached_property
    def patches(self) -> tuple[Rectangle, ...]:
        """The rectangles of `output`."""
        return self.grid.rectangles(*map_size(self.body.outputs[0]))

    @cached_property
    def tiles(self) -> tuple[Tile, ...]:
        """What each patch computes."""
        return tuple(tile(self.region, *patch) for patch in self.patches)

    @cached_property
    def rectangles(self) -> tuple[dict[str, Rectangle], ...]:
        """What of each map each patch computes or reads, halos included, by the map's name."""
        return tuple(self._rectangles(patch) for patch in self.patches)

    def macs(self, output: str) -> tuple[int, ...]:
        """The multiplications of each patch for the map of this name."""
        return tuple(
            sum(node.macs for node in each.graph.nodes if node.outputs[0].name == output)
            for each in self.tiles
        )

    def _rectangles(self, patch: Rectangle) -> dict[str, Rectangle]:
        found = fields(self.body.nodes, {self.body.outputs[0]: patch})
        assert not isinstance(found, NotSpatial)
        return {value.name: part for value, part in found.items() if part is not None}


def find_head(graph: Graph, grid: Grid) -> Head:
    """The head of a canonical float graph with one image as input.

    It ends with a quantized map that everything passes through: the one that `grid` names, or
    else, of those with at least an eighth of the image's rows, from the ones with the fewest rows
    the smallest, and of these the first.

    Raises:
        OptionError: no such map, one that cannot be computed in patches, or more patches than
            rows or columns; says why.
    """
    passages = list(_passages(graph))
    names = ", ".join(value.name for value, _ in passages) or "none"
    if grid.output is not None:
        ends = [each for each in passages if each[0].name == grid.output]
        if not ends:
            raise OptionError(
                "patches",
                f"expected a map that everything passes through, found {grid.output}",
                f"these are such maps: {names}",
            )
        return _head(graph, *ends[0], grid)
    ends = [each for each in passages if _fits(graph, each[0], grid)]
    reason = "" if not passages else f"of {names} none is large enough for {grid} patches"
    for value, count in sorted(ends, key=lambda each: _preference(each[0])):
        try:
            return _head(graph, value, count, grid)
        except OptionError as error:
            reason = error.what
    raise OptionError(
        "patches",
        "expected operators behind an image that can run in patches, found none",
        reason or "the network has no map that everything passes through",
    )


def _preference(value: Value) -> tuple[int, int]:
    return value.type.dims[2], value.type.elements


def _fits(graph: Graph, value: Value, grid: Grid) -> bool:
    rows, columns = value.type.dims[2:]
    least = math.ceil(graph.inputs[0].type.dims[2] * LEAST_ROWS)
    return rows >= max(least, grid.rows) and columns >= grid.columns


def _passages(graph: Graph) -> Iterator[tuple[Value, int]]:
    """The quantized maps that everything passes through, and the number of nodes up to each.

    What is not quantized, between a convolution and its clip, stays within one kernel.
    """
    quantized = {value for group in find_placement(graph).groups for value in group.values}
    last: dict[Value, int] = {}
    for index, node in enumerate(graph.nodes):
        last.update(dict.fromkeys(node.inputs, index))
    last.update(dict.fromkeys(graph.outputs, len(graph.nodes)))
    live = {value for value in graph.inputs if value in last}
    if len(graph.inputs) != 1 or graph.inputs[0].type.rank != 4:
        return
    for index, node in enumerate(graph.nodes):
        live |= set(node.outputs)
        live = {value for value in live if last.get(value, -1) > index}
        if len(live) == 1 and index + 1 < len(graph.nodes):
            (value,) = live
            if value in quantized and value.type.rank == 4 and value.type.dims[0] == 1:
                yield value, index + 1


def _head(graph: Graph, output: Value, count: int, grid: Grid) -> Head:
    rows, columns = output.type.dims[2:]
    if grid.rows > rows or grid.columns > columns:
        raise OptionError(
            "patches", f"expected at most {rows}x{columns} of {output.name}, found {grid}"
        )
    try:
        region, maps = channels_last_twin(graph, graph.nodes[:count], output)
    except NoTwin as error:
        raise OptionError("patches", f"{output.name}: {error}") from error
    head = Head(output, grid, region, maps)
    found = fields(head.body.nodes, {head.body.outputs[0]: whole_map(head.body.outputs[0])})
    if isinstance(found, NotSpatial):
        raise OptionError("patches", f"{output.name}: {found.reason}")
    return head


def _parts(size: int, count: int) -> list[Span]:
    """`size` rows in `count` spans that differ by at most one row."""
    ends = [size * i // count for i in range(count + 1)]
    return [Span(a, b) for a, b in zip(ends, ends[1:], strict=False)]
