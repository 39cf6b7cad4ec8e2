"""Gathers and scatters. Indices are i32 or i64; negative ones count from the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from graphopt.errors import TypeRuleError
from graphopt.ir import Array, DType, Op, TensorType
from graphopt.ops.normalization import check_axes

Combine = Literal["none", "add", "mul", "max", "min"]


def _check_index(name: str, index: TensorType) -> None:
    if index.dtype not in (DType.I32, DType.I64):
        raise TypeRuleError(name, f"indices: expected i32 or i64, found {index}")


@dataclass(frozen=True)
class Gather(Op):
    """Slices of x along an axis, at the indices. Inputs: x, indices."""

    name = "gather"
    quantized = True

    axis: int = 0

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        x, index = inputs
        check_axes(self.name, (self.axis,), x.rank)
        _check_index(self.name, index)
        shape = (*x.shape[: self.axis], *index.shape, *x.shape[self.axis + 1 :])
        return (x.moved(shape),)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        x, index = inputs
        return (np.asarray(np.take(x, index, axis=self.axis)),)


@dataclass(frozen=True)
class GatherElements(Op):
    """The element of x at each index along an axis. Inputs: x, indices of x's rank."""

    name = "gather_elements"
    quantized = True

    axis: int = 0

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        x, index = inputs
        check_axes(self.name, (self.axis,), x.rank)
        _check_index(self.name, index)
        if index.rank != x.rank:
            raise TypeRuleError(self.name, f"rank: expected {x.rank}, found {index}")
        return (x.moved(index.shape),)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        x, index = inputs
        grid: list[Array] = list(np.indices(index.shape, sparse=True))
        grid[self.axis] = index
        return (x[tuple(grid)],)


@dataclass(frozen=True)
class GatherNd(Op):
    """Slices of x at index tuples (last dimension of indices). Inputs: x, indices."""

    name = "gather_nd"
    quantized = True

    batch_dims: int = 0

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        x, index = inputs
        _check_index(self.name, index)
        depth = index.dims[-1]
        if self.batch_dims + depth > x.rank or index.rank <= self.batch_dims:
            raise TypeRuleError(self.name, f"indices do not fit: {x} at {index}")
        shape = (*index.shape[:-1], *x.shape[self.batch_dims + depth :])
        return (x.moved(shape),)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        x, index = inputs
        batch = np.indices(index.shape[: self.batch_dims], sparse=True)
        extra = index.ndim - 1 - self.batch_dims
        grid = [b.reshape(b.shape + (1,) * extra) for b in batch]
        return (x[(*grid, *(index[..., i] for i in range(index.shape[-1])))],)


@dataclass(frozen=True)
class ScatterElements(Op):
    """x with elements along an axis replaced or combined. Inputs: x, indices, updates."""

    name = "scatter_elements"

    axis: int = 0
    combine: Combine = "none"

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        x, index, updates = inputs
        check_axes(self.name, (self.axis,), x.rank)
        _check_index(self.name, index)
        if index.shape != updates.shape or index.rank != x.rank or updates.dtype is not x.dtype:
            raise TypeRuleError(self.name, f"inputs do not fit: {x}, {index}, {updates}")
        return (x,)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        x, index, updates = inputs
        grid: list[Array] = list(np.indices(index.shape))
        grid[self.axis] = index
        return (_scatter(x, tuple(grid), updates, self.combine),)


@dataclass(frozen=True)
class ScatterNd(Op):
    """x with slices at index tuples replaced or combined. Inputs: x, indices, updates."""

    name = "scatter_nd"

    combine: Combine = "none"

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        x, index, updates = inputs
        _check_index(self.name, index)
        expected = (*index.shape[:-1], *x.shape[index.dims[-1] :])
        if updates.shape != expected or updates.dtype is not x.dtype:
            raise TypeRuleError(
                self.name, f"updates: expected {TensorType(x.dtype, expected)}, found {updates}"
            )
        return (x,)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        x, index, updates = inputs
        where = tuple(index[..., i] for i in range(index.shape[-1]))
        return (_scatter(x, where, updates, self.combine),)


def _scatter(x: Array, where: tuple[Array, ...], updates: Array, combine: Combine) -> Array:
    y = x.copy()
    if combine == "none":
        y[where] = updates
        return y
    ufuncs = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}
    ufuncs[combine].at(y, where, updates)
    return y
