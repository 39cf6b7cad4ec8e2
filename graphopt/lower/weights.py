"""The constants of a program in one blob."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphopt.ir import Array, Value
from graphopt.lower.kernel import Pack
from graphopt.lower.program import Chunk, Place, as_bytes
from graphopt.lower.steps import Address
from graphopt.runtime.arrays import aligned


class Weights:
    """Equal bytes are stored once, each array on a boundary.

    Attributes:
        places: where the constants that will be written over lie.
    """

    def __init__(
        self, arrays: Mapping[Value, Array], exchangeable: Collection[Value], alignment: int
    ) -> None:
        self.arrays = arrays
        self.alignment = alignment
        self.chunks: list[Chunk] = []
        self.places: dict[Value, tuple[Place, ...]] = {value: () for value in exchangeable}
        self._contents: list[NDArray[np.uint8]] = []
        self._known: dict[bytes, Address] = {}
        self._unpacked: dict[tuple[Value, tuple[int, ...]], Address] = {}
        self._size = 0

    def unpacked(self, value: Value, shape: tuple[int, ...]) -> Address:
        """Where a constant lies as it is."""
        key = value, shape
        if key not in self._unpacked:
            self._unpacked[key] = self.store(value, shape)
        return self._unpacked[key]

    def store(self, value: Value, shape: tuple[int, ...], pack: Pack | None = None) -> Address:
        """Where a constant, given as `shape`, lies in the order that `pack` gives."""
        array = self.arrays[value].reshape(shape)
        packed = pack(array) if pack is not None else array
        address = self._add(packed, value.name, shared=value not in self.places)
        if value in self.places:
            self.places[value] += (Place(address.offset, shape, pack),)
        return address

    def _add(self, array: Array | NDArray[Any], name: str, shared: bool) -> Address:
        """The place of `array`; with `shared`, perhaps that of equal bytes added before."""
        content = as_bytes(array)
        digest = hashlib.sha256(content.data).digest() if shared else None
        if digest is not None and digest in self._known:
            return self._known[digest]
        address = Address("weights", 0, self._size)
        if digest is not None:
            self._known[digest] = address
        self.chunks.append(Chunk(self._size, array.dtype, array.size, name))
        self._contents.append(content)
        self._size += -(-content.nbytes // self.alignment) * self.alignment
        return address

    def join(self) -> NDArray[np.uint8]:
        """All arrays in one; their own bytes are given up as they are copied."""
        blob = aligned(self._size)
        blob[:] = 0
        for chunk in self.chunks:
            blob[chunk.offset : chunk.offset + chunk.nbytes] = self._contents.pop(0)
        return blob
