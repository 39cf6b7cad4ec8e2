# ruff: noqa: E501 (graph text)
"""Layer normalization in integers against double precision."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphopt.instruments import Instruments
from graphopt.interpreter import evaluate
from graphopt.ir import DType
from graphopt.ops import LayerNorm
from graphopt.ops.quantization import integer_range
from graphopt.passes.integer_layer_norm import IntegerLayerNorm
from graphopt.pipeline import run_pipeline
from graphopt.testing import check_pass
from graphopt.text import parse_graph


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.sampled_from([DType.I8, DType.U8, DType.I4, DType.I16, DType.U16]),
    st.sampled_from([(3, 1), (3, 2), (2, 7), (2, 3, 4), (2, 768), (1, 5000)]),
    st.floats(1e-4, 10.0),
    st.sampled_from([1e-12, 1e-5, 1e-3, 1.0]),
    st.booleans(),
    st.integers(0, 1000),
)
def test_as_exact_as_floats(
    dtype: DType, shape: tuple[int, ...], scale: float, epsilon: float, rms: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    low, high = integer_range(dtype)
    middle, spread = rng.integers(low, high + 1), int(rng.integers(1, high - low + 1))
    x = np.clip(rng.integers(-spread, spread + 1, shape) + middle, low, high).astype(dtype.numpy)
    axes = (len(shape) - 1,)
    dims = ",".join(map(str, shape))
    graph = parse_graph(f"""graph g(%x: {dtype}[{dims}]<{scale!r}, 3>) {{
      %0: f32[{dims}] = decode(%x) {{quant = <{scale!r}, 3>}}
      %1: f32[{dims}] = layer_norm(%0) {{axes = {axes}, epsilon = {epsilon!r}, rms = {rms}}}
      return %1
    }}""")
    integers = IntegerLayerNorm().run(graph)
    assert not any(isinstance(node.op, LayerNorm) for node in integers.nodes)
    (expected,) = LayerNorm(axes, epsilon, rms).evaluate(scale * (x.astype(np.float64) - 3))
    found = evaluate(integers, {"x": x})["1"]
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-3)
    if shape[-1] > 3 and dtype not in (DType.I16, DType.U16):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=2e-5)


def test_scale_bias_and_result_are_integers_too() -> None:
    graph = parse_graph("""graph g(%x: f32[2,4]) {
      %s: f32[] = constant(0.05)
      %z: i8[] = constant(3)
      %t: f32[] = constant(0.03)
      %gamma: f32[4] = constant([1.5, -0.7, 0.0, 2.0])
      %beta: f32[4] = constant([0.1, 0.2, -0.3, 0.0])
      %0: i8[2,4] = quantize(%x, %s, %z)
      %1: f32[2,4] = dequantize(%0, %s, %z)
      %2: f32[2,4] = layer_norm(%1) {axes = (1,)}
      %3: f32[2,4] = mul(%2, %gamma)
      %4: f32[2,4] = add(%3, %beta)
      %5: i8[2,4] = quantize(%4, %t, %z)
      return %5
    }""")
    instruments = Instruments(verify="each")
    result = run_pipeline(graph, instruments)
    assert instruments.floats == ()
    x = np.random.default_rng(1).standard_normal((2, 4)).astype(np.float32)
    found, expected = (evaluate(each, {"x": x})["5"].astype(int) for each in (result, graph))
    assert np.abs(found - expected).max() <= 1


def test_what_64_bits_do_not_hold_and_several_scales_stay() -> None:
    check_pass(
        IntegerLayerNorm(),
        before="""
        graph g(%x: i16[2,70000]<1.0, 0>, %y: i8[2,2]<(1.0, 2.0), 0, axis 0>, %z: i8[2,2]<1e-13, 0>) {
          %0: f32[2,70000] = decode(%x) {quant = <1.0, 0>}
          %1: f32[2,70000] = layer_norm(%0) {axes = (1,)}
          %2: f32[2,2] = decode(%y) {quant = <(1.0, 2.0), 0, axis 0>}
          %3: f32[2,2] = layer_norm(%2) {axes = (1,)}
          %4: f32[2,2] = decode(%z) {quant = <1e-13, 0>}
          %5: f32[2,2] = layer_norm(%4) {axes = (1,)}
          return %1, %3, %5
        }""",
    )


@pytest.mark.parametrize("constant", [-128, 0, 77])
def test_rows_without_variance_are_zeros(constant: int) -> None:
    graph = parse_graph("""graph g(%x: i8[1,4]<0.5, 0>) {
      %0: f32[1,4] = decode(%x) {quant = <0.5, 0>}
      %1: f32[1,4] = layer_norm(%0) {axes = (1,)}
      return %1
    }""")
    x = np.full((1, 4), constant, np.int8)
    assert not evaluate(IntegerLayerNorm().run(graph), {"x": x})["1"].any()


def test_decoded_floats_with_a_second_user() -> None:
    check_pass(
        IntegerLayerNorm(),
        before="""
        graph g(%x: i8[2,4]<0.5, 0>) {
          %0: f32[2,4] = decode(%x) {quant = <0.5, 0>}
          %1: f32[2,4] = layer_norm(%0) {axes = (1,)}
          return %0, %1
        }""",
        after="""
        graph g(%x: i8[2,4]<0.5, 0>) {
          %1.5: i64[] = constant(4)
          %1.7: i64[] = constant(4)
          %1.13: i64[] = constant(42)
          %1.15: i64[] = constant(2814749767)
          %1.18: i64[] = constant(1)
          %1.20: i64[] = constant(1)
          %1.22: i64[] = constant(4611686018427387904)
          %1.26: i64[] = constant(65536)
          %1.28: i64[] = constant(17)
          %0: f32[2,4] = decode(%x) {quant = <0.5, 0>}
          %1.0: i32[2,4]<0.5, 0> = requantize(%x) {source = <0.5, 0>, dtype = 'i32', target = <0.5, 0>}
          %1.1: i32[2,4] = retype(%1.0)
          %1.2: i64[2,4] = cast(%1.1) {to = 'i64'}
          %1.3: i64[2,4] = mul(%1.2, %1.2)
          %1.4: i64[2,1] = reduce(%1.3) {kind = 'sum', axes = (1,), keepdims = True}
          %1.6: i64[2,4] = mul(%1.2, %1.5)
          %1.8: i64[2,1] = mul(%1.4, %1.7)
          %1.9: i64[2,1] = reduce(%1.2) {kind = 'sum', axes = (1,), keepdims = True}
          %1.10: i64[2,4] = sub(%1.6, %1.9)
          %1.11: i64[2,1] = mul(%1.9, %1.9)
          %1.12: i64[2,1] = sub(%1.8, %1.11)
          %1.14: i64[2,1] = shift_left(%1.12, %1.13)
          %1.16: i64[2,1] = add(%1.14, %1.15)
          %1.17: i64[2,1] = sqrt(%1.16)
          %1.19: i64[2,1] = max(%1.17, %1.18)
          %1.21: i64[2,1] = shift_right(%1.19, %1.20)
          %1.23: i64[2,1] = add(%1.21, %1.22)
          %1.24: i64[2,1] = div(%1.23, %1.19)
          %1.25: i64[2,4] = mul(%1.10, %1.24)
          %1.27: i64[2,4] = add(%1.25, %1.26)
          %1.29: i64[2,4] = shift_right(%1.27, %1.28)
          %1.30: i32[2,4] = cast(%1.29) {to = 'i32'}
          %1.31: i32[2,4]<5.960464477539063e-08, 0> = retype(%1.30) {quant = <5.960464477539063e-08, 0>}
          %1: f32[2,4] = decode(%1.31) {quant = <5.960464477539063e-08, 0>}
          return %0, %1
        }""",
    )
