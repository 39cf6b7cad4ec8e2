"""A compiled model: run it, profile it, save it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ctypes import c_void_p
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphopt.errors import GraphoptError, InputError
from graphopt.ir import Array
from graphopt.runtime.arrays import aligned, bind, new_output
from graphopt.runtime.artifact import Artifact, load_artifact, save_artifact
from graphopt.runtime.library import Library
from graphopt.runtime.manifest import CallRecord, Manifest


@dataclass(frozen=True)
class CallTime:
    """How long one kernel call takes, in seconds: the median over repeated runs."""

    call: CallRecord
    seconds: float


class Model:
    """A model that runs. May be used from several threads at once: each run has its own arena."""

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        self._library = Library(artifact.library, artifact.manifest.threads)
        self._main = self._library.function("graphopt_main")
        self._arenas: list[NDArray[np.uint8]] = []

    @property
    def manifest(self) -> Manifest:
        """Names and types of inputs and outputs, the kernels, the memory."""
        return self.artifact.manifest

    def run(self, inputs: Mapping[str, Any]) -> dict[str, Array]:
        """The outputs by name. Inputs are numpy arrays, or anything that supports DLPack.

        An input is read where it lies if it is contiguous and aligned to its elements, else it is
        copied. Outputs are fresh arrays.

        Raises:
            InputError: an input has the wrong name, dtype or shape, or is missing.
        """
        arrays = bind(self.manifest.inputs, inputs)
        outputs = [new_output(port.type) for port in self.manifest.outputs]
        with self._arena() as arena:
            self._run(arrays, outputs, arena)
        return dict(zip((p.name for p in self.manifest.outputs), outputs, strict=True))

    def __call__(self, *inputs: Any) -> Array | tuple[Array, ...]:
        """Run on inputs in the model's order; one output as it is, several as a tuple."""
        ports = self.manifest.inputs
        if len(inputs) != len(ports):
            raise InputError("inputs", f"number: expected {len(ports)}, found {len(inputs)}")
        named = {port.name: array for port, array in zip(ports, inputs, strict=True)}
        outputs = tuple(self.run(named).values())
        return outputs[0] if len(outputs) == 1 else outputs

    def profile(self, inputs: Mapping[str, Any], repeats: int = 10) -> list[CallTime]:
        """The time of each kernel call, in the order they run."""
        arrays = bind(self.manifest.inputs, inputs)
        outputs = [new_output(port.type) for port in self.manifest.outputs]
        calls = self.manifest.calls
        functions = [self._library.function(call.symbol) for call in calls]
        times: list[list[float]] = [[] for _ in calls]
        with self._arena() as arena:
            memory = self._memory(arrays, outputs, arena)
            where = [[memory[s, i] + offset for s, i, offset in call.arguments] for call in calls]
            for _ in range(repeats):
                for function, arguments, measured in zip(functions, where, times, strict=True):
                    pointers = [c_void_p(address) for address in arguments]
                    start = time.perf_counter()
                    function(*pointers)
                    measured.append(time.perf_counter() - start)
        return [CallTime(c, median(t)) for c, t in zip(calls, times, strict=True)]

    def save(self, folder: str | Path) -> None:
        """Write the artifact folder; see `save_artifact`."""
        save_artifact(self.artifact, Path(folder))

    def _run(self, inputs: list[Array], outputs: list[Array], arena: NDArray[np.uint8]) -> None:
        status = np.zeros(1, np.int32)
        memory = self._memory(inputs, outputs, arena)
        self._main(*map(c_void_p, memory.values()), c_void_p(status.ctypes.data))
        if status[0]:
            call = self.manifest.calls[int(status[0]) - 1]
            raise GraphoptError(call.location, f"kernel {call.symbol} failed while running")

    def _memory(
        self, inputs: list[Array], outputs: list[Array], arena: NDArray[np.uint8]
    ) -> dict[tuple[str, int], int]:
        """The start of each space, in the order of `graphopt_main`'s parameters."""
        memory = {("input", i): array.ctypes.data for i, array in enumerate(inputs)}
        memory |= {("output", i): array.ctypes.data for i, array in enumerate(outputs)}
        memory["weights", 0] = self.artifact.weights.ctypes.data
        memory["arena", 0] = arena.ctypes.data
        return memory

    @contextmanager
    def _arena(self) -> Iterator[NDArray[np.uint8]]:
        self._library.enter_thread()
        try:
            arena = self._arenas.pop()
        except IndexError:
            arena = aligned(self.manifest.arena_bytes)
        try:
            yield arena
        finally:
            self._arenas.append(arena)


def load(folder: str | Path) -> Model:
    """The model in an artifact folder.

    Raises:
        ArtifactError: the folder is damaged or is no artifact.
        TargetError: it was compiled for another CPU.
    """
    return Model(load_artifact(Path(folder)))
