# ruff: noqa: E501 (graph text)
import numpy as np

from graphopt.interpreter import evaluate
from graphopt.ir import DType
from graphopt.passes.integer_add import IntegerAdd
from graphopt.testing import check_pass
from graphopt.text import parse_graph


def test_each_branch_has_its_own_multiplier() -> None:
    check_pass(
        IntegerAdd(),
        before="""
        graph g(%a: i8[300]<0.5, 3>, %b: u8[300]<0.03, 128>) {
          %0: f32[300] = decode(%a) {quant = <0.5, 3>}
          %1: f32[300] = decode(%b) {quant = <0.03, 128>}
          %2: f32[300] = add(%0, %1)
          %3: i8[300]<0.6, -4> = encode(%2) {dtype = 'i8', quant = <0.6, -4>}
          return %3
        }""",
        after="""
        graph g(%a: i8[300]<0.5, 3>, %b: u8[300]<0.03, 128>) {
          %3.0: i32[300]<5.7220458984375e-07, 0> = requantize(%a) {source = <0.5, 3>, dtype = 'i32', target = <5.7220458984375e-07, 0>}
          %3.1: i32[300]<5.7220458984375e-07, 0> = requantize(%b) {source = <0.03, 128>, dtype = 'i32', target = <5.7220458984375e-07, 0>}
          %3.2: i32[300]<5.7220458984375e-07, 0> = add(%3.0, %3.1)
          %3: i8[300]<0.6, -4> = requantize(%3.2) {source = <5.7220458984375e-07, 0>, dtype = 'i8', target = <0.6, -4>}
          return %3
        }""",
        steps=1,
    )


def test_a_constant_less_a_quantized_tensor() -> None:
    check_pass(
        IntegerAdd(),
        before="""
        graph g(%a: i8[100,2]<0.5, 3>) {
          %b: f32[2] = constant([1.0, -2.75])
          %0: f32[100,2] = decode(%a) {quant = <0.5, 3>}
          %1: f32[100,2] = sub(%b, %0)
          %2: i8[100,2]<0.7, -4> = encode(%1) {dtype = 'i8', quant = <0.7, -4>}
          return %2
        }""",
        after="""
        graph g(%a: i8[100,2]<0.5, 3>) {
          %2.0: i32[2]<6.67572021484375e-07, 0> = constant([1497966, -4119406])
          %2.1: i32[100,2]<6.67572021484375e-07, 0> = requantize(%a) {source = <0.5, 3>, dtype = 'i32', target = <6.67572021484375e-07, 0>}
          %2.2: i32[100,2]<6.67572021484375e-07, 0> = sub(%2.0, %2.1)
          %2: i8[100,2]<0.7, -4> = requantize(%2.2) {source = <6.67572021484375e-07, 0>, dtype = 'i8', target = <0.7, -4>}
          return %2
        }""",
        steps=1,
    )


def test_sums_of_products_are_clipped_to_what_the_result_can_be() -> None:
    check_pass(
        IntegerAdd(),
        before="""
        graph g(%a: i32[100,2]<(0.001, 0.002), 0, axis 1>, %b: i8[100,2]<0.03, 0>) {
          %0: f32[100,2] = decode(%a) {quant = <(0.001, 0.002), 0, axis 1>}
          %1: f32[100,2] = decode(%b) {quant = <0.03, 0>}
          %2: f32[100,2] = add(%0, %1)
          %3: i8[100,2]<9.0, 0> = encode(%2) {dtype = 'i8', quant = <9.0, 0>}
          return %3
        }""",
        after="""
        graph g(%a: i32[100,2]<(0.001, 0.002), 0, axis 1>, %b: i8[100,2]<0.03, 0>) {
          %3.0: i32[100,2]<8.58306884765625e-06, 0> = requantize(%a) {source = <(0.001, 0.002), 0, axis 1>, dtype = 'i32', target = <8.58306884765625e-06, 0>}
          %3.1: i32[100,2]<8.58306884765625e-06, 0> = clip(%3.0) {low = -536870912, high = 536870912}
          %3.2: i32[100,2]<8.58306884765625e-06, 0> = requantize(%b) {source = <0.03, 0>, dtype = 'i32', target = <8.58306884765625e-06, 0>}
          %3.3: i32[100,2]<8.58306884765625e-06, 0> = add(%3.1, %3.2)
          %3: i8[100,2]<9.0, 0> = requantize(%3.3) {source = <8.58306884765625e-06, 0>, dtype = 'i8', target = <9.0, 0>}
          return %3
        }""",
        steps=1,
    )


