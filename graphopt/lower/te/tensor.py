"""Tensors as functions of an index, and the list of steps that a kernel consists of.

A region becomes a `Program`: what is cheap stays a function of its index and ends up inside the
loops that use it; what has loops of its own is stored once. Nothing here imports TVM: closures
talk to the `Emitter`, which exists only while a kernel is being built.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from graphopt.ir import Array, DType, TensorType

if TYPE_CHECKING:
    from graphopt.lower.te.emitter import Emitter

Expr = Any
Index = tuple[Expr, ...]
At = Callable[["Emitter", Index], Expr]


@dataclass(frozen=True)
class Slot:
    """Memory of a kernel: an input, an output, or a place in the scratch buffer.

    `place` is the number of the input or output, or the offset in bytes.
    """

    kind: Literal["input", "output", "scratch"]
    place: int
    dtype: DType
    elements: int


@dataclass(frozen=True, eq=False)
class Tensor:
    """A function from an index to an element.

    Attributes:
        at: emits whatever it needs at the current place and returns the element there.
        loops: `at` emits loops, so it must run once per element and no more.
        vectorizes: neighbours along the last axis can be computed by one vector.
        shared: more than one reader; within one loop body `at` runs once per index.
        parts: of a concatenation: the axis and the tensors along it.
    """

    dtype: DType
    shape: tuple[int, ...]
    at: At
    loops: bool = False
    vectorizes: bool = True
    shared: bool = False
    parts: tuple[int, tuple[Tensor, ...]] | None = None

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    @property
    def type(self) -> TensorType:
        return TensorType(self.dtype, self.shape)


Step = Callable[["Emitter"], None]


@dataclass
class Program:
    """The steps of one kernel, in order, and the scratch memory they need.

    Every place in the scratch memory starts at a multiple of `alignment` bytes.
    """

    alignment: int
    steps: list[Step] = field(default_factory=list[Step])
    scratches: list[Slot] = field(default_factory=list[Slot])
    scratch_bytes: int = 0

    def scratch(self, dtype: DType, elements: int) -> Slot:
        """New working memory."""
        # Places are counted in elements.
        place = self._rounded(self.scratch_bytes, dtype.itemsize)
        slot = Slot("scratch", place, dtype, elements)
        self.scratches.append(slot)
        end = place + max(1, elements) * dtype.itemsize
        self.scratch_bytes = self._rounded(end, self.alignment)
        return slot

    @staticmethod
    def _rounded(size: int, unit: int) -> int:
        return -(-size // unit) * unit

    def compute(self, tensor: Tensor, into: Slot | None = None) -> Tensor:
        """Store every element of `tensor`; the result reads what was stored."""
        slot = into or self.scratch(tensor.dtype, tensor.elements)
        self.steps.append(lambda e: e.fill(slot, tensor))
        return stored(slot, tensor.shape)

    def stored(self, tensor: Tensor) -> Tensor:
        """`tensor`, computed first if computing an element takes loops."""
        return self.compute(tensor) if tensor.loops else tensor

    def run(
        self, shape: Sequence[int], dtype: DType, body: Callable[[Emitter, Slot], None]
    ) -> Tensor:
        """A tensor that `body` writes as it likes."""
        slot = self.scratch(dtype, math.prod(shape))
        self.steps.append(lambda e: body(e, slot))
        return stored(slot, tuple(shape))

    def table(self, array: Array) -> Tensor:
        """A small constant array, written by every run of the kernel."""
        slot = self.scratch(DType.of(array), array.size)
        values = array.reshape(-1)
        self.steps.append(lambda e: e.write_table(slot, values))
        return stored(slot, array.shape)


def stored(slot: Slot, shape: tuple[int, ...]) -> Tensor:
    """The tensor of `shape` that `slot` holds in row-major order."""
    return Tensor(slot.dtype, shape, lambda e, index: e.load(slot, linear(index, shape)))


def constant(array: Array) -> Tensor:
    """A tensor of one element known now."""
    value, dtype = array.reshape(-1)[0], DType.of(array)
    return Tensor(dtype, array.shape, lambda e, index: e.const(value.item(), dtype))


def linear(index: Index, shape: Sequence[int]) -> Expr:
    """The row-major position of an index."""
    position: Expr = 0
    for i, size in zip(index, shape, strict=True):
        if size != 1:
            position = position * size + i
    return position


def unravel(position: Expr, shape: Sequence[int]) -> Index:
    """The index at a row-major position."""
    index: list[Expr] = []
    rest = math.prod(shape)
    for size in shape:
        rest //= max(1, size)
        index.append(0 if size == 1 else (position // rest) % size)
    outer = next((i for i, size in enumerate(shape) if size != 1), None)
    if outer is not None:
        index[outer] = position // math.prod(shape[outer + 1 :])
    return tuple(index)


def broadcast(tensor: Tensor, shape: Sequence[int]) -> At:
    """`at` of `tensor` for the indices of a shape that it broadcasts to."""
    skip = len(shape) - len(tensor.shape)

    def at(e: Emitter, index: Index) -> Expr:
        own = tuple(
            0 if size == 1 else i for i, size in zip(index[skip:], tensor.shape, strict=True)
        )
        return e.at(tensor, own)

    return at


def viewed(tensor: Tensor, shape: tuple[int, ...], index: Callable[[Index], Index]) -> Tensor:
    """A tensor whose element at i is that of `tensor` at `index(i)`."""
    return Tensor(tensor.dtype, shape, lambda e, i: e.at(tensor, index(i)))


def pointwise(type: TensorType, at: At, inputs: Sequence[Tensor]) -> Tensor:
    """A tensor whose element at an index needs those of `inputs` at that index."""
    whole = [t for t in inputs if t.shape == type.dims]
    return Tensor(
        type.dtype,
        type.dims,
        at,
        loops=any(t.loops for t in whole),
        vectorizes=all(t.vectorizes for t in whole),
    )


def cast_of(tensor: Tensor, dtype: DType) -> Tensor:
    """`tensor` in another element type."""
    if tensor.dtype is dtype:
        return tensor
    return replace(
        tensor,
        dtype=dtype,
        at=lambda e, i: e.cast(e.at(tensor, i), dtype),
        shared=False,
        parts=None,
    )


def wide(dtype: DType) -> DType:
    """The type that sums of `dtype` are taken in."""
    if dtype in (DType.F16, DType.BF16):
        return DType.F32
    return DType.I32 if dtype is DType.BOOL else dtype


def numpy_const(value: Any, dtype: DType) -> Any:
    """`value` rounded to `dtype`, as a Python number."""
    return np.asarray(value).astype(dtype.numpy).item()
