"""Functions of one quantized tensor."""

import numpy as np
import pytest

from graphopt.analysis.floats import FloatNode
from graphopt.instruments import Instruments
from graphopt.interpreter import evaluate
from graphopt.ir import Array, DType
from graphopt.ops import Lookup, Retype
from graphopt.ops.quantization import integer_range
from graphopt.passes.integer_lookup import IntegerLookup
from graphopt.pipeline import run_pipeline
from graphopt.testing import check_pass, check_same_meaning
from graphopt.text import parse_graph


def _everything(dtype: DType) -> Array:
    low, high = integer_range(dtype)
    return np.arange(low, high + 1).astype(dtype.numpy)


@pytest.mark.parametrize("dtype", [DType.I8, DType.U8, DType.I4])
def test_the_table_holds_what_the_floats_give_bit_for_bit(dtype: DType) -> None:
    stored = _everything(dtype)
    graph = parse_graph(f"""
    graph g(%x: {dtype}[{stored.size}]<0.03, 2>) {{
      %half: f32[] = constant(0.5)
      %0: f32[{stored.size}] = decode(%x) {{quant = <0.03, 2>}}
      %1: f32[{stored.size}] = sigmoid(%0)
      %2: f32[{stored.size}] = mul(%0, %1)
      %3: f32[{stored.size}] = sub(%2, %half)
      %4: i8[{stored.size}]<0.017, -5> = encode(%3) {{dtype = 'i8', quant = <0.017, -5>}}
      return %4
    }}""")
    result = IntegerLookup().run(graph)
    assert [type(node.op) for node in result.nodes] == [Lookup]
    expected, found = (evaluate(each, {"x": stored})["4"] for each in (graph, result))
    np.testing.assert_array_equal(found, expected)


GELU = """
    %k: f32[] = constant(1.4142135)
    %a: f32[16] = div(%0, %k)
    %b: f32[16] = erf(%a)
    %c: f32[16] = add(%b, %one)
    %d: f32[16] = mul(%0, %c)
    %1: f32[16] = mul(%d, %half)"""
SWISH = """
    %a: f32[16] = sigmoid(%0)
    %1: f32[16] = mul(%0, %a)"""
HARD_SWISH = """
    %three: f32[] = constant(3.0)
    %six: f32[] = constant(6.0)
    %a: f32[16] = add(%0, %three)
    %b: f32[16] = clip(%a) {low = 0.0, high = 6.0}
    %c: f32[16] = mul(%0, %b)
    %1: f32[16] = div(%c, %six)"""
MISH = """
    %a: f32[16] = softplus(%0)
    %b: f32[16] = tanh(%a)
    %1: f32[16] = mul(%0, %b)"""
GATE = """
    %a: f32[16] = mul(%0, %half)
    %b: f32[16] = clip(%a) {low = 0.0, high = 1.0}
    %1: f32[16] = mul(%0, %b)"""
PRELU = "%1: f32[16] = prelu(%0, %half)"
TANH = "%1: f32[16] = tanh(%0)"


@pytest.mark.parametrize("function", [GELU, SWISH, HARD_SWISH, MISH, GATE, PRELU, TANH])
def test_activations_become_one_table(function: str) -> None:
    graph = parse_graph(f"""graph g(%x: i8[16]) {{
      %s: f32[] = constant(0.05)
      %z: i8[] = constant(3)
      %half: f32[] = constant(0.5)
      %one: f32[] = constant(1.0)
      %0: f32[16] = dequantize(%x, %s, %z)
      {function}
      %y: i8[16] = quantize(%1, %s, %z)
      return %y
    }}""")
    result = run_pipeline(graph, Instruments(verify="each"), stop_after="quantized")
    assert [type(n.op) for n in result.nodes if not isinstance(n.op, Retype)] == [Lookup]
    check_same_meaning(graph, result, steps=1)