def test_a_float_operand_stays() -> None:
    check_pass(
        IntegerAdd(),
        before="""
        graph g(%a: i8[3]<0.5, 3>, %x: f32[3]) {
          %0: f32[3] = decode(%a) {quant = <0.5, 3>}
          %1: f32[3] = add(%0, %x)
          %2: i8[3]<0.7, -4> = encode(%1) {dtype = 'i8', quant = <0.7, -4>}
          return %2
        }""",
    )


def test_several_scales_of_the_result_stay() -> None:
    check_pass(
        IntegerAdd(),
        before="""
        graph g(%a: i8[2]<0.5, 3>) {
          %0: f32[2] = decode(%a) {quant = <0.5, 3>}
          %1: f32[2] = add(%0, %0)
          %2: i8[2]<(0.7, 0.6), 0, axis 0> = encode(%1) {dtype = 'i8', quant = <(0.7, 0.6), 0, axis 0>}
          return %2
        }""",
    )


def test_an_operand_far_beyond_the_result_stays() -> None:
    check_pass(
        IntegerAdd(),
        before="""
        graph g(%a: i8[2]<1000000.0, 0>, %b: i8[2]<0.5, 0>) {
          %0: f32[2] = decode(%a) {quant = <1000000.0, 0>}
          %1: f32[2] = decode(%b) {quant = <0.5, 0>}
          %2: f32[2] = add(%0, %1)
          %3: i8[2]<0.1, 0> = encode(%2) {dtype = 'i8', quant = <0.1, 0>}
          return %3
        }""",
    )


def test_a_float_sum_with_a_second_user_stays() -> None:
    check_pass(
        IntegerAdd(),
        before="""
        graph g(%a: i8[2]<0.5, 3>, %b: i8[2]<0.25, 0>) {
          %0: f32[2] = decode(%a) {quant = <0.5, 3>}
          %1: f32[2] = decode(%b) {quant = <0.25, 0>}
          %2: f32[2] = add(%0, %1)
          %3: i8[2]<0.7, 0> = encode(%2) {dtype = 'i8', quant = <0.7, 0>}
          return %2, %3
        }""",
    )


def test_operands_with_other_users() -> None:
    check_pass(
        IntegerAdd(),
        before="""
        graph g(%a: i8[200]<0.5, 3>) {
          %0: f32[200] = decode(%a) {quant = <0.5, 3>}
          %1: f32[200] = add(%0, %0)
          %2: i8[200]<0.7, 0> = encode(%1) {dtype = 'i8', quant = <0.7, 0>}
          return %0, %2
        }""",
        after="""
        graph g(%a: i8[200]<0.5, 3>) {
          %0: f32[200] = decode(%a) {quant = <0.5, 3>}
          %2.0: i32[200]<6.67572021484375e-07, 0> = requantize(%a) {source = <0.5, 3>, dtype = 'i32', target = <6.67572021484375e-07, 0>}
          %2.1: i32[200]<6.67572021484375e-07, 0> = requantize(%a) {source = <0.5, 3>, dtype = 'i32', target = <6.67572021484375e-07, 0>}
          %2.2: i32[200]<6.67572021484375e-07, 0> = add(%2.0, %2.1)
          %2: i8[200]<0.7, 0> = requantize(%2.2) {source = <6.67572021484375e-07, 0>, dtype = 'i8', target = <0.7, 0>}
          return %0, %2
        }""",
        steps=1,
    )


def test_sums_beyond_the_result_still_cancel() -> None:
    """What goes beyond the range of the result by itself is brought back by the other operand."""
    graph = parse_graph("""
    graph g(%x: i32[3], %y: i32[3]) {
      %0: i32[3]<0.001, 0> = retype(%x) {quant = <0.001, 0>}
      %1: i32[3]<0.002, 0> = retype(%y) {quant = <0.002, 0>}
      %2: f32[3] = decode(%0) {quant = <0.001, 0>}
      %3: f32[3] = decode(%1) {quant = <0.002, 0>}
      %4: f32[3] = add(%2, %3)
      %5: i8[3]<1.0, 0> = encode(%4) {dtype = 'i8', quant = <1.0, 0>}
      %6: i8[3] = retype(%5)
      return %6 as y
    }""")
    result = IntegerAdd().run(graph)
    assert not any(value.type.dtype is DType.F32 for value in result.values())
    x, y = np.array([[9_000_000, -2_000_000, 50_000_000], [-4_465_000, 1_050_000, -25_000_000]])
    inputs = {"x": x.astype(np.int32), "y": y.astype(np.int32)}
    np.testing.assert_array_equal(evaluate(result, inputs)["y"], [70, 100, 0])
