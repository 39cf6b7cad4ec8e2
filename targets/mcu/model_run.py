"""Run a linked model on samples, and look at what it did to memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from graphopt.errors import EmulatorError
from graphopt.ir import Array
from graphopt.lower.program import as_bytes
from graphopt.runtime.manifest import Manifest
from graphopt.targets.mcu.emulator import TIMEOUT_SECONDS, execute
from graphopt.targets.mcu.image import Image
from graphopt.targets.mcu.job import Job
from graphopt.targets.mcu.model_places import MARGIN_BYTES, NEXT_ROWS, PUT_ROWS, ModelPlaces
from graphopt.targets.mcu.plugin import Segment
from graphopt.targets.mcu.stack import paint_stack, save_stack, used_stack

# Two, because a model may write just what was there before.
_PAINTS = (0xA5A5A5A5, 0x5A5A5A5A)


@dataclass(frozen=True)
class Footprint:
    """What one run of a model executed and touched.

    `arena_bytes` reach to the last byte of the arena that the caller or the model used: found
    changed, or read or written by an instruction.
    `segments` are the counts of what ran before the first kernel, then of each entry to a kernel.
    """

    outputs: list[Array]
    segments: list[Segment]
    arena_bytes: int
    stack_bytes: int


def run_samples(
    image: Image,
    manifest: Manifest,
    samples: Sequence[Sequence[Array]],
    in_arena: bool = True,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> list[list[Array]]:
    """The outputs for each sample, whose arrays are in the order of the model's inputs.

    With `in_arena`, inputs and outputs lie in the arena where the model allows it, else in buffers
    of their own.

    Raises:
        ToolchainError: QEMU or this machine's C compiler is not installed.
        EmulatorError: the model faulted, hung, wrote outside of its memory, or is too large for the
            machine.
    """
    places, job = ModelPlaces(image, manifest, in_arena), Job()
    job.fill(places.start, places.end - places.start, _PAINTS[0])
    saved: list[tuple[int, list[int]]] = []
    for sample in samples:
        for array, address in zip(sample, places.inputs, strict=True):
            job.load(address, as_bytes(array).tobytes())
        saved.append((places.call(job), places.save_outputs(job)))
    kept = [] if in_arena else places.save_inputs(job)
    margins = [job.save(start, end - start) for start, end in places.margins()]
    results = execute(image, job, watched(manifest), timeout_seconds=timeout_seconds).results
    places.check([results[index] for index in margins], _PAINTS[0])
    if kept and samples:
        places.check_inputs([results[index] for index in kept], samples[-1])
    outputs: list[list[Array]] = []
    for status, indices in saved:
        places.check_status(results[status])
        outputs.append(places.outputs_of([results[index] for index in indices]))
    return outputs


def footprint(
    image: Image,
    manifest: Manifest,
    sample: Sequence[Array],
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> Footprint:
    """What one run does, its inputs and outputs in the arena.

    Raises:
        EmulatorError: as `run_samples`; also where the outputs depend on what the arena held.
        ToolchainError: as `run_samples`.
    """
    places = ModelPlaces(image, manifest, in_arena=True)
    counted, again = (
        _painted_run(image, places, sample, paint, detail, timeout_seconds)
        for paint, detail in zip(_PAINTS, (True, False), strict=True)
    )
    for port, one, other in zip(manifest.outputs, counted.outputs, again.outputs, strict=True):
        if one.tobytes() != other.tobytes():
            raise EmulatorError(
                f"{manifest.prefix}_run",
                f"expected the same output {port.name} whatever the arena held, found others",
                "a kernel reads memory that nothing wrote",
            )
    reach = max(counted.arena_bytes, again.arena_bytes, places.ports_reach)
    return replace(counted, arena_bytes=reach)


def _painted_run(
    image: Image,
    places: ModelPlaces,
    sample: Sequence[Array],
    paint: int,
    detail: bool,
    timeout_seconds: float,
) -> Footprint:
    job = Job()
    job.fill(places.start, places.end - places.start, paint)
    paint_stack(job, image)
    for array, address in zip(sample, places.inputs, strict=True):
        job.load(address, as_bytes(array).tobytes())
    status, stack = places.call(job), save_stack(job, image)
    memory = job.save(places.start, places.end - places.start)
    outputs = places.save_outputs(job)
    # Beyond its end too: a read there goes unnoticed, until the arena is at the end of the memory.
    arena = range(places.arena, places.arena + places.manifest.arena_bytes + MARGIN_BYTES)
    entries = watched(places.manifest)
    outcome = execute(image, job, entries, detail, arena, timeout_seconds)
    results, segments = outcome.results, outcome.calls[0]
    places.check_status(results[status])
    after = results[memory]
    places.check([after[part] for part in places.margins_within()], paint)
    (changed,) = np.nonzero(places.arena_of(after) != paint & 0xFF)
    written = int(changed[-1]) + 1 if len(changed) else 0
    return Footprint(
        places.outputs_of([results[index] for index in outputs]),
        segments,
        max(written, max(segment.reach for segment in segments) - places.arena),
        used_stack(results[stack], image),
    )


def watched(manifest: Manifest) -> list[str]:
    """The functions at which counts are split."""
    kernels = dict.fromkeys(call.symbol for call in manifest.calls)
    return [*kernels, *manifest.helpers, *callers(manifest)]


def callers(manifest: Manifest) -> list[str]:
    """The functions that the model calls back, which are no part of it."""
    streams = ((NEXT_ROWS, manifest.inputs), (PUT_ROWS, manifest.outputs))
    return [name for name, ports in streams if any(port.streamed for port in ports)]
