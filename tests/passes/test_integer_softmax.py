# ruff: noqa: E501 (graph text)
"""Softmax in integers against softmax in double precision."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphopt import ops
from graphopt.interpreter import evaluate
from graphopt.ir import Array, DType, Graph
from graphopt.ops.quantization import integer_range
from graphopt.passes.integer_softmax import IntegerSoftmax
from graphopt.passes.sink_reshapes_past_reduction import SinkReshapesPastReduction
from graphopt.passes.sink_transposes import SinkTransposes
from graphopt.rewrite import Pass
from graphopt.testing import check_pass
from graphopt.text import parse_graph
from graphopt.verify import verify


def graph_of(dtype: DType, shape: tuple[int, ...], axis: int, scale: float, result: str) -> Graph:
    """encode(softmax(decode(x))), with `result` like "u8 0.00390625 0"."""
    to, step, zero = result.split()
    dims = ",".join(map(str, shape))
    return parse_graph(f"""graph g(%x: {dtype}[{dims}]<{scale!r}, 3>) {{
      %0: f32[{dims}] = decode(%x) {{quant = <{scale!r}, 3>}}
      %1: f32[{dims}] = softmax(%0) {{axis = {axis}}}
      %2: {to}[{dims}]<{step}, {zero}> = encode(%1) {{dtype = '{to}', quant = <{step}, {zero}>}}
      return %2
    }}""")


def exact(x: Array, axis: int, scale: float, result: str) -> Array:
    """In double precision, in steps of the result, not rounded."""
    to, step, zero = result.split()
    real = np.exp(scale * (x.astype(np.float64) - x.max(axis=axis, keepdims=True)))
    real /= real.sum(axis=axis, keepdims=True)
    return np.asarray(np.clip(real / float(step) + int(zero), *integer_range(DType(to))))


RESULTS = [
    "u8 0.00390625 0",
    "i8 0.00390625 -128",
    "i8 0.0078125 0",
    "u8 0.1 7",
    "u4 0.0625 0",
    "i16 3.0517578125e-05 0",
    "u16 1.52587890625e-05 0",
]
WIDTHS = [DType.I8, DType.U8, DType.I4, DType.I16, DType.U16]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.sampled_from(WIDTHS),
    st.sampled_from([(2, 7), (3, 1), (1, 1000), (2, 3, 4)]),
    st.floats(1e-5, 3.0),
    st.sampled_from(RESULTS),
    st.integers(0, 1000),
)
def test_at_most_a_step_from_the_exact_softmax(
    dtype: DType, shape: tuple[int, ...], scale: float, result: str, seed: int
) -> None:
    axis = seed % len(shape)
    graph = graph_of(dtype, shape, axis, scale, result)
    integers = IntegerSoftmax().run(graph)
    verify(integers)
    assert not any(value.type.dtype.is_float for value in integers.values())
    rng = np.random.default_rng(seed)
    low, high = integer_range(dtype)
    spread = int(rng.integers(1, high - low + 1))
    x = rng.integers(high - spread, high + 1, shape).astype(dtype.numpy)
    found = evaluate(integers, {"x": x})["2"].astype(np.int64)
    wanted = exact(x.astype(np.int64), axis, scale, result)
    # Half a step is rounding; the rest is at most 2^-9 of a step for 16 bits, 2^-17 for 8.
    assert np.abs(found - wanted).max() <= 0.5 + 2**-8


def test_equal_numbers_and_lone_peaks_are_exact() -> None:
    graph = IntegerSoftmax().run(graph_of(DType.I8, (3, 4), 1, 0.5, "i8 0.00390625 -128"))
    x = np.array([[5, 5, 5, 5], [127, -128, -128, -128], [9, 9, -128, -128]], np.int8)
    expected = [[-64] * 4, [127, -128, -128, -128], [0, 0, -128, -128]]
    assert evaluate(graph, {"x": x})["2"].tolist() == expected


def test_of_four_bits() -> None:
    check_pass(
        IntegerSoftmax(),
        before="""
        graph g(%x: u4[2,3]<0.25, 8>) {
          %0: f32[2,3] = decode(%x) {quant = <0.25, 8>}
          %1: f32[2,3] = softmax(%0) {axis = 1}
          %2: u4[2,3]<0.0625, 0> = encode(%1) {dtype = 'u4', quant = <0.0625, 0>}
          return %2
        }""",
        after="""
        graph g(%x: u4[2,3]<0.25, 8>) {
          %2.1: i32[256] = constant(#01129d74aaf0b252)
          %2.0: u4[2,3] = retype(%x)
          %2.2: i32[2,3] = integer_softmax(%2.0, %2.1) {axis = 1}
          %2.3: i32[2,3]<5.960464477539063e-08, 0> = retype(%2.2) {quant = <5.960464477539063e-08, 0>}
          %2: u4[2,3]<0.0625, 0> = requantize(%2.3) {source = <5.960464477539063e-08, 0>, dtype = 'u4', target = <0.0625, 0>}
          return %2
        }""",
        steps=1,
    )


@pytest.mark.parametrize(
    ("x", "attributes", "encoded"),
    [
        ("i32[4]<0.5, 0>", "{axis = 0}", "i8[4]<0.01, 0>"),
        ("i8[2]<(0.5, 1.0), 0, axis 0>", "{axis = 0}", "i8[2]<0.01, 0>"),
        ("i8[4]<0.5, 0>", "{axis = 0, log = True}", "i8[4]<0.01, 0>"),
    ],
)
def test_what_has_no_table_stays(x: str, attributes: str, encoded: str) -> None:
    shape, quant = x[x.index("[") : x.index("<")], x[x.index("<") :]
    result = encoded[encoded.index("<") :]
    check_pass(
        IntegerSoftmax(),
        before=f"""
        graph g(%x: {x}) {{
          %0: f32{shape} = decode(%x) {{quant = {quant}}}
          %1: f32{shape} = softmax(%0) {attributes}
          %2: {encoded} = encode(%1) {{dtype = 'i8', quant = {result}}}
          return %2
        }}""",
    )


def test_a_softmax_with_a_second_user_stays() -> None:
    check_pass(
        IntegerSoftmax(),
        before="""
        graph g(%x: i8[4]<0.25, 8>) {
          %0: f32[4] = decode(%x) {quant = <0.25, 8>}
          %1: f32[4] = softmax(%0) {axis = 0}
          %2: i8[4]<0.01, 0> = encode(%1) {dtype = 'i8', quant = <0.01, 0>}
          return %1, %2
        }""",
    )


@pytest.mark.parametrize("each", [SinkTransposes(), SinkReshapesPastReduction()])
def test_softmax_of_integers_moves_before_transposes_and_reshapes(each: Pass) -> None:
    moving = "transpose(%x) {perm = (1, 0, 2)}"
    if isinstance(each, SinkReshapesPastReduction):
        moving = "reshape(%x) {shape = (3, 2, 9)}"
    graph = parse_graph(f"""graph g(%x: i8[2,3,9], %table: i32[256]) {{
      %0: i8[3,2,9] = {moving}
      %1: i32[3,2,9] = integer_softmax(%0, %table) {{axis = 2}}
      return %1
    }}""")
    moved = each.run(graph)
    assert isinstance(moved.nodes[0].op, ops.IntegerSoftmax)
    inputs = {
        "x": np.random.default_rng(0).integers(-128, 128, (2, 3, 9)).astype(np.int8),
        "table": np.rint(np.exp(-0.1 * np.arange(256)) * 2**30).astype(np.int32),
    }
    np.testing.assert_array_equal(evaluate(moved, inputs)["1"], evaluate(graph, inputs)["1"])
