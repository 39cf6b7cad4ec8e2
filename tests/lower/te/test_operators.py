"""Every operator's tensor expression against the interpreter: operator, dtypes, shapes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graphopt import ops
from graphopt.ir import Array, DType, Op, TensorType
from graphopt.testing import assert_close, random_array

from .compiled import outputs_of

Case = tuple[Op, tuple[str, ...]]


def parse(text: str) -> TensorType:
    """ "f32[2,3]" as a type."""
    dtype, _, dims = text.rstrip("]").partition("[")
    return TensorType(DType(dtype), tuple(int(d) for d in dims.split(",") if d))


def typed(template: str, dtype: str) -> str:
    return template.replace("T", dtype)


MOVEMENT: list[Case] = [
    (ops.Transpose((2, 0, 1)), ("T[3,4,21]",)),
    (ops.Reshape((4, 63)), ("T[3,4,21]",)),
    (ops.Slice((2, 0, 20), (1, 3, 7), (1, 1, -3)), ("T[3,4,21]",)),
    (ops.Tile((2, 1, 3)), ("T[3,4,21]",)),
    (ops.Expand((2, 3, 17)), ("T[3,1]",)),
    (ops.Concat(1), ("T[3,4,5]", "T[3,2,5]", "T[3,0,5]", "T[3,1,5]")),
    (ops.Concat(0), ("T[20]", "T[9]")),
    (ops.Gather(1), ("T[3,4,20]", "i64[2,2]")),
    (ops.GatherElements(0), ("T[4,5]", "i64[2,5]")),
    (ops.GatherNd(), ("T[4,5,6]", "i64[2,3,2]")),
    (ops.GatherNd(1), ("T[4,5,6]", "i64[4,3,1]")),
    (ops.Identity(), ("T[]",)),
    (ops.Pad((1, 2, 3, 0)), ("T[4,21]",)),
    (ops.Pad((1, 2, 3, 0), "reflect"), ("T[4,21]",)),
    (ops.Pad((1, 2, 3, 0), "edge"), ("T[4,21]",)),
    (ops.Pad((1, 2, 3, 0), "wrap"), ("T[4,21]",)),
    (ops.Pad((-1, 2, 3, -4)), ("T[4,21]",)),
    (ops.Trilu(True, 1), ("T[2,5,20]",)),
    (ops.Trilu(False, -1), ("T[5,20]",)),
    (ops.DepthToSpace(2), ("T[1,8,3,5]",)),
    (ops.DepthToSpace(2, "CRD"), ("T[1,8,3,5]",)),
    (ops.DepthToSpace(2, layout="NHWC"), ("T[1,3,5,8]",)),
    (ops.DepthToSpace(2, "CRD", "NHWC"), ("T[1,3,5,8]",)),
]
NUMERIC: list[Case] = [
    (ops.Add(), ("T[3,5,17]", "T[5,1]")),
    (ops.Reduce("sum", (1,)), ("T[3,20,9]",)),
    (ops.Reduce("max", (0, 2)), ("T[3,4,35]",)),
    (ops.Reduce("mean", (2,), True), ("T[3,4,35]",)),
    (ops.Reduce("prod", (0,)), ("T[3,35]",)),
    (ops.Reduce("min", (0, 1), True), ("T[3,35]",)),
    (ops.ArgReduce("max", 1), ("T[3,9]",)),
    (ops.ArgReduce("min", 0, True, True), ("T[6,9]",)),
    (ops.TopK(3, 1), ("T[2,9]",)),
    (ops.TopK(9, 1, False), ("T[2,9]",)),
    (ops.CumSum(1), ("T[3,9]",)),
    (ops.CumSum(0, True, True), ("T[3,9]",)),
    (ops.MatMul(), ("T[2,3,7]", "T[7,19]")),
    (ops.MatMul(True), ("T[2,1,3,37]", "T[5,9,37]")),
    (ops.ScatterElements(1, "add"), ("T[4,5]", "i32[4,2]", "T[4,2]")),
    (ops.ScatterElements(0, "max"), ("T[4,5]", "i32[3,5]", "T[3,5]")),
    (ops.ScatterNd("mul"), ("T[6,5]", "i64[3,1]", "T[3,5]")),
]
FLOAT: list[Case] = [
    (ops.Conv((1, 1), (0,) * 4, (1, 1)), ("T[2,3,7,21]", "T[4,3,3,3]", "T[4]")),
    (ops.Conv((2, 1), (1, 2, 0, 1), (1, 2), 2), ("T[2,4,9,21]", "T[6,2,3,3]")),
    (ops.Conv((2, 1), (1, 2, 0, 1), (1, 2), 2, "NHWC"), ("T[2,9,21,4]", "T[6,2,3,3]", "T[6]")),
    (ops.Conv((2,), (1, 0), (1,), 20), ("T[1,20,9]", "T[20,1,3]")),
    (ops.Conv((1, 1, 1), (1,) * 6, (1, 1, 1)), ("T[1,2,4,5,6]", "T[3,2,3,3,3]")),
    (
        ops.ConvTranspose((2, 2), (1, 0, 1, 1), (1, 1), (1, 0)),
        ("T[1,4,5,6]", "T[4,3,3,3]", "T[3]"),
    ),
    (ops.ConvTranspose((3,), (0, 0), (2,), (0,), 2), ("T[1,4,5]", "T[4,3,3]")),
    (ops.ConvTranspose((1, 1), (3,) * 4, (1, 1), (0, 0)), ("T[1,2,7,7]", "T[2,3,3,3]")),
    (ops.MaxPool((3, 3), (2, 2), (1,) * 4, (1, 1)), ("T[2,3,7,20]",)),
    (ops.MaxPool((3, 2), (2, 1), (0,) * 4, (2, 1), True, "NHWC"), ("T[2,7,20,9]",)),
    (ops.AveragePool((3, 3), (2, 2), (1,) * 4, (1, 1)), ("T[2,3,7,20]",)),
    (ops.AveragePool((3, 3), (2, 2), (1, 1, 0, 1), (1, 1), True, "NHWC", True), ("T[2,7,20,9]",)),
    (ops.Softmax(1), ("T[3,20]",)),
    (ops.Softmax(0, True), ("T[3,20]",)),
    (ops.LayerNorm((1,)), ("T[3,40]",)),
    (ops.LayerNorm((1, 2)), ("T[3,4,5]",)),
    (ops.LayerNorm((0,), 1e-3, True), ("T[3,4]",)),
    (ops.Resize((1, 2, 8, 10), (1, 1, 2.0, 2.0)), ("T[1,2,4,5]",)),
    (ops.Resize((1, 2, 3, 17), (1, 1, 0.75, 3.4), "linear", "align_corners"), ("T[1,2,4,5]",)),
    (ops.Resize((1, 2, 8, 10), (1, 1, 2.0, 2.0), "cubic"), ("T[1,2,4,5]",)),
]
QUANTIZED: list[Case] = [
    (ops.Quantize(), ("f32[3,40]", "f32[]", "T[]")),
    (ops.Quantize(1), ("f32[3,20]", "f32[20]", "T[20]")),
    (ops.Dequantize(0), ("T[3,20]", "f32[3]", "T[3]")),
    (ops.Dequantize(), ("T[3,20]", "f32[]", "T[]")),
]
TABLES = {
    **{f"movement {d}": (MOVEMENT, d) for d in ("f32", "f16", "bf16", "i64", "i8", "bool", "i4")},
    **{f"numeric {d}": (NUMERIC, d) for d in ("f32", "f64", "f16", "bf16", "i64", "i32", "u8")},
    **{f"float {d}": (FLOAT, d) for d in ("f32", "f64", "f16")},
    **{f"quantized {d}": (QUANTIZED, d) for d in ("u8", "i8", "i16", "u16", "i4", "u4")},
}


def inputs_of(op: Op, types: tuple[TensorType, ...], seed: int) -> tuple[Array, ...]:
    rng = np.random.default_rng(seed)
    arrays = [random_array(type, rng) for type in types]
    if isinstance(op, ops.Quantize | ops.Dequantize):
        arrays[1] = np.abs(arrays[1]) + arrays[1].dtype.type(0.02)
    return tuple(arrays)


@pytest.mark.parametrize("table", TABLES)
def test_operators(table: str, tmp_path: Path) -> None:
    rows, dtype = TABLES[table]
    cases = [
        (op, inputs_of(op, tuple(parse(typed(t, dtype)) for t in types), seed))
        for seed, (op, types) in enumerate(rows)
    ]
    for (op, arrays), found in zip(cases, outputs_of(cases, tmp_path), strict=True):
        for array, expected in zip(found, op.evaluate(*arrays), strict=True):
            assert_close(array, expected, f"{op} {[TensorType.of(a) for a in arrays]}")


def test_optimized_code_agrees(tmp_path: Path) -> None:
    cases = [
        (op, inputs_of(op, tuple(parse(typed(t, "f32")) for t in types), seed))
        for seed, (op, types) in enumerate(NUMERIC + FLOAT)
    ]
    for (op, arrays), found in zip(cases, outputs_of(cases, tmp_path, 3), strict=True):
        for array, expected in zip(found, op.evaluate(*arrays), strict=True):
            assert_close(array, expected, str(op))


def test_softmax_of_integers(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = np.rint(np.exp(-0.02 * np.arange(256)) * 2**30).astype(np.int32)
    x, y = rng.integers(-128, 128, (3, 40), np.int8), rng.integers(0, 256, (5, 3, 2), np.uint8)
    cases = [(ops.IntegerSoftmax(1), (x, table)), (ops.IntegerSoftmax(1), (y, table))]
    for (op, arrays), (found,) in zip(cases, outputs_of(cases, tmp_path), strict=True):
        np.testing.assert_array_equal(found, op.evaluate(*arrays)[0])


def test_scatter_replaces(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, updates = rng.standard_normal((6, 5)), rng.standard_normal((3, 5))
    places = np.array([[-1], [0], [2]])
    ((found,),) = outputs_of([(ops.ScatterNd(), (x, places, updates))], tmp_path)
    np.testing.assert_array_equal(found, ops.ScatterNd().evaluate(x, places, updates)[0])
