"""Reductions, scans and sorting along axes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from graphopt import ops
from graphopt.ir import DType, Op
from graphopt.lower.dtypes import check_computes
from graphopt.lower.te.elementwise import Inputs, Types
from graphopt.lower.te.tensor import Expr, Index, Program, Slot, Tensor, cast_of, linear, wide
from graphopt.ops.quantization import integer_range

if TYPE_CHECKING:
    from graphopt.lower.te.emitter import Emitter

# Shorter axes are summed one by one: a vector would spend its time on the last step.
SHORT_AXIS = 16


def limits(dtype: DType) -> tuple[Any, Any]:
    """The least and the largest value, infinities for floats."""
    if dtype is DType.BOOL:
        return False, True
    return integer_range(dtype) if dtype.is_integer else (-float("inf"), float("inf"))


def folded(
    x: Tensor,
    axes: tuple[int, ...],
    op: Op,
    initial: Any,
    keepdims: bool = True,
    across: bool | None = None,
) -> Tensor:
    """The elements along `axes` combined by the commutative operator `op`.

    With `across`, vectors run along the last axis, which must be one of them; else along the
    last axis that remains. None chooses by the length of the last axis.
    """
    kept = tuple(1 if a in axes else d for a, d in enumerate(x.shape))
    dropped = tuple(d for a, d in enumerate(x.shape) if a not in axes)
    extents = [x.shape[a] for a in axes]
    last = len(x.shape) - 1
    if across is None:
        across = last in axes and x.shape[last] >= SHORT_AXIS

    def place(index: Index, inner: Index) -> Index:
        outer = iter(i for a, i in enumerate(index) if not (keepdims and a in axes))
        return tuple(
            inner[axes.index(a)] if a in axes else next(outer) for a in range(len(x.shape))
        )

    def one_by_one(e: Emitter, index: Index) -> Expr:
        total = e.local(x.dtype, e.const(initial, x.dtype))
        with e.loops(extents) as inner:
            total.set(e.apply(op, total.get(), e.at(x, place(index, inner))))
        return total.get()

    def by_vectors(e: Emitter, index: Index) -> Expr:
        vectors, rest = divmod(x.shape[last], e.lanes)
        total = e.local(x.dtype, e.const(initial, x.dtype))
        lanes = e.local(x.dtype, e.const(initial, x.dtype), e.lanes)
        with e.loops(extents[:-1]) as inner:
            with e.loop(vectors) as v:
                run = e.run_of(v * e.lanes, e.lanes)
                lanes.set(e.apply(op, lanes.get(), e.at(x, place(index, (*inner, run)))))
            if rest:
                with e.loop(rest) as j:
                    element = e.at(x, place(index, (*inner, vectors * e.lanes + j)))
                    total.set(e.apply(op, total.get(), element))
        for lane in range(e.lanes):
            total.set(e.apply(op, total.get(), lanes.get(lane)))
        return total.get()

    return Tensor(
        x.dtype,
        kept if keepdims else dropped,
        by_vectors if across else one_by_one,
        loops=True,
        vectorizes=not across,
    )


def reduce(p: Program, op: ops.Reduce, inputs: Inputs, outputs: Types) -> Inputs:
    x = p.stored(inputs[0])
    check_computes(x.dtype)
    (result,) = outputs
    low, high = limits(x.dtype)
    combine: dict[str, tuple[Op, Any]] = {
        "sum": (ops.Add(), 0),
        "mean": (ops.Add(), 0),
        "prod": (ops.Mul(), 1),
        "max": (ops.Max(), low),
        "min": (ops.Min(), high),
    }
    step, initial = combine[op.kind]
    acc = wide(x.dtype)
    if op.kind == "mean" and not x.dtype.is_float:
        acc = DType.F64
    count = 1
    for axis in op.axes:
        count *= x.shape[axis]
    if x.dtype is DType.BOOL:
        initial = int(initial)
    total = folded(cast_of(x, acc), op.axes, step, initial, op.keepdims)
    if op.kind == "mean":
        total = replace(
            total, at=_then(total, lambda e, v: e.apply(ops.Div(), v, e.const(count, acc)))
        )
    return (cast_of(total, result.dtype),)


def _then(x: Tensor, f: Any) -> Any:
    return lambda e, index: f(e, x.at(e, index))


def _precedes(e: Emitter, a: Expr, b: Expr, dtype: DType, largest: bool) -> Expr:
    """Whether a comes strictly before b, NaN being the largest of all."""
    above = e.apply(ops.Greater() if largest else ops.Less(), a, b)
    if not dtype.is_float:
        return above
    nan_a, nan_b = e.apply(ops.IsNan(), a), e.apply(ops.IsNan(), b)
    first, second = (nan_a, nan_b) if largest else (nan_b, nan_a)
    return e.either(above, e.both(first, e.apply(ops.Not(), second)))


def arg_reduce(p: Program, op: ops.ArgReduce, inputs: Inputs, outputs: Types) -> Inputs:
    x = p.stored(inputs[0])
    check_computes(x.dtype)
    (result,) = outputs

    def at(e: Emitter, index: Index) -> Expr:
        before, after = index[: op.axis], index[op.axis + op.keepdims :]
        best = e.local(x.dtype, e.at(x, (*before, 0, *after)))
        found = e.local(DType.I32, e.const(0, DType.I32))
        with e.loop(x.shape[op.axis]) as k:
            value = e.at(x, (*before, k, *after))
            # The NaN of an argmin wins too, as in numpy.
            better = e.apply(ops.Greater() if op.kind == "max" else ops.Less(), value, best.get())
            if x.dtype.is_float:
                new = e.apply(ops.IsNan(), value)
                old = e.apply(ops.Not(), e.apply(ops.IsNan(), best.get()))
                better = e.either(e.both(better, old), e.both(new, old))
                tie = e.either(
                    e.apply(ops.Equal(), value, best.get()),
                    e.both(new, e.apply(ops.IsNan(), best.get())),
                )
            else:
                tie = e.apply(ops.Equal(), value, best.get())
            if op.last:
                better = e.either(better, tie)
            found.set(e.select(better, k, found.get()))
            best.set(e.select(better, value, best.get()))
        return e.cast(found.get(), DType.I64)

    # A bf16 variable cannot be compared in place; one lane at a time is plain enough.
    return (Tensor(DType.I64, result.dims, at, loops=True, vectorizes=False),)


def cumsum(p: Program, op: ops.CumSum, inputs: Inputs, outputs: Types) -> Inputs:
    x = p.stored(inputs[0])
    check_computes(x.dtype)
    size = x.shape[op.axis]
    others = [d for a, d in enumerate(x.shape) if a != op.axis]

    def body(e: Emitter, slot: Slot) -> None:
        with e.loops(others) as outer:
            total = e.local(x.dtype, e.const(0, x.dtype), 1)
            with e.loop(size) as k:
                i = size - 1 - k if op.reverse else k
                index = (*outer[: op.axis], i, *outer[op.axis :])
                position = linear(index, x.shape)
                if op.exclusive:
                    e.store(slot, position, total.get())
                total.set(e.apply(ops.Add(), total.get(), e.at(x, index)))
                if not op.exclusive:
                    e.store(slot, position, total.get())

    return (p.run(x.shape, x.dtype, body),)


def top_k(p: Program, op: ops.TopK, inputs: Inputs, outputs: Types) -> Inputs:
    """k passes, each of which finds the first element after the one found before."""
    x = p.stored(inputs[0])
    check_computes(x.dtype)
    size = x.shape[op.axis]
    result = outputs[0].dims
    others = [d for a, d in enumerate(x.shape) if a != op.axis]

    def body(e: Emitter, slot: Slot) -> None:
        with e.loops(others) as outer:
            before, after = outer[: op.axis], outer[op.axis :]
            last = e.local(DType.I32, e.const(-1, DType.I32), 1)
            with e.loop(op.k) as k:
                found = e.local(DType.I32, e.const(-1, DType.I32), 1)
                with e.loop(size) as i:
                    value = e.at(x, (*before, i, *after))
                    old = e.at(x, (*before, e.most(last.get(), 0), *after))
                    best = e.at(x, (*before, e.most(found.get(), 0), *after))
                    tie = e.both(
                        e.apply(ops.Not(), _precedes(e, value, old, x.dtype, op.largest)),
                        e.apply(ops.Not(), _precedes(e, old, value, x.dtype, op.largest)),
                    )
                    later = e.either(
                        _precedes(e, old, value, x.dtype, op.largest),
                        e.both(tie, e.truth(i > last.get())),
                    )
                    fresh = e.either(e.truth(last.get() < 0), later)
                    ahead = e.either(
                        e.truth(found.get() < 0), _precedes(e, value, best, x.dtype, op.largest)
                    )
                    found.set(e.select(e.both(fresh, ahead), i, found.get()))
                last.set(found.get())
                position = linear((*before, k, *after), result)
                e.store(slot, position, e.cast(found.get(), DType.I64))

    index = p.run(result, DType.I64, body)

    def at(e: Emitter, i: Index) -> Expr:
        chosen = e.position(e.at(index, i), size)
        return e.at(x, (*i[: op.axis], chosen, *i[op.axis + 1 :]))

    return Tensor(x.dtype, result, at), index
