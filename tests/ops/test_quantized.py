"""Operators over quantized types: their type rules, and their meaning in real numbers."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from graphopt.errors import TypeRuleError
from graphopt.ir import Array, DType, Op, Quant, TensorType
from graphopt.ops import (
    Add,
    Clip,
    Concat,
    Conv,
    Decode,
    Encode,
    Lookup,
    MatMul,
    Max,
    MaxPool,
    Mul,
    Reduce,
    Requantize,
    Reshape,
    Retype,
    SumPool,
    Transpose,
)
from graphopt.ops.quantization import integer_range

RNG = np.random.default_rng(3)
ONE = Quant((0.5,))
CONV = Conv((1, 1), (1, 0, 0, 1), (1, 1))


def stored(type: TensorType) -> Array:
    low, high = integer_range(type.dtype)
    return RNG.integers(low, high + 1, type.dims).astype(type.dtype.numpy)


def meaning(array: Array, quant: Quant) -> Array:
    """What stored numbers stand for, element by element in Python numbers."""
    real = np.empty(array.shape)
    for at in itertools.product(*map(range, array.shape)):
        index = 0 if quant.axis is None else at[quant.axis]
        zero = quant.zero_points[index if len(quant.zero_points) > 1 else 0]
        real[at] = quant.scales[index] * (int(array[at]) - zero)
    return real


def typed(dtype: DType, shape: tuple[int, ...], quant: Quant | None = ONE) -> TensorType:
    return TensorType(dtype, shape, quant)


def real_conv(x: Array, w: Array, *bias: Array) -> Array:
    padded = np.pad(x, [(0, 0), (0, 0), (1, 0), (0, 1)])
    n, o, h, v = x.shape[0], w.shape[0], x.shape[2], x.shape[3]
    y = np.zeros((n, o, h, v))
    for a, b in itertools.product(range(2), range(2)):
        y += np.einsum("nchv,oc->nohv", padded[:, :, a : a + h, b : b + v], w[:, :, a, b])
    return y + (bias[0].reshape(1, -1, 1, 1) if bias else 0)


CASES: list[tuple[Op, list[TensorType], TensorType, Callable[..., Array]]] = [
    (
        CONV,
        [
            typed(DType.I8, (2, 3, 4, 4)),
            typed(DType.I4, (2, 3, 2, 2), Quant((0.25, 2.0), axis=0)),
            typed(DType.I32, (2,), Quant((0.125, 1.0), axis=0)),
        ],
        typed(DType.I32, (2, 2, 4, 4), Quant((0.125, 1.0), axis=1)),
        real_conv,
    ),
    (
        CONV,
        [typed(DType.U8, (1, 1, 3, 3)), typed(DType.I8, (1, 1, 2, 2), Quant((0.1,)))],
        typed(DType.I32, (1, 1, 3, 3), Quant((0.5 * 0.1,))),
        real_conv,
    ),
    (
        MatMul(),
        [typed(DType.I16, (2, 3, 4)), typed(DType.I8, (4, 5), Quant((0.1,) * 4 + (3.0,), axis=1))],
        typed(DType.I32, (2, 3, 5), Quant((0.5 * 0.1,) * 4 + (1.5,), axis=2)),
        np.matmul,
    ),
    (
        MatMul(transpose_b=True),
        [typed(DType.I8, (3, 4)), typed(DType.I8, (2, 4), Quant((0.1, 3.0), axis=0))],
        typed(DType.I32, (3, 2), Quant((0.5 * 0.1, 1.5), axis=1)),
        lambda a, b: a @ b.T,
    ),
    (
        SumPool((2,), (1,), (0, 1), (1,)),
        [typed(DType.I16, (1, 2, 5))],
        typed(DType.I32, (1, 2, 5)),
        lambda x: x + np.pad(x, [(0, 0), (0, 0), (0, 1)])[:, :, 1:],
    ),
    (
        MaxPool((5,), (1,), (0, 0), (1,)),
        [typed(DType.U8, (1, 2, 5), Quant((0.5,), (200,)))],
        typed(DType.U8, (1, 2, 1), Quant((0.5,), (200,))),
        lambda x: x.max(axis=2, keepdims=True),
    ),
    (
        Mul(),
        [typed(DType.I32, (3, 2)), typed(DType.I32, (2,), Quant((0.3,)))],
        typed(DType.I32, (3, 2), Quant((0.5 * 0.3,))),
        np.multiply,
    ),
    (
        Add(),
        [
            typed(DType.I32, (3, 2), Quant((0.5, 0.25), axis=1)),
            typed(DType.I32, (2,), Quant((0.5, 0.25), axis=0)),
        ],
        typed(DType.I32, (3, 2), Quant((0.5, 0.25), axis=1)),
        np.add,
    ),
    (
        Max(),
        [typed(DType.U8, (3, 2), Quant((0.5,), (3,)))] * 2,
        typed(DType.U8, (3, 2), Quant((0.5,), (3,))),
        np.maximum,
    ),
    (
        Clip(2, 9),
        [typed(DType.U8, (9,), Quant((0.5,), (3,)))],
        typed(DType.U8, (9,), Quant((0.5,), (3,))),
        lambda x: np.clip(x, -0.5, 3.0),
    ),
    (
        Reduce("sum", (1,)),
        [typed(DType.I32, (3, 2))],
        typed(DType.I32, (3,)),
        lambda x: x.sum(axis=1),
    ),
    (
        Reduce("min", (0,)),
        [typed(DType.I8, (3, 2), Quant((0.5,), (3,)))],
        typed(DType.I8, (2,), Quant((0.5,), (3,))),
        lambda x: x.min(axis=0),
    ),
    (
        Transpose((1, 0)),
        [typed(DType.I8, (3, 2), Quant((0.5, 0.1), (1, 2), axis=1))],
        typed(DType.I8, (2, 3), Quant((0.5, 0.1), (1, 2), axis=0)),
        np.transpose,
    ),
    (
        Reshape((6,)),
        [typed(DType.I8, (3, 2), Quant((0.5,), (1,)))],
        typed(DType.I8, (6,), Quant((0.5,), (1,))),
        lambda x: x.reshape(6),
    ),
    (
        Concat(0),
        [typed(DType.I8, (3,), Quant((0.5,), (1,))), typed(DType.I8, (2,), Quant((0.5,), (1,)))],
        typed(DType.I8, (5,), Quant((0.5,), (1,))),
        lambda a, b: np.concatenate([a, b]),
    ),
]


@pytest.mark.parametrize(("op", "inputs", "output", "real"), CASES, ids=lambda c: type(c).__name__)
def test_the_integers_stand_for_the_real_result(
    op: Op, inputs: list[TensorType], output: TensorType, real: Callable[..., Array]
) -> None:
    assert op.infer(*inputs) == (output,)
    arrays = [
        stored(each) if each.dtype is not DType.I32 else RNG.integers(-99, 99, each.dims, np.int32)
        for each in inputs
    ]
    (found,) = op.evaluate(*arrays)
    assert TensorType.of(found) == output.stored
    assert output.quant is not None
    reals = [meaning(a, t.quant) for a, t in zip(arrays, inputs, strict=True) if t.quant]
    np.testing.assert_allclose(meaning(found, output.quant), real(*reals), rtol=1e-12, atol=1e-9)


REFUSED: list[tuple[Op, list[TensorType], str]] = [
    (
        MatMul(),
        [typed(DType.I8, (2, 2)), typed(DType.I8, (2, 2), None)],
        "matmul: expected both or none quantized",
    ),
    (
        MatMul(),
        [typed(DType.I8, (2, 2), Quant((1.0,), (1,))), typed(DType.I8, (2, 2))],
        "matmul: zero points: expected 0",
    ),
    (
        MatMul(),
        [typed(DType.I8, (2, 2), Quant((1.0, 2.0), axis=1)), typed(DType.I8, (2, 2))],
        "matmul: scales differ within a sum",
    ),
    (
        MatMul(),
        [typed(DType.I8, (2, 2)), typed(DType.I8, (2, 2), Quant((1.0, 2.0), axis=0))],
        "matmul: scales differ within a sum",
    ),
    (
        CONV,
        [typed(DType.I8, (1, 1, 2, 2)), typed(DType.I8, (1, 1, 2, 2)), typed(DType.I32, (1,))],
        "conv: bias: expected i32[1]<0.25, 0>, found i32[1]<0.5, 0>",
    ),
    (
        Add(),
        [typed(DType.I8, (2,)), typed(DType.I8, (2,), Quant((0.25,)))],
        "add: expected one scale",
    ),
    (Add(), [typed(DType.I8, (2,), Quant((0.25,), (1,)))] * 2, "add: zero point: expected 0"),
    (Mul(), [typed(DType.I8, (2,)), typed(DType.I8, (2,), None)], "mul: expected two zero points"),
    (
        Mul(),
        [typed(DType.I8, (2,), Quant((0.25, 1.0), axis=0)), typed(DType.I8, (2,))],
        "mul: expected one scale for each input",
    ),
    (
        SumPool((2,), (1,), (0, 1), (1,)),
        [typed(DType.I16, (1, 2, 5), Quant((1.0,), (1,)))],
        "sum_pool: zero point: expected 0",
    ),
    (Reduce("mean", (0,)), [typed(DType.I8, (2,))], "reduce: mean is not defined over"),
    (
        Reshape((4,)),
        [typed(DType.I8, (2, 2), Quant((1.0, 2.0), axis=0))],
        "type: expected one scale for all elements",
    ),
    (
        Concat(0),
        [typed(DType.I8, (2,)), typed(DType.I8, (2,), Quant((0.25,)))],
        "concat: ",
    ),
    (Encode(DType.I8, ONE), [TensorType(DType.F16, (2,))], "encode: dtype: expected f32"),
    (Decode(Quant((1.0,))), [typed(DType.I8, (2,))], "decode: input: expected <1.0, 0>, found"),
    (
        Requantize(Quant((1.0,)), DType.I8, ONE),
        [typed(DType.I8, (2,))],
        "requantize: input: expected <1.0, 0>, found i8[2]<0.5, 0>",
    ),
    (
        Lookup(),
        [typed(DType.I16, (2,)), typed(DType.I8, (256,))],
        "lookup: dtype: expected integers of at most 8 bits",
    ),
    (
        Lookup(),
        [typed(DType.I4, (2,)), typed(DType.I8, (256,))],
        "lookup: table: expected [16] for i4[2]<0.5, 0>, found i8[256]<0.5, 0>",
    ),
]


@pytest.mark.parametrize(("op", "inputs", "message"), REFUSED, ids=lambda c: type(c).__name__)
def test_what_has_no_meaning_is_refused(op: Op, inputs: list[TensorType], message: str) -> None:
    with pytest.raises(TypeRuleError) as caught:
        op.infer(*inputs)
    assert str(caught.value).startswith(message)


def test_encoding_rounds_halves_to_even_and_saturates() -> None:
    op = Encode(DType.U8, Quant((0.5,), (3,)))
    x = np.array([-1.5, -2.0, 0.25, 0.75, 1e9, -np.inf], np.float32)
    assert op.evaluate(x)[0].tolist() == [0, 0, 3, 5, 255, 0]
    assert op.infer(TensorType.of(x)) == (TensorType(DType.U8, (6,), op.quant),)


def test_decoding_is_what_the_type_says() -> None:
    quant = Quant((0.5, 0.3), (1, -2), axis=1)
    type = typed(DType.I8, (4, 2), quant)
    array = stored(type)
    assert Decode(quant).infer(type) == (TensorType(DType.F32, (4, 2)),)
    np.testing.assert_allclose(Decode(quant).evaluate(array)[0], meaning(array, quant), rtol=1e-6)


def test_requantizing_rounds_halves_up_and_saturates() -> None:
    op = Requantize(Quant((0.5,), (1,)), DType.U8, Quant((1.0,), (4,)))
    x = np.array([-9, -2, 0, 1, 2, 4, 2**31 - 1, -(2**31)], np.int32)
    assert op.evaluate(x)[0].tolist() == [0, 3, 4, 4, 5, 6, 255, 0]


def test_requantizing_to_the_same_scale_is_exact() -> None:
    op = Requantize(Quant((0.3,), (128,)), DType.I8, Quant((0.3,), (0,)))
    x = np.arange(256).astype(np.uint8)
    np.testing.assert_array_equal(op.evaluate(x)[0], np.arange(-128, 128))


def test_a_table_is_read_from_the_lowest_integer_on() -> None:
    table = np.arange(16).astype(np.int32) * 100
    type = typed(DType.I4, (3,))
    assert Lookup().infer(type, TensorType(DType.I32, (16,))) == (TensorType(DType.I32, (3,)),)
    x = np.array([-8, 0, 7]).astype(DType.I4.numpy)
    assert Lookup().evaluate(x, table)[0].tolist() == [0, 800, 1500]


def test_retyping_keeps_the_integers() -> None:
    type = typed(DType.I8, (2,))
    assert Retype(None).infer(type) == (type.stored,)
    assert Retype(ONE).infer(type.stored) == (type,)
    x = np.array([1, 2], np.int8)
    assert Retype(ONE).evaluate(x)[0] is x
