"""A model compiled for a microcontroller: run it on the emulator, measure it there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from graphopt.errors import EmulatorError, TargetError
from graphopt.ir import Array
from graphopt.lower.mcu.text import short_location
from graphopt.progress import Progress, say
from graphopt.runtime.arrays import bind
from graphopt.runtime.firmware_artifact import (
    FirmwareArtifact,
    load_firmware_artifact,
    save_firmware,
)
from graphopt.runtime.manifest import CallRecord, Manifest
from graphopt.runtime.samples import join_samples, split_samples
from graphopt.targets import McuTarget, load_target
from graphopt.targets.mcu.cycles import cycles_of
from graphopt.targets.mcu.emulator import TIMEOUT_SECONDS
from graphopt.targets.mcu.model_image import Flash, ModelImage, build_model
from graphopt.targets.mcu.model_run import callers, footprint, run_samples, watched
from graphopt.targets.mcu.profile import Count, Executed, profile_run


@dataclass(frozen=True)
class CallBench:
    """One kernel call: what it is, exact counts, estimated cycles."""

    call: CallRecord
    count: Count


@dataclass(frozen=True)
class ArenaUse:
    """Bytes of working memory: as the plan says, as the header says, as a run touches.

    All are whole words, in which the plan places values.
    """

    planned_bytes: int
    header_bytes: int
    measured_bytes: int

    @property
    def agree(self) -> bool:
        return self.planned_bytes == self.header_bytes == self.measured_bytes


@dataclass(frozen=True)
class Bench:
    """One run on the emulator.

    Counts of instructions are exact, from the first one of the model's function to its return;
    cycles are an estimate. `driver` is what runs between the kernels. `clock_hz` is the board's,
    None for a core without a board.
    """

    calls: tuple[CallBench, ...]
    driver: Count
    arena: ArenaUse
    stack_bytes: int
    flash: Flash
    clock_hz: int | None

    @property
    def instructions(self) -> int:
        return self.driver.instructions + sum(each.count.instructions for each in self.calls)

    @property
    def cycles(self) -> float:
        return self.driver.cycles + sum(each.count.cycles for each in self.calls)

    @property
    def seconds(self) -> float | None:
        """The estimated time of one run on the board."""
        return self.cycles / self.clock_hz if self.clock_hz else None


class Firmware:
    """A model as a firmware project takes it in: a header, a driver in C, kernels.

    It is linked for the emulator when it is first run or measured, with the toolchain of its core.
    """

    def __init__(
        self,
        artifact: FirmwareArtifact,
        progress: Progress | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self.artifact, self.progress, self.timeout_seconds = artifact, progress, timeout_seconds

    @property
    def manifest(self) -> Manifest:
        """Names and types of inputs and outputs, the kernels, the memory."""
        return self.artifact.manifest

    @cached_property
    def target(self) -> McuTarget:
        """The core or board that it was compiled for."""
        target = load_target(self.manifest.target)
        if not isinstance(target, McuTarget):
            raise TargetError(
                self.manifest.name,
                f"expected code for a microcontroller, found it for {self.manifest.target}",
            )
        return target

    def save(self, folder: str | Path) -> None:
        """Write the artifact folder; see `save_firmware`."""
        save_firmware(self.artifact, Path(folder))

    def run(self, inputs: Mapping[str, Any], *, in_arena: bool = True) -> dict[str, Array]:
        """The outputs by name; inputs are numpy arrays, or anything that supports DLPack.

        Where all inputs have one more leading dimension, or a longer first one where the model's
        own is 1, they are that many samples, run one after the other in one start of the emulator;
        so are the outputs. With `in_arena`, inputs and outputs lie in the arena, as the header
        allows, else in buffers of their own.

        Raises:
            InputError: an input has the wrong name, dtype or shape, or is missing.
            ToolchainError: a program is missing; names its package.
            BuildError: the folder's C does not compile or link.
            EmulatorError: the model faulted or hung, or wrote outside of its memory.
        """
        samples = split_samples(self.manifest.inputs, inputs)
        bound = [bind(self.manifest.inputs, inputs)] if samples is None else samples
        image = self._model.image
        say(self.progress, f"running {len(bound)} sample(s) on {image.emulator.machine}")
        results = run_samples(image, self.manifest, bound, in_arena, self.timeout_seconds)
        join = join_samples if samples is not None else _only
        return {
            port.name: join([outputs[i] for outputs in results])
            for i, port in enumerate(self.manifest.outputs)
        }

    def bench(self, inputs: Mapping[str, Any]) -> Bench:
        """Counts, cycles and memory of one run, on the first sample of `inputs`.

        Raises:
            EmulatorError: as `run`; also where a core that needs it gets no alignment, which the
                emulator itself lets pass on some.
            InputError, ToolchainError, BuildError: as `run`.
        """
        samples = split_samples(self.manifest.inputs, inputs)
        sample = bind(self.manifest.inputs, inputs) if samples is None else samples[0]
        model, manifest = self._model, self.manifest
        say(self.progress, f"counting on {model.image.emulator.machine}")
        seen = footprint(model.image, manifest, sample, self.timeout_seconds)
        say(self.progress, "estimating cycles")
        model_of_cycles = cycles_of(model.image.content, self.target)
        symbols = [call.symbol for call in manifest.calls]
        entries = watched(manifest)
        expected = Executed(
            [entries.index(symbol) for symbol in symbols],
            list(manifest.executed),
            frozenset(map(entries.index, manifest.helpers)),
            frozenset(map(entries.index, callers(manifest))),
        )
        profile = profile_run(seen.segments, expected, model.image.driver, model_of_cycles)
        calls = tuple(map(CallBench, manifest.calls, profile.calls))
        if not self.target.unaligned:
            _check_alignment(calls, self.target)
        touched = -(-seen.arena_bytes // self.target.alignment) * self.target.alignment
        arena = ArenaUse(manifest.arena_bytes, model.header_arena_bytes, touched)
        clock = self.target.board.clock_hz if self.target.board else None
        return Bench(calls, profile.driver, arena, seen.stack_bytes, model.flash, clock)

    @cached_property
    def _model(self) -> ModelImage:
        say(self.progress, "linking")
        return build_model(self.artifact.files, self.manifest.prefix, self.target)


def load_firmware(
    folder: str | Path,
    progress: Progress | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> Firmware:
    """The model in a folder that was compiled for a microcontroller.

    Raises:
        ArtifactError: the folder is damaged or is no artifact.
    """
    return Firmware(load_firmware_artifact(Path(folder)), progress, timeout_seconds)


def _check_alignment(calls: Sequence[CallBench], target: McuTarget) -> None:
    for each in calls:
        if each.count.unaligned:
            raise EmulatorError(
                f"{short_location(each.call.location)}: {each.call.symbol}",
                f"expected every access to memory at a multiple of its size on {target.core}, "
                f"found {each.count.unaligned} at others",
            )


def _only(outputs: Sequence[Array]) -> Array:
    (output,) = outputs
    return output
