"""What the monitor on the emulated core is told to do, and what it brings back."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from graphopt.errors import EmulatorError

MOST_ARGUMENTS = 32
_END, _LOAD, _FILL, _CALL, _SAVE = range(5)


@dataclass
class Job:
    """Commands in the order they are added. Addresses and sizes are bytes of the target."""

    _content: bytearray = field(default_factory=bytearray)
    _results: list[int] = field(default_factory=list[int])

    def load(self, address: int, content: bytes) -> None:
        """Put bytes into memory."""
        self._add(_LOAD, address, len(content), 0, content)

    def fill(self, address: int, nbytes: int, word: int) -> None:
        """Repeat a word over `nbytes`, a multiple of 4, of memory that starts at a word."""
        self._add(_FILL, address, nbytes, word)

    def call(self, function: int, arguments: Sequence[int], stack: int) -> int:
        """Call a function with words as arguments, on the stack that ends at `stack`.

        Returns the index of what the function returns, 4 bytes, among the results.
        """
        if len(arguments) > MOST_ARGUMENTS:
            raise EmulatorError(
                "call", f"arguments: expected at most {MOST_ARGUMENTS}, found {len(arguments)}"
            )
        words = struct.pack(f"<{len(arguments)}I", *(word & 0xFFFFFFFF for word in arguments))
        self._add(_CALL, function, len(words), stack, words)
        self._results.append(4)
        return len(self._results) - 1

    def save(self, address: int, nbytes: int) -> int:
        """Bring back bytes of memory. Returns their index among the results."""
        self._add(_SAVE, address, nbytes, 0)
        self._results.append(nbytes)
        return len(self._results) - 1

    def encode(self) -> bytes:
        """The file that the monitor reads."""
        return bytes(self._content) + struct.pack("<4I", _END, 0, 0, 0)

    def decode(self, content: bytes) -> list[NDArray[np.uint8]]:
        """The results by index, from the file that the monitor wrote."""
        if len(content) != sum(self._results):
            raise EmulatorError(
                "emulator",
                f"expected {sum(self._results)} bytes of results, found {len(content)}",
            )
        ends = np.cumsum(self._results, dtype=int)
        return np.split(np.frombuffer(content, np.uint8), ends[:-1])

    def _add(self, kind: int, address: int, nbytes: int, value: int, after: bytes = b"") -> None:
        self._content += struct.pack("<4I", kind, address, nbytes, value) + after