def test_activations_of_sixteen_bits_stay_floats_by_name() -> None:
    graph = parse_graph("""graph g(%x: i16[16]) {
      %s: f32[] = constant(0.05)
      %z: i16[] = constant(0)
      %0: f32[16] = dequantize(%x, %s, %z)
      %1: f32[16] = tanh(%0) @ ["act"]
      %y: i16[16] = quantize(%1, %s, %z)
      return %y
    }""")
    instruments = Instruments(verify="each")
    run_pipeline(graph, instruments)
    reason = "no table for i16 or for several scales"
    assert instruments.floats == (FloatNode("act", "tanh", reason, inside=True),)


def test_a_table_of_four_bits() -> None:
    check_pass(
        IntegerLookup(),
        before="""
        graph g(%x: u4[40]<0.25, 8>) {
          %0: f32[40] = decode(%x) {quant = <0.25, 8>}
          %1: f32[40] = tanh(%0)
          %2: u4[40]<0.125, 8> = encode(%1) {dtype = 'u4', quant = <0.125, 8>}
          return %2
        }""",
        after="""
        graph g(%x: u4[40]<0.25, 8>) {
          %2.0: u4[16]<0.125, 8> = constant([0, 0, 1, 1, 2, 3, 4, 6, 8, 10, 12, 13, 14, 15, 15, 15])
          %2: u4[40]<0.125, 8> = lookup(%x, %2.0)
          return %2
        }""",
    )


def test_sixteen_bits_several_tensors_and_constants_of_several_numbers_stay() -> None:
    check_pass(
        IntegerLookup(),
        before="""
        graph g(%x: i16[2]<0.25, 8>, %y: i8[2]<0.25, 0>, %z: i8[2]<0.5, 0>) {
          %c: f32[2] = constant([1.0, 2.0])
          %0: f32[2] = decode(%x) {quant = <0.25, 8>}
          %1: f32[2] = tanh(%0)
          %2: i8[2]<0.125, 8> = encode(%1) {dtype = 'i8', quant = <0.125, 8>}
          %3: f32[2] = decode(%y) {quant = <0.25, 0>}
          %4: f32[2] = decode(%z) {quant = <0.5, 0>}
          %5: f32[2] = max(%3, %4)
          %6: i8[2]<0.125, 8> = encode(%5) {dtype = 'i8', quant = <0.125, 8>}
          %7: f32[2] = mul(%3, %c)
          %8: i8[2]<0.125, 8> = encode(%7) {dtype = 'i8', quant = <0.125, 8>}
          return %2, %6, %8
        }""",
    )


def test_several_scales_stay() -> None:
    check_pass(
        IntegerLookup(),
        before="""
        graph g(%x: i8[2]<(0.25, 0.5), 0, axis 0>) {
          %0: f32[2] = decode(%x) {quant = <(0.25, 0.5), 0, axis 0>}
          %1: f32[2] = tanh(%0)
          %2: i8[2]<0.125, 8> = encode(%1) {dtype = 'i8', quant = <0.125, 8>}
          return %2
        }""",
    )


def test_floats_with_another_user_stay_for_it() -> None:
    check_pass(
        IntegerLookup(),
        before="""
        graph g(%x: u2[40]<0.25, 1>) {
          %0: f32[40] = decode(%x) {quant = <0.25, 1>}
          %1: f32[40] = tanh(%0)
          %2: i8[40]<0.125, 8> = encode(%1) {dtype = 'i8', quant = <0.125, 8>}
          return %1, %2
        }""",
        after="""
        graph g(%x: u2[40]<0.25, 1>) {
          %2.0: i8[4]<0.125, 8> = constant([6, 8, 10, 12])
          %0: f32[40] = decode(%x) {quant = <0.25, 1>}
          %1: f32[40] = tanh(%0)
          %2: i8[40]<0.125, 8> = lookup(%x, %2.0)
          return %1, %2
        }""",
    )
