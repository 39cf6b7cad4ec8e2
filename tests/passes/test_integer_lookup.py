"""Functions of one quantized tensor."""

import numpy as np
import pytest

from graphopt.interpreter import evaluate
from graphopt.ir import Array, DType
from graphopt.ops import Lookup
from graphopt.ops.quantization import integer_range
from graphopt.passes.integer_lookup import IntegerLookup
from graphopt.testing import check_pass
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
