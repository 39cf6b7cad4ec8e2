"""Elementwise arithmetic against numpy, with the values where it usually goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from graphopt import ops
from graphopt.ir import Array, DType, Op, TensorType

from .te.compiled import outputs_of

Case = tuple[Op, tuple[Array, ...]]

SPECIAL = [0, -0.0, np.inf, -np.inf, np.nan, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 1e-40, 1e-3]
SPECIAL += [-1e-3, 88.7, 88.8, -87.5, -103, -104, 1000, -1000, 3e38, -3e38, 9, -9, 4, -4, 20, -20]
UNARY: list[Callable[[], Op]] = [
    *(ops.Abs, ops.Neg, ops.Exp, ops.Log, ops.Sqrt, ops.Reciprocal, ops.Floor, ops.Ceil),
    *(ops.Round, ops.Sign, ops.Erf, ops.Sin, ops.Cos, ops.Tan, ops.Asin, ops.Acos, ops.Atan),
    *(ops.Sinh, ops.Cosh, ops.Tanh, ops.Asinh, ops.Acosh, ops.Atanh, ops.Relu, ops.Sigmoid),
    *(ops.Softplus, ops.Softsign, ops.Silu, ops.IsNan, ops.IsInf, lambda: ops.Clip(-1, 2)),
    *(lambda: ops.LeakyRelu(0.1), lambda: ops.Elu(1.5, 1.2), lambda: ops.IsInf(False, True)),
]
BINARY: list[Callable[[], Op]] = [
    *(ops.Add, ops.Sub, ops.Mul, ops.Div, ops.Min, ops.Max, ops.Mod, ops.Equal, ops.Less),
    *(ops.LessOrEqual, ops.Greater, ops.GreaterOrEqual, ops.PRelu, lambda: ops.Mod(True)),
]
INTEGER_UNARY: list[Callable[[], Op]] = [
    *(ops.Abs, ops.Neg, ops.Sign, ops.Relu, ops.BitwiseNot, ops.Sqrt, lambda: ops.Clip(2, 100)),
]
INTEGER_BINARY: list[Callable[[], Op]] = [
    *(op for op in BINARY if op is not ops.PRelu),
    *(ops.BitwiseAnd, ops.BitwiseOr, ops.BitwiseXor, ops.ShiftLeft, ops.ShiftRight),
]
# Relative to each single result, in the precision of the type.
RELATIVE = {DType.F64: 1e-12, DType.F32: 4e-7, DType.F16: 1.2e-3}


def floats(dtype: DType, rng: np.random.Generator) -> Array:
    parts = [np.array(SPECIAL), rng.standard_normal(100), rng.standard_normal(60) * 10]
    with np.errstate(all="ignore"):
        return rng.permutation(np.concatenate(parts)).astype(dtype.numpy)


def integers(dtype: DType, rng: np.random.Generator) -> Array:
    info = np.iinfo(dtype.numpy)
    low, high = int(info.min), int(info.max)
    edges = np.array([low, high, 0, 1, high - 1, low + 1, 2, 7], dtype.numpy)
    minus = np.array([-1, -7], dtype.numpy) if dtype.is_signed else edges[:2]
    spread = rng.integers(low, high, 60, dtype=dtype.numpy, endpoint=True)
    small = rng.integers(0, 70, 60).astype(dtype.numpy)
    return rng.permutation(np.concatenate([edges, edges, minus, minus, spread, small]))


@pytest.mark.parametrize(
    ("dtype", "optimization"),
    [(DType.F64, 0), (DType.F32, 0), (DType.F32, 3), (DType.F16, 0)],
)
def test_floats(dtype: DType, optimization: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    cases: list[Case] = [(op(), (floats(dtype, rng),)) for op in UNARY]
    cases += [(op(), (floats(dtype, rng), floats(dtype, rng))) for op in BINARY]
    for (op, arrays), (found,) in zip(
        cases, outputs_of(cases, tmp_path, optimization), strict=True
    ):
        (expected,) = op.evaluate(*arrays)
        if expected.dtype == bool:
            np.testing.assert_array_equal(found, expected, str(op))
            continue
        tiny = float(np.finfo(expected.dtype).tiny)
        np.testing.assert_allclose(
            found.astype(np.float64),
            expected.astype(np.float64),
            rtol=RELATIVE[dtype],
            atol=tiny,
            err_msg=str(op),
        )


@pytest.mark.parametrize("name", ["i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"])
def test_integers_wrap_and_divide_as_numpy_does(name: str, tmp_path: Path) -> None:
    dtype, rng = DType(name), np.random.default_rng(0)
    cases: list[Case] = [(op(), (integers(dtype, rng),)) for op in INTEGER_UNARY]
    cases += [(op(), (integers(dtype, rng), integers(dtype, rng))) for op in INTEGER_BINARY]
    for (op, arrays), (found,) in zip(cases, outputs_of(cases, tmp_path), strict=True):
        np.testing.assert_array_equal(found, op.evaluate(*arrays)[0], str(op))


def test_casts(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    targets = [DType(d) for d in "f64 f32 f16 bf16 i64 i32 i16 i8 i4 u64 u32 u16 u8 u4".split()]
    whole = [d for d in targets if d.is_integer and d.itemsize * 8 == int(d.value[1:])]
    cases: list[Case] = []
    for to in [*targets, DType.BOOL]:
        cases += [(ops.Cast(to), (integers(d, rng),)) for d in whole]
        for source in (DType.F64, DType.F32, DType.F16):
            x = floats(source, rng)
            if to.is_integer:
                x = np.clip(np.nan_to_num(x), -5 if to.is_signed else 0, 5).astype(x.dtype)
            cases.append((ops.Cast(to), (x,)))
    with np.errstate(all="ignore"):
        for (op, arrays), (found,) in zip(cases, outputs_of(cases, tmp_path), strict=True):
            (expected,) = op.evaluate(*arrays)
            if op.infer(TensorType.of(arrays[0]))[0].dtype.is_float:
                # numpy does not know that NaN of a foreign dtype equals itself.
                found, expected = found.astype(np.float64), expected.astype(np.float64)
            np.testing.assert_array_equal(found, expected, f"{op} of {arrays[0].dtype}")


def test_booleans(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 2, (2, 40)).astype(bool)
    x, y = rng.standard_normal((2, 40)).astype(np.float32)
    cases: list[Case] = [
        *((op, (a, b)) for op in (ops.And(), ops.Or(), ops.Xor(), ops.Equal())),
        (ops.Not(), (a,)),
        (ops.Where(), (a, x, y)),
        (ops.Cast(DType.F32), (a,)),
    ]
    for (op, arrays), (found,) in zip(cases, outputs_of(cases, tmp_path), strict=True):
        np.testing.assert_array_equal(found, op.evaluate(*arrays)[0], str(op))


@pytest.mark.parametrize("scalars", [False, True])
def test_rescale(scalars: bool, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = integers(DType.I32, rng)
    multiplier, offset = (integers(DType.I32, rng) for _ in range(2))
    if scalars:
        multiplier, offset = np.array([[2**31 - 1], [-128]], np.int32)
    cases: list[Case] = [
        (ops.Rescale(), (part, *(a[: part.size] for a in (multiplier, offset))))
        for part in (x, x[:13], x[:1])
    ]
    for (op, arrays), (found,) in zip(cases, outputs_of(cases, tmp_path), strict=True):
        np.testing.assert_array_equal(found, op.evaluate(*arrays)[0])
