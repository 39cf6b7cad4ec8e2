"""Operators that reduce or scan axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from graphopt.errors import TypeRuleError
from graphopt.ir import Array, DType, Op, TensorType
from graphopt.ops.normalization import check_axes, wide

ReduceKind = Literal["sum", "mean", "max", "min", "prod"]


@dataclass(frozen=True)
class Reduce(Op):
    """The sum, mean, maximum, minimum or product over the axes."""

    name = "reduce"
    quantized = True

    kind: ReduceKind
    axes: tuple[int, ...]
    keepdims: bool = False

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        (x,) = inputs
        check_axes(self.name, self.axes, x.rank)
        kept = (1 if i in self.axes else d for i, d in enumerate(x.shape))
        dropped = (d for i, d in enumerate(x.shape) if i not in self.axes)
        if x.quant is not None and self.kind != "max" and self.kind != "min":
            if self.kind != "sum" or not x.quant.centered:
                raise TypeRuleError(self.name, f"{self.kind} is not defined over {x}")
        return (x.moved(tuple(kept if self.keepdims else dropped)),)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        acc = x if np.issubdtype(x.dtype, np.integer) or x.dtype == bool else wide(x)
        reduce: Any = getattr(np, self.kind)
        options = {}
        if self.kind in ("max", "min") and 0 in (x.shape[a] for a in self.axes):
            options["initial"] = _identity(acc, self.kind)
        with np.errstate(all="ignore"):
            y = reduce(acc, axis=self.axes, keepdims=self.keepdims, **options)
        return (np.asarray(y).astype(x.dtype),)


def _identity(x: Array, kind: str) -> float | int | bool:
    if x.dtype == bool:
        return kind == "min"
    if np.issubdtype(x.dtype, np.integer):
        limits = np.iinfo(x.dtype)
        return int(limits.min if kind == "max" else limits.max)
    return -np.inf if kind == "max" else np.inf


@dataclass(frozen=True)
class ArgReduce(Op):
    """The index (i64) of the largest or smallest element along an axis."""

    name = "arg_reduce"
    quantized = True

    kind: Literal["max", "min"]
    axis: int
    keepdims: bool = False
    last: bool = False

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        (x,) = inputs
        check_axes(self.name, (self.axis,), x.rank)
        after = (1,) if self.keepdims else ()
        shape = (*x.shape[: self.axis], *after, *x.shape[self.axis + 1 :])
        return (TensorType(DType.I64, shape),)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        source = np.flip(x, self.axis) if self.last else x
        find = np.argmax if self.kind == "max" else np.argmin
        index = find(source, axis=self.axis, keepdims=self.keepdims)
        if self.last:
            index = x.shape[self.axis] - 1 - index
        return (np.asarray(index, dtype=np.int64),)


@dataclass(frozen=True)
class CumSum(Op):
    """The running sum along an axis; `exclusive` leaves out the element itself."""

    name = "cumsum"

    axis: int
    exclusive: bool = False
    reverse: bool = False

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        (x,) = inputs
        check_axes(self.name, (self.axis,), x.rank)
        return (x,)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        source = np.flip(x, self.axis) if self.reverse else x
        y = np.cumsum(source, axis=self.axis, dtype=x.dtype)
        if self.exclusive:
            y = np.roll(y, 1, self.axis)
            y[(slice(None),) * self.axis + (0,)] = 0
        return (np.ascontiguousarray(np.flip(y, self.axis) if self.reverse else y),)


@dataclass(frozen=True)
class TopK(Op):
    """The k largest (or smallest) elements along an axis, sorted, and their indices (i64).

    Of equal elements the one with the lower index comes first.
    """

    name = "top_k"

    k: int
    axis: int
    largest: bool = True

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        (x,) = inputs
        check_axes(self.name, (self.axis,), x.rank)
        if self.k > x.dims[self.axis]:
            raise TypeRuleError(
                self.name, f"k: expected at most {x.dims[self.axis]}, found {self.k}"
            )
        shape = (*x.shape[: self.axis], self.k, *x.shape[self.axis + 1 :])
        return (TensorType(x.dtype, shape), TensorType(DType.I64, shape))

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        if self.largest:
            order = np.flip(x, self.axis).argsort(axis=self.axis, kind="stable")
            order = np.flip(x.shape[self.axis] - 1 - order, self.axis)
        else:
            order = x.argsort(axis=self.axis, kind="stable")
        index = np.take(order, np.arange(self.k), axis=self.axis)
        return (np.take_along_axis(x, index, self.axis), index.astype(np.int64))
