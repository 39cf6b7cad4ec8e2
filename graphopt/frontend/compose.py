"""A short way to write compositions of canonical operators, with numbers as inputs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphopt.frontend.builder import Builder
from graphopt.ir import Array, DType, Op, Value
from graphopt.ops import (
    Add,
    Cast,
    Concat,
    Div,
    Expand,
    Gather,
    MatMul,
    Max,
    Min,
    Mul,
    Pow,
    Reduce,
    Reshape,
    Slice,
    Sub,
    Transpose,
    Where,
)
from graphopt.ops.reduction import ReduceKind

Number = Value | float | int
CONCAT_GROUP = 16


class Compose:
    """Canonical operators as methods; a number next to a tensor is a scalar of its dtype."""

    def __init__(self, builder: Builder) -> None:
        self.builder = builder

    def apply(self, op: Op, *inputs: Value) -> Value:
        """Any operator with one output."""
        return self.builder.emit(op, *inputs)

    def constant(self, array: Array) -> Value:
        return self.builder.constant(np.asarray(array))

    def scalar(self, number: float | int, dtype: DType) -> Value:
        """A constant of rank 0."""
        return self.constant(np.asarray(number).astype(dtype.numpy))

    def binary(self, op: Op, a: Number, b: Number) -> Value:
        """An elementwise operator of two inputs, at least one of them a tensor."""
        if isinstance(a, Value):
            right = b if isinstance(b, Value) else self.scalar(b, a.type.dtype)
            return self.apply(op, a, right)
        assert isinstance(b, Value)
        return self.apply(op, self.scalar(a, b.type.dtype), b)

    def add(self, a: Number, b: Number) -> Value:
        return self.binary(Add(), a, b)

    def sub(self, a: Number, b: Number) -> Value:
        return self.binary(Sub(), a, b)

    def mul(self, a: Number, b: Number) -> Value:
        return self.binary(Mul(), a, b)

    def div(self, a: Number, b: Number) -> Value:
        return self.binary(Div(), a, b)

    def pow(self, a: Number, b: Number) -> Value:
        return self.binary(Pow(), a, b)

    def min(self, a: Number, b: Number) -> Value:
        return self.binary(Min(), a, b)

    def max(self, a: Number, b: Number) -> Value:
        return self.binary(Max(), a, b)

    def where(self, condition: Value, a: Number, b: Number) -> Value:
        """a where the condition holds, else b; at least one of them a tensor."""
        like = a if isinstance(a, Value) else b
        assert isinstance(like, Value)
        chosen = [v if isinstance(v, Value) else self.scalar(v, like.type.dtype) for v in (a, b)]
        return self.apply(Where(), condition, *chosen)

    def cast(self, x: Value, dtype: DType) -> Value:
        return x if x.type.dtype is dtype else self.apply(Cast(dtype), x)

    def reshape(self, x: Value, shape: Sequence[int]) -> Value:
        wanted = tuple(int(d) for d in shape)
        return x if x.type.shape == wanted else self.apply(Reshape(wanted), x)

    def transpose(self, x: Value, perm: Sequence[int]) -> Value:
        return x if list(perm) == list(range(len(perm))) else self.apply(Transpose(tuple(perm)), x)

    def swap(self, x: Value, a: int, b: int) -> Value:
        """x with two dimensions exchanged."""
        perm = list(range(x.type.rank))
        perm[a], perm[b] = perm[b], perm[a]
        return self.transpose(x, perm)

    def expand(self, x: Value, shape: Sequence[int]) -> Value:
        wanted = tuple(int(d) for d in shape)
        return x if x.type.shape == wanted else self.apply(Expand(wanted), x)

    def slice(self, x: Value, axis: int, start: int, size: int, step: int = 1) -> Value:
        """`size` elements of one axis: start, start + step, ..."""
        axis %= x.type.rank
        dims = x.type.dims
        if (start, size, step) == (0, dims[axis], 1):
            return x
        starts, sizes, steps = [0] * len(dims), list(dims), [1] * len(dims)
        starts[axis], sizes[axis], steps[axis] = start, size, step
        return self.apply(Slice(tuple(starts), tuple(sizes), tuple(steps)), x)

    def index(self, x: Value, axis: int, at: int) -> Value:
        """Element `at` of one axis; the axis disappears."""
        axis %= x.type.rank
        dims = x.type.dims
        return self.reshape(self.slice(x, axis, at % dims[axis], 1), dims[:axis] + dims[axis + 1 :])

    def flip(self, x: Value, axis: int) -> Value:
        size = x.type.dims[axis]
        return self.slice(x, axis, size - 1, size, -1) if size > 1 else x

    def element(self, x: Value, axis: int, at: int) -> Value:
        """Element `at` of one axis, like `index`, but read through a constant.

        So the same kernel serves every `at`, where each slice would be a kernel of its own.
        """
        axis %= x.type.rank
        if x.type.dims[axis] == 1:
            return self.index(x, axis, at)
        return self.gather(x, self.constant(np.asarray(at, np.int64)), axis)

    def concat(self, values: Sequence[Value], axis: int) -> Value:
        """The values along an axis; many are joined in groups, whose kernels are the same."""
        values = list(values)
        while len(values) > CONCAT_GROUP:
            groups = range(0, len(values), CONCAT_GROUP)
            values = [self._join(values[i : i + CONCAT_GROUP], axis) for i in groups]
        return self._join(values, axis)

    def _join(self, values: list[Value], axis: int) -> Value:
        return values[0] if len(values) == 1 else self.apply(Concat(axis), *values)

    def unsqueeze(self, x: Value, axis: int) -> Value:
        dims = x.type.dims
        axis %= len(dims) + 1
        return self.reshape(x, (*dims[:axis], 1, *dims[axis:]))

    def stack(self, values: Sequence[Value], axis: int) -> Value:
        """The values along a new axis."""
        return self.concat([self.unsqueeze(v, axis) for v in values], axis)

    def gather(self, x: Value, indices: Value, axis: int) -> Value:
        return self.apply(Gather(axis % x.type.rank), x, indices)

    def matmul(self, a: Value, b: Value, transpose_b: bool = False) -> Value:
        return self.apply(MatMul(transpose_b), a, b)

    def reduce(
        self, kind: ReduceKind, x: Value, axes: Sequence[int], keepdims: bool = False
    ) -> Value:
        chosen = tuple(sorted(a % x.type.rank for a in axes))
        return self.apply(Reduce(kind, chosen, keepdims), x)
