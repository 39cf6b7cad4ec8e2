"""Memory of a model on the emulated machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from graphopt.errors import EmulatorError
from graphopt.ir import Array
from graphopt.runtime.manifest import Manifest
from graphopt.targets.mcu.image import Image
from graphopt.targets.mcu.job import Job

MARGIN_BYTES = 64
# The arena starts at no rounder address than a user's: a model must not count on more.
_ALIGNMENT, _OFF = 16, 4


class ModelPlaces:
    """Where arena, inputs and outputs lie on the machine, margins around them.

    All of it is the memory from `start` to `end`. `ports_reach` is how much of the arena the inputs
    and outputs in it reach over.

    Raises:
        EmulatorError: the machine has less memory.
    """

    def __init__(self, image: Image, manifest: Manifest, in_arena: bool) -> None:
        self.image, self.manifest = image, manifest
        self.start, limit = image.free
        self.arena = -(-(self.start + MARGIN_BYTES) // _ALIGNMENT) * _ALIGNMENT + _OFF
        self._blocks = [(self.arena, manifest.arena_bytes)]
        inputs, outputs = (
            [port.type.nbytes for port in ports] for ports in (manifest.inputs, manifest.outputs)
        )
        self.inputs = self._ports(inputs, manifest.input_offsets if in_arena else ())
        self.outputs = self._ports(outputs, manifest.output_offsets if in_arena else ())
        inside = [*zip(self.inputs, inputs, strict=True), *zip(self.outputs, outputs, strict=True)]
        self.ports_reach = max(
            (a + n - self.arena for a, n in inside if a < self.arena + manifest.arena_bytes),
            default=0,
        )
        self.end = self._behind()
        if self.end > limit:
            raise EmulatorError(
                manifest.name,
                f"expected at most {limit - self.start} bytes of working memory on "
                f"{image.emulator.machine}, found {self.end - self.start}",
            )

    def call(self, job: Job) -> int:
        """Call the model. Returns the index of what it returns among the results."""
        arguments = [*self.inputs, *self.outputs, self.arena]
        function = self.image.symbols.address(f"{self.manifest.prefix}_run")
        return job.call(function, arguments, self.image.stack[1])

    def save_outputs(self, job: Job) -> list[int]:
        """Bring back the outputs. Returns their indices among the results."""
        ports = zip(self.outputs, self.manifest.outputs, strict=True)
        return [job.save(address, port.type.nbytes) for address, port in ports]

    def save_inputs(self, job: Job) -> list[int]:
        """Bring back the inputs. Returns their indices among the results."""
        ports = zip(self.inputs, self.manifest.inputs, strict=True)
        return [job.save(address, port.type.nbytes) for address, port in ports]

    def outputs_of(self, saved: Sequence[NDArray[np.uint8]]) -> list[Array]:
        """Saved bytes as arrays."""
        types = (port.type for port in self.manifest.outputs)
        return [
            content.view(type.dtype.numpy).reshape(type.dims)
            for content, type in zip(saved, types, strict=True)
        ]

    def arena_of(self, memory: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The arena in the memory from `start` to `end`."""
        return memory[self.arena - self.start :][: self.manifest.arena_bytes]

    def margins(self) -> Iterator[tuple[int, int]]:
        """The memory between the blocks: from, to."""
        previous = self.start
        for start, nbytes in self._blocks:
            yield previous, start
            previous = start + nbytes
        yield previous, self.end

    def margins_within(self) -> Iterator[slice]:
        """The same as parts of the memory from `start` to `end`."""
        return (slice(start - self.start, end - self.start) for start, end in self.margins())

    def check(self, margins: Sequence[NDArray[np.uint8]], paint: int) -> None:
        """Raise EmulatorError where a margin was written to."""
        for (start, _), content in zip(self.margins(), margins, strict=True):
            (written,) = np.nonzero(content != paint & 0xFF)
            if len(written):
                offset = start + int(written[0]) - self.arena
                raise EmulatorError(
                    f"{self.manifest.prefix}_run",
                    f"expected writes inside its {self.manifest.arena_bytes} bytes of arena, "
                    f"inputs and outputs only, found one at byte {offset} of the arena",
                )

    def check_inputs(self, saved: Sequence[NDArray[np.uint8]], given: Sequence[Array]) -> None:
        """Raise EmulatorError where a saved input is not what was given."""
        for port, found, array in zip(self.manifest.inputs, saved, given, strict=True):
            if found.tobytes() != array.tobytes():
                where = f"{self.manifest.prefix}_run"
                raise EmulatorError(
                    where, f"expected input {port.name} to be read only, found it changed"
                )

    def check_status(self, returned: NDArray[np.uint8]) -> None:
        """Raise EmulatorError where the model says that it failed."""
        status = int(returned.view(np.int32)[0])
        if status != 0:
            where = f"{self.manifest.prefix}_run"
            raise EmulatorError(where, f"expected it to return 0, found {status}")

    def _ports(self, sizes: Sequence[int], offsets: Sequence[int]) -> list[int]:
        if offsets:
            return [self.arena + offset for offset in offsets]
        for nbytes in sizes:
            self._blocks.append((self._behind(), nbytes))
        return [start for start, _ in self._blocks[len(self._blocks) - len(sizes) :]]

    def _behind(self) -> int:
        """The first aligned address that leaves a margin behind the last block."""
        start, nbytes = self._blocks[-1]
        return -(-(start + nbytes + MARGIN_BYTES) // _ALIGNMENT) * _ALIGNMENT
