"""Which parts of a graph run tile by tile, and how: printed, saved, edited and loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphopt.errors import PlanError
from graphopt.plans import entries, mapping, names

VERSION = 1


@dataclass(frozen=True)
class NodePlan:
    """How a region runs one of its nodes.

    Attributes:
        rows: how many rows of its outputs it computes at a time at most.
        keep: whether rows that are needed again stay in memory, or are computed again.
    """

    rows: int
    keep: bool


@dataclass(frozen=True)
class RegionPlan:
    """A part of a graph that runs tile by tile. Values go by the names in the graph's text.

    Attributes:
        nodes: by the name of its first output, every node of the region.
        tile: rows and columns of the region's last output that are asked for at a time.
        streamed_inputs: inputs that arrive by rows, and are never held whole.
        streamed_outputs: outputs that leave by rows.
    """

    nodes: Mapping[str, NodePlan]
    tile: tuple[int, int]
    streamed_inputs: tuple[str, ...] = ()
    streamed_outputs: tuple[str, ...] = ()

    def __str__(self) -> str:
        rows, columns = self.tile
        lines = [f"{len(self.nodes)} nodes, tiles of {rows} x {columns}"]
        lines += [f"  %{name}: streamed in" for name in self.streamed_inputs]
        lines += [
            f"  %{name}: {'kept' if node.keep else 'computed again'}, {node.rows} rows at a time"
            for name, node in self.nodes.items()
        ]
        lines += [f"  %{name}: streamed out" for name in self.streamed_outputs]
        return "\n".join(lines)


@dataclass(frozen=True)
class PatchPlan:
    """The regions of a fused graph that run tile by tile; its other nodes run whole."""

    regions: tuple[RegionPlan, ...] = ()

    def __str__(self) -> str:
        return "\n".join(f"region {number}: {region}" for number, region in enumerate(self.regions))

    def save(self, path: str | Path) -> None:
        """Write the plan as JSON."""
        Path(path).write_text(json.dumps(self.to_json(), indent=1) + "\n", "utf-8")

    def to_json(self) -> dict[str, Any]:
        """The plan as plain data."""
        return {
            "version": VERSION,
            "regions": [
                {
                    "tile": list(region.tile),
                    "streamed_inputs": list(region.streamed_inputs),
                    "streamed_outputs": list(region.streamed_outputs),
                    "nodes": {
                        name: {"rows": node.rows, "keep": node.keep}
                        for name, node in region.nodes.items()
                    },
                }
                for region in self.regions
            ],
        }

    @staticmethod
    def load(path: str | Path) -> PatchPlan:
        """The plan in a JSON file.

        Raises:
            PlanError: the file cannot be read, or something in it is not what a plan holds.
        """
        try:
            data = json.loads(Path(path).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise PlanError(str(path), f"expected a plan in JSON, found {error}") from error
        return PatchPlan.from_json(data, str(path))

    @staticmethod
    def from_json(data: Any, where: str = "plan") -> PatchPlan:
        """The inverse of `to_json`.

        Raises:
            PlanError: names the entry that is wrong.
        """
        content = entries(data, where, {"version", "regions"})
        if content["version"] != VERSION:
            raise PlanError(where, f"version: expected {VERSION}, found {content['version']!r}")
        regions = _list(content["regions"], f"{where}: regions")
        return PatchPlan(
            tuple(_region(each, f"{where}: region {i}") for i, each in enumerate(regions))
        )


def _region(data: Any, where: str) -> RegionPlan:
    content = entries(data, where, {"tile", "streamed_inputs", "streamed_outputs", "nodes"})
    tile = _list(content["tile"], f"{where}: tile")
    if len(tile) != 2:
        raise PlanError(f"{where}: tile", f"expected rows and columns, found {tile!r}")
    rows, columns = (_positive(each, f"{where}: tile") for each in tile)
    nodes = mapping(content["nodes"], f"{where}: nodes")
    if not nodes:
        raise PlanError(f"{where}: nodes", "expected some, found none")
    return RegionPlan(
        {name: _node(each, f"{where}: %{name}") for name, each in nodes.items()},
        (rows, columns),
        names(content["streamed_inputs"], f"{where}: streamed_inputs"),
        names(content["streamed_outputs"], f"{where}: streamed_outputs"),
    )


def _node(data: Any, where: str) -> NodePlan:
    content = entries(data, where, {"rows", "keep"})
    keep = content["keep"]
    if not isinstance(keep, bool):
        raise PlanError(f"{where}: keep", f"expected true or false, found {keep!r}")
    return NodePlan(_positive(content["rows"], f"{where}: rows"), keep)


def _positive(data: Any, where: str) -> int:
    if not isinstance(data, int) or isinstance(data, bool) or data < 1:
        raise PlanError(where, f"expected a number above 0, found {data!r}")
    return data


def _list(data: Any, where: str) -> list[Any]:
    if not isinstance(data, list):
        raise PlanError(where, f"expected a list, found {data!r}")
    return data
