"""The facts of patched regions in a report, and of the memory that they save."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from graphopt.patching.advice import Saving
from graphopt.report.units import count, size


@dataclass(frozen=True)
class RegionMap:
    """A map that a region reads, computes or writes, and what of it is in memory.

    Attributes:
        rows, columns, channels: of the whole map.
        held: "whole", or "kept", "computed again", "streamed in", "streamed out" or "copied" for
            maps that have a buffer: "copied" ones come from or go to a map that is held whole.
        buffer_rows, buffer_columns: what the buffer has room for; all for a map that is whole.
        nbytes: of the buffer, or of the whole map.
        repetitions: how often an element is computed on average.
        step: rows that are added at a time, at most.
        strips: the first column of each strip that is computed.
        moment: rows and columns that lie in memory in the middle of the run: first row, end,
            first column, end. Of a map held whole, those that are there so far.
    """

    name: str
    rows: int
    columns: int
    channels: int
    held: str
    buffer_rows: int
    buffer_columns: int
    nbytes: int
    repetitions: float
    step: int
    strips: tuple[int, ...]
    moment: tuple[int, int, int, int]


@dataclass(frozen=True)
class LayerHalo:
    """What overlapping windows of a layer cost; `graphopt.patching.advice` says how counted.

    `savings` are what other windows there would save, under the same plan.
    """

    layer: str
    kernel: str
    recomputed_macs: int
    held_bytes: int
    savings: tuple[Saving, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """What it costs, and a line for each saving."""
        costs = [
            *([f"{count(self.recomputed_macs)} MACs done again"] if self.recomputed_macs else []),
            *([f"{size(self.held_bytes)} of rows held"] if self.held_bytes else []),
        ]
        first = f"{self.layer} ({self.kernel}) costs the most halo: {', '.join(costs)}"
        return (first, *(_saved(saving) for saving in self.savings))


@dataclass(frozen=True)
class Region:
    """A part of the graph that runs tile by tile.

    Attributes:
        source: the ONNX nodes it comes from.
        nodes: its kernels, each by the ONNX node that it ends in.
        tile: rows and columns of the last map that are asked for at a time.
        form: how, in words.
        macs: multiply-accumulates that are executed, halos as often as they are computed.
        plain_macs: of the same nodes run whole.
        buffer_bytes: of all line buffers and tiles.
        peak_bytes: of those that are needed at the same time.
        moved_bytes: that slide inside of buffers.
        calls: of kernels.
        halo: of the layer that costs most; None where no windows overlap.
    """

    name: str
    source: str
    nodes: tuple[str, ...]
    tile: tuple[int, int]
    form: str
    macs: int
    plain_macs: int
    buffer_bytes: int
    peak_bytes: int
    moved_bytes: int
    calls: int
    maps: tuple[RegionMap, ...]
    halo: LayerHalo | None = None

    @property
    def factor(self) -> float:
        """Executed over plain multiply-accumulates."""
        return self.macs / self.plain_macs if self.plain_macs else 1.0

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Region:
        """The region whose `asdict` this is, also after a trip through JSON text."""
        fields = dict(data)
        fields["nodes"] = tuple(data["nodes"])
        fields["tile"] = tuple(data["tile"])
        fields["maps"] = tuple(
            RegionMap(**{**m, "strips": tuple(m["strips"]), "moment": tuple(m["moment"])})
            for m in data["maps"]
        )
        halo = data["halo"]
        if halo is not None:
            savings = tuple(Saving(**saving) for saving in halo["savings"])
            fields["halo"] = LayerHalo(**{**halo, "savings": savings})
        return Region(**fields)


@dataclass(frozen=True)
class Occupant:
    """What takes memory from step `first` to step `last`, both included."""

    name: str
    nbytes: int
    first: int
    last: int


@dataclass(frozen=True)
class Timeline:
    """What is in memory while the kernels run, whole maps and those of regions by rows.

    Attributes:
        steps: the kernels, each by the ONNX node that it ends in; those in regions too, which run
            many times: what they need at any time counts.
        whole: if no node ran in a region.
        patched: as it is. Inputs and outputs count unless they are streamed.
    """

    steps: tuple[str, ...]
    whole: tuple[Occupant, ...]
    patched: tuple[Occupant, ...]

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Timeline:
        """The inverse of `asdict`."""
        return Timeline(
            tuple(data["steps"]),
            tuple(Occupant(**each) for each in data["whole"]),
            tuple(Occupant(**each) for each in data["patched"]),
        )


@dataclass(frozen=True)
class TradePoint:
    """A plan of patched regions that no other one beats in both memory and time.

    Attributes:
        arena_bytes: of the arena, as placed.
        latency: estimated, as a multiple of that without regions.
        factor: executed over plain multiply-accumulates.
        regions, kernels: how many regions there are, and kernels in them.
    """

    arena_bytes: int
    latency: float
    factor: float
    regions: int
    kernels: int


@dataclass(frozen=True)
class Tradeoff:
    """Memory against time: the Pareto front of plans, and the one that was chosen.

    Attributes:
        points: in ascending order of memory.
        chosen: need not be one of them.
        sram: the limit that was set, in bytes.
    """

    points: tuple[TradePoint, ...]
    chosen: TradePoint | None = None
    sram: int | None = None

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Tradeoff:
        """The inverse of `asdict`."""
        chosen = data["chosen"]
        return Tradeoff(
            tuple(TradePoint(**point) for point in data["points"]),
            None if chosen is None else TradePoint(**chosen),
            data["sram"],
        )


def live_bytes(occupants: Iterable[Occupant], steps: int) -> list[int]:
    """Bytes in memory at each of so many steps."""
    live = [0] * steps
    for each in occupants:
        for step in range(each.first, each.last + 1):
            live[step] += each.nbytes
    return live


def _saved(saving: Saving) -> str:
    found = [
        (saving.recomputed_macs, f"{count(abs(saving.recomputed_macs))} MACs done again"),
        (saving.buffer_bytes, f"{size(abs(saving.buffer_bytes))} of buffers"),
        (saving.macs, f"{count(abs(saving.macs))} MACs in all"),
    ]
    saved = [text for number, text in found if number > 0]
    lost = [text for number, text in found if number < 0]
    cost = f", and cost {', '.join(lost)}" if lost else ""
    return f"{saving.what} would save {', '.join(saved)}{cost}"
