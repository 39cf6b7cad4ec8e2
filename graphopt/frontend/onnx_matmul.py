"""Matrix products."""

from __future__ import annotations

from graphopt import ops
from graphopt.frontend.call import Call, Import
from graphopt.ir import Value


def matmul(call: Call) -> Value:
    """MatMul: numpy.matmul, vectors included."""
    a, b = call.tensors()
    return product(call, a, b)


def product(call: Call, a: Value, b: Value) -> Value:
    """a @ b as numpy defines it for every rank of at least 1."""
    if not a.type.rank or not b.type.rank:
        raise call.invalid(f"rank: expected at least 1, found {a.type} and {b.type}")
    row, column = a.type.rank == 1, b.type.rank == 1
    if row:
        a = call.emit(ops.Reshape((1, *a.type.dims)), a)
    if column:
        b = call.emit(ops.Reshape((*b.type.dims, 1)), b)
    y = call.emit(ops.MatMul(), a, b)
    if not (row or column):
        return y
    *batch, m, n = y.type.dims
    kept = (*batch, *(() if row else (m,)), *(() if column else (n,)))
    return call.emit(ops.Reshape(kept), y)


def gemm(call: Call) -> Value:
    """Gemm: alpha * A @ B + beta * C, with A and B transposed when asked."""
    a, b, c = call.input(0), call.input(1), call.optional(2)
    if call.integer("transA", 0):
        a = call.emit(ops.Transpose((1, 0)), a)
    if call.integer("transB", 0):
        b = call.emit(ops.Transpose((1, 0)), b)
    y = _scaled(call, call.emit(ops.MatMul(), a, b), call.number("alpha", 1.0))
    beta = call.number("beta", 1.0)
    return y if c is None or beta == 0 else call.emit(ops.Add(), y, _scaled(call, c, beta))


def _scaled(call: Call, x: Value, factor: float) -> Value:
    return x if factor == 1 else call.emit(ops.Mul(), x, call.scalar(factor, x))


IMPORTERS: dict[str, Import] = {
    "Gemm": gemm,
    "MatMul": matmul,
}
