"""Quantized types: what they hold, their text, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphopt.errors import ParseError, TypeRuleError
from graphopt.ir import DType, Graph, Node, Quant, TensorType, Value
from graphopt.ops import Decode
from graphopt.ops.quantization import integer_range
from graphopt.text import constants_by_digest, parse_graph, print_graph
from graphopt.verify import verify

INTEGERS = [DType.I2, DType.U2, DType.I4, DType.U4, DType.I8, DType.U8, DType.I16, DType.I32]
SCALES = st.floats(1e-30, 1e30, allow_subnormal=False)


@st.composite
def quantized_types(draw: st.DrawFn) -> TensorType:
    """A quantized type: one scale, or one for each index of an axis of up to 40."""
    dtype = draw(st.sampled_from(INTEGERS))
    shape = tuple(draw(st.lists(st.sampled_from([1, 2, 17, 40]), min_size=1, max_size=3)))
    points = st.integers(*integer_range(dtype))
    if draw(st.booleans()):
        return TensorType(dtype, shape, Quant((draw(SCALES),), (draw(points),)))
    axis = draw(st.integers(0, len(shape) - 1))
    count = shape[axis]
    scales = draw(st.lists(SCALES, min_size=count, max_size=count))
    if draw(st.booleans()):
        return TensorType(dtype, shape, Quant(tuple(scales), (draw(points),), axis))
    zeros = draw(st.lists(points, min_size=count, max_size=count))
    return TensorType(dtype, shape, Quant(tuple(scales), tuple(zeros), axis))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(quantized_types())
def test_text_round_trip(type: TensorType) -> None:
    x, y = Value("x", type), Value("y", TensorType(DType.F32, type.shape))
    assert type.quant is not None
    graph = Graph("g", (x,), (Node(Decode(type.quant), (x,), (y,)),), (y,))
    text = print_graph(graph)
    parsed = parse_graph(text, constants_by_digest(graph))
    verify(parsed)
    assert parsed.inputs[0].type == type
    assert parsed.nodes[0].op == Decode(type.quant)
    assert print_graph(parsed) == text


def test_many_scales_print_as_a_hash_and_need_their_array() -> None:
    quant = Quant.of(np.arange(1, 18) / 3, axis=0)
    text = str(TensorType(DType.I8, (17,), quant))
    assert text.startswith("i8[17]<#") and text.endswith(", 0, axis 0>")
    with pytest.raises(ParseError, match="line 1, column 20: constant #"):
        parse_graph(f"graph g(%x: {text}) {{ return %x }}")


def test_equal_zero_points_are_one() -> None:
    assert Quant.of(np.ones(3), np.array([2, 2, 2], np.int8), 1) == Quant((1.0,) * 3, (2,), 1)
    assert not Quant((1.0,) * 3, (2,), 1).centered
    assert Quant((0.5,)).centered


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("i8[2]<0.0, 0>", "column 18: quantization: scales: expected positive finite numbers"),
        ("i8[2]<-1.0, 0>", "column 18: quantization: scales: expected positive finite numbers"),
        ("i8[2]<inf, 0>", "column 18: quantization: scales: expected positive finite numbers"),
        ("i8[2]<nan, 0>", "column 18: quantization: scales: expected positive finite numbers"),
        ("i8[2]<(1.0, 2.0), 0>", "column 18: quantization: expected one scale and zero point"),
        ("i8[2]<(1.0, 2.0), (0, 1, 2), axis 0>", "found 2 and 3 with axis 0"),
        ("i8[3]<(1.0, 2.0), 0, axis 0>", "type: quantization: 2 scales do not fit axis of i8[3]"),
        ("i8[2]<(1.0, 2.0), 0, axis 1>", "type: quantization: 2 scales do not fit axis of i8[2]"),
        ("f32[2]<1.0, 0>", "type: quantization: expected an integer type, found f32[2]<1.0, 0>"),
        ("i8[2]<1.0>", "expected ',', found '>'"),
        ("i8[2]<1.0, 0, 1>", "expected 'axis', found '1'"),
        ("i8[2]<a, 0>", "expected a literal, found 'a'"),
    ],
)
def test_errors_say_where_and_what(text: str, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_graph(f"graph g(%x: {text}) {{ return %x }}")
    assert str(caught.value).startswith("line 1, column ")
    assert message in str(caught.value)


def test_elements_with_scales_along_an_axis_do_not_move() -> None:
    type = TensorType(DType.I8, (2, 3), Quant((1.0, 2.0), axis=0))
    assert type.stored == TensorType(DType.I8, (2, 3))
    with pytest.raises(TypeRuleError, match="expected one scale for all elements"):
        type.moved((6,))
