"""Reductions and scans over axes."""

from __future__ import annotations

from collections.abc import Callable

from graphopt import ops
from graphopt.frontend.call import Call, Import
from graphopt.ir import Value
from graphopt.ops.reduction import ReduceKind

Step = Callable[[Call, Value], Value]


def reduction(kind: ReduceKind, before: Step | None = None, after: Step | None = None) -> Import:
    """Import a reduction, with a function of each element before it and of the result after it."""

    def run(call: Call) -> Value:
        x = call.input(0)
        axes = reduced_axes(call, x)
        if before is not None:
            x = before(call, x)
        y = call.emit(ops.Reduce(kind, axes, bool(call.integer("keepdims", 1))), x)
        return y if after is None else after(call, y)

    return run


def reduced_axes(call: Call, x: Value) -> tuple[int, ...]:
    """The axes that a Reduce... operator names: as attribute or input; none means all."""
    axes: tuple[int, ...] = ()
    if call.has(1):
        axes = call.known_ints(1, "axes")
    elif call.has_attribute("axes"):
        axes = call.integers("axes")
    if not axes and not call.integer("noop_with_empty_axes", 0):
        return tuple(range(x.type.rank))
    return tuple(sorted({call.axis(a, x.type.rank) for a in axes}))


def _abs(call: Call, x: Value) -> Value:
    return call.emit(ops.Abs(), x)


def _square(call: Call, x: Value) -> Value:
    return call.emit(ops.Mul(), x, x)


def _sqrt(call: Call, x: Value) -> Value:
    return call.emit(ops.Sqrt(), x)


def _log(call: Call, x: Value) -> Value:
    return call.emit(ops.Log(), x)


def reduce_log_sum_exp(call: Call) -> Value:
    """ReduceLogSumExp, shifted by the maximum so that nothing overflows."""
    x = call.input(0)
    axes = reduced_axes(call, x)
    if not axes or 0 in x.type.dims:
        total = call.emit(ops.Reduce("sum", axes, True), call.emit(ops.Exp(), x))
        y = call.emit(ops.Log(), total)
    else:
        top = call.emit(ops.Reduce("max", axes, True), x)
        shifted = call.emit(ops.Exp(), call.emit(ops.Sub(), x, top))
        total = call.emit(ops.Reduce("sum", axes, True), shifted)
        y = call.emit(ops.Add(), call.emit(ops.Log(), total), top)
    if call.integer("keepdims", 1):
        return y
    kept = tuple(d for i, d in enumerate(x.type.dims) if i not in axes)
    return call.emit(ops.Reshape(kept), y)


def arg_max(call: Call) -> Value:
    """ArgMax."""
    return _arg_reduce(call, "max")


def arg_min(call: Call) -> Value:
    """ArgMin."""
    return _arg_reduce(call, "min")


def _arg_reduce(call: Call, kind: str) -> Value:
    x = call.input(0)
    axis = call.axis(call.integer("axis", 0), x.type.rank)
    keep = bool(call.integer("keepdims", 1))
    last = bool(call.integer("select_last_index", 0))
    return call.emit(ops.ArgReduce("max" if kind == "max" else "min", axis, keep, last), x)


def cumsum(call: Call) -> Value:
    """CumSum."""
    x = call.input(0)
    axis = call.axis(int(call.known(1, "axis").reshape(())), x.type.rank)
    exclusive, reverse = bool(call.integer("exclusive", 0)), bool(call.integer("reverse", 0))
    return call.emit(ops.CumSum(axis, exclusive, reverse), x)


def top_k(call: Call) -> tuple[Value, ...]:
    """TopK: k is an attribute before opset 10, an input from then on."""
    x = call.input(0)
    k = call.integer("k") if call.opset < 10 else int(call.known(1, "k").reshape(()))
    axis = call.axis(call.integer("axis", -1), x.type.rank)
    return call.emit_node(ops.TopK(k, axis, bool(call.integer("largest", 1))), x)


IMPORTERS: dict[str, Import] = {
    "ArgMax": arg_max,
    "ArgMin": arg_min,
    "CumSum": cumsum,
    "ReduceL1": reduction("sum", before=_abs),
    "ReduceL2": reduction("sum", before=_square, after=_sqrt),
    "ReduceLogSum": reduction("sum", after=_log),
    "ReduceLogSumExp": reduce_log_sum_exp,
    "ReduceMax": reduction("max"),
    "ReduceMean": reduction("mean"),
    "ReduceMin": reduction("min"),
    "ReduceProd": reduction("prod"),
    "ReduceSum": reduction("sum"),
    "ReduceSumSquare": reduction("sum", before=_square),
    "TopK": top_k,
}
