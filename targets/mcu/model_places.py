"""Memory of a model on the emulated machine."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from graphopt.errors import EmulatorError
from graphopt.ir import Array
from graphopt.runtime.manifest import Manifest, Port
from graphopt.targets.mcu.image import Image
from graphopt.targets.mcu.job import Job

MARGIN_BYTES = 64
# The arena starts at no rounder address than a user's: a model must not count on more.
_ALIGNMENT, _OFF = 16, 4
# Functions of stream.c, and the struct that they are given.
NEXT_ROWS, PUT_ROWS = "stream_next_rows", "stream_put_rows"
_STREAM = "<2I"


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
        self.inputs = self._ports(manifest.inputs, manifest.input_offsets if in_arena else ())
        self.outputs = self._ports(manifest.outputs, manifest.output_offsets if in_arena else ())
        addresses = (*self.inputs, *self.outputs)
        ports = list(zip(addresses, (*manifest.inputs, *manifest.outputs), strict=True))
        self.ports_reach = max(
            (
                address + port.type.nbytes - self.arena
                for address, port in ports
                if address < self.arena + manifest.arena_bytes
            ),
            default=0,
        )
        self._streams = {
            address: self._place(struct.calcsize(_STREAM))
            for address, port in ports
            if port.streamed
        }
        self.end = self._behind()
        if self.end > limit:
            raise EmulatorError(
                manifest.name,
                f"expected at most {limit - self.start} bytes of working memory on "
                f"{image.emulator.machine}, found {self.end - self.start}",
            )

    def call(self, job: Job) -> int:
        """Call the model. Returns the index of what it returns among the results."""
        arguments: list[int] = []
        for callback, addresses, ports in (
            (NEXT_ROWS, self.inputs, self.manifest.inputs),
            (PUT_ROWS, self.outputs, self.manifest.outputs),
        ):
            for address, port in zip(addresses, ports, strict=True):
                if port.streamed:
                    context = self._streams[address]
                    job.load(context, struct.pack(_STREAM, address, port.row_bytes))
                    arguments += [self._pointer(callback), context]
                else:
                    arguments.append(address)
        arguments.append(self.arena)
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

    def _pointer(self, function: str) -> int:
        """A pointer to a function, as C has it."""
        thumb = self.image.emulator.system == "arm"
        return self.image.symbols.address(function) | thumb

    def _ports(self, ports: Sequence[Port], offsets: Sequence[int]) -> list[int]:
        return [
            self.arena + offsets[i]
            if offsets and not port.streamed
            else self._place(port.type.nbytes)
            for i, port in enumerate(ports)
        ]

    def _place(self, nbytes: int) -> int:
        """The start of a block of its own."""
        self._blocks.append((self._behind(), nbytes))
        return self._blocks[-1][0]

    def _behind(self) -> int:
        """The first aligned address that leaves a margin behind the last block."""
        start, nbytes = self._blocks[-1]
        return -(-(start + nbytes + MARGIN_BYTES) // _ALIGNMENT) * _ALIGNMENT
