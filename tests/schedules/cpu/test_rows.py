"""Softmax, layer normalization and reductions against the interpreter."""

from __future__ import annotations

import numpy as np
import pytest

from graphopt import ops
from graphopt.ir import DType, Op
from graphopt.lower.kernel import KernelPlan
from graphopt.lower.testing import Region, RegionBuilder, check_schedule
from graphopt.ops.reduction import ReduceKind
from graphopt.schedules.cpu.reduce import ReduceAxes
from graphopt.schedules.cpu.rows import Rows
from graphopt.targets import load_cpu


def alone(op: Op, *dims: int) -> Region:
    build = RegionBuilder()
    return build.region(build.apply(op, build.input(*dims)))


def masked_softmax() -> Region:
    """softmax(x * scale + mask), the mask broadcast over heads."""
    build = RegionBuilder()
    x = build.apply(ops.Mul(), build.input(2, 3, 5, 21), build.input(1))
    x = build.apply(ops.Add(), x, build.input(2, 1, 1, 21))
    return build.region(build.apply(ops.Softmax(axis=3), x))


def added_layer_norm() -> Region:
    """layer_norm(a + b) * scale + bias, with the sum as a second output."""
    build = RegionBuilder()
    total = build.apply(ops.Add(), build.input(3, 7, 45), build.input(3, 7, 45))
    y = build.apply(ops.LayerNorm(axes=(2,)), total)
    y = build.apply(ops.Mul(), y, build.constant(45))
    return build.region(build.apply(ops.Add(), y, build.constant(45)), total)


@pytest.mark.parametrize("threads", [1, 2])
def test_rows_equal_interpreter(threads: int) -> None:
    regions = [
        alone(ops.Softmax(axis=1), 5, 64),
        alone(ops.Softmax(axis=1), 3, 5),
        alone(ops.Softmax(axis=1), 2, 1),
        alone(ops.Softmax(axis=2, log=True), 2, 3, 43),
        alone(ops.LayerNorm(axes=(1,)), 3, 13),
        alone(ops.LayerNorm(axes=(1,), rms=True), 3, 40),
        masked_softmax(),
        added_layer_norm(),
    ]
    check_schedule(Rows(), regions, load_cpu("cpu", threads))


def test_rows_may_overwrite_only_what_the_last_pass_does_not_read() -> None:
    target = load_cpu()
    masked, added = masked_softmax(), added_layer_norm()
    plan = Rows().plan(masked.graph, target, masked.constants)
    assert isinstance(plan, KernelPlan)
    assert plan.inplace == ((0, 0),)
    plan = Rows().plan(added.graph, target, added.constants)
    assert isinstance(plan, KernelPlan)
    assert plan.inplace == ()


def reduced(kind: ReduceKind, axes: tuple[int, ...], keepdims: bool, *dims: int) -> Region:
    """A reduction and an activation."""
    build = RegionBuilder()
    y = build.apply(ops.Reduce(kind, axes, keepdims), build.input(*dims))
    return build.region(build.apply(ops.Relu(), y))


def test_reductions_equal_interpreter() -> None:
    regions = [
        reduced("mean", (1, 2), True, 2, 7, 9, 37),
        reduced("mean", (1, 2), False, 1, 7, 7, 64),
        reduced("sum", (3,), False, 2, 3, 5, 33),
        reduced("sum", (3,), True, 2, 3, 5, 7),
        reduced("max", (1,), False, 3, 5, 4, 6),
        reduced("min", (0, 1), False, 3, 5),
        reduced("prod", (0,), True, 6, 70),
    ]
    check_schedule(ReduceAxes(), regions)


def test_integer_reductions_equal_interpreter() -> None:
    def reduction(kind: ReduceKind, axes: tuple[int, ...], dtype: DType, *dims: int) -> Region:
        """A reduction of what is left of a zero point."""
        build = RegionBuilder()
        x = build.input(*dims, dtype=dtype)
        if kind == "sum":
            zero = build.given(np.array(-7, np.int32))
            x = build.apply(ops.Sub(), build.apply(ops.Cast(DType.I32), x), zero)
        y = build.apply(ops.Reduce(kind, axes, True), x)
        return build.region(build.apply(ops.Clip(-300, 3000), y) if kind == "sum" else y)

    regions = [
        reduction("sum", (1, 2), DType.I8, 2, 7, 7, 75),
        reduction("sum", (2, 3), DType.U8, 1, 5, 7, 9),
        reduction("max", (1, 2), DType.I8, 1, 5, 7, 150),
        reduction("min", (2,), DType.U8, 3, 4, 99),
        reduction("max", (0,), DType.I32, 6, 20),
    ]
    check_schedule(ReduceAxes(), regions)
