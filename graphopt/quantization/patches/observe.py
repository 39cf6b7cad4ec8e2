"""What the values in the patches of maps are, over samples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graphopt.ir import Array, Graph, Value
from graphopt.quantization.calibrate import tap
from graphopt.quantization.patches.head import Head
from graphopt.quantization.ranges import Histogram
from graphopt.quantization.samples import Sample


def observe(
    graph: Graph,
    head: Head,
    names: Sequence[str],
    samples: Iterable[Sample],
    target: str = "cpu",
) -> dict[str, list[Histogram]]:
    """The values that each patch, halo included, holds of some maps of the head.

    Args:
        graph: the canonical float network.
        names: of the maps of the head's region.

    Returns:
        By the name of the map, a histogram for each patch.
    """
    found = {name: [Histogram() for _ in head.patches] for name in names}
    computed = [name for name in names if head.maps[name] not in graph.inputs]
    run = tap(graph, [head.maps[name] for name in computed], target) if computed else None
    for sample in samples:
        arrays: dict[str, Array] = {
            name: sample[head.maps[name].name] for name in names if name not in computed
        }
        arrays |= zip(computed, run(sample) if run else (), strict=True)
        for name, array in arrays.items():
            for histogram, rectangles in zip(found[name], head.rectangles, strict=True):
                rows, columns = rectangles[name]
                histogram.add(array[:, :, rows.lo : rows.hi, columns.lo : columns.hi])
    return found


def merged(histograms: Iterable[Histogram]) -> Histogram:
    """All that some histograms saw."""
    total = Histogram()
    for each in histograms:
        total.merge(each)
    return total


def read_maps(head: Head, values: Iterable[Value]) -> list[str]:
    """The names of the head's maps that some values of the network are."""
    wanted = set(values)
    return [name for name, value in head.maps.items() if value in wanted]
