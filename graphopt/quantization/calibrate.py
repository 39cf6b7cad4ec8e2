"""Run a float graph over the samples, as compiled code, and record what its activations are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from graphopt.api import compile_for_cpu
from graphopt.errors import CalibrationError
from graphopt.ir import Array, Graph, Value
from graphopt.progress import Progress
from graphopt.quantization.ranges import Histogram
from graphopt.quantization.samples import Sample

# Activations of one sample that are held at a time; the samples are run once per such part.
CHUNK_BYTES = 256 << 20


@dataclass(frozen=True)
class Recorded:
    """What activations were, over all samples.

    Attributes:
        histograms: how often the elements of a value lay where.
        means: the mean of a value over the samples, f32, of its shape.
    """

    histograms: Mapping[Value, Histogram]
    means: Mapping[Value, Array]


def record(
    graph: Graph,
    values: Sequence[Value],
    samples: Iterable[Sample],
    target: str = "cpu",
    progress: Progress | None = None,
    averaged: Collection[Value] = (),
) -> Recorded:
    """Histograms of `values`, and means of `averaged` over the samples.

    Args:
        graph: a float graph, up to the end of the "canonical" phase.
        values, averaged: computed values or inputs of `graph`, with static shapes.
        samples: one array per input and sample; iterated once per `CHUNK_BYTES` of values.

    Raises:
        CalibrationError: an activation is NaN or infinite; names the node and the sample.
    """
    histograms = {value: Histogram() for value in values}
    sums = {value: np.zeros(value.type.dims, np.float32) for value in averaged}
    counts = dict.fromkeys(averaged, 0)

    def add(value: Value, array: Array) -> None:
        if value in histograms:
            histograms[value].add(array)
        if value in sums:
            sums[value] += array
            counts[value] += 1

    inputs = {value.name: value for value in graph.inputs}
    tapped = dict.fromkeys([*values, *averaged])
    chunks = list(_chunks([value for value in tapped if value not in set(graph.inputs)]))
    for number, chunk in enumerate(chunks or [[]]):
        run = tap(graph, chunk, target) if chunk else None
        for index, sample in enumerate(samples):
            if progress is not None and index % 16 == 0:
                progress(f"calibrating: part {number + 1} of {len(chunks)}, sample {index}")
            if number == 0:
                for name, array in sample.items():
                    add(inputs[name], array)
            for value, array in zip(chunk, run(sample) if run else (), strict=True):
                _check(graph, value, array, index)
                add(value, array)
    return Recorded(histograms, {value: sums[value] / max(counts[value], 1) for value in sums})


def tap(graph: Graph, values: Sequence[Value], target: str = "cpu") -> Callable[..., list[Array]]:
    """Compiled code that returns these values of `graph` for one sample, in their order."""
    names = tuple(f"tap{number}" for number in range(len(values)))
    model = compile_for_cpu(replace(graph, outputs=tuple(values), output_names=names), target)

    def run(sample: Sample) -> list[Array]:
        results = model.run(sample)
        return [results[name] for name in names]

    return run


def _chunks(values: Sequence[Value]) -> Iterator[list[Value]]:
    """Runs of values of at most `CHUNK_BYTES`, or single ones."""
    chunk: list[Value] = []
    held = 0
    for value in values:
        if chunk and held + value.type.nbytes > CHUNK_BYTES:
            yield chunk
            chunk, held = [], 0
        chunk.append(value)
        held += value.type.nbytes
    if chunk:
        yield chunk


def _check(graph: Graph, value: Value, array: Array, index: int) -> None:
    if np.isfinite(array).all():
        return
    found = "NaN" if np.isnan(array).any() else "infinity"
    raise CalibrationError(
        str(graph.producers()[value]),
        f"activation for sample {index}: expected numbers, found {found}",
        "leave that sample out, or keep the node float",
    )
