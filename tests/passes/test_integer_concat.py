# ruff: noqa: E501 (graph text)
from graphopt.passes.integer_concat import IntegerConcat
from graphopt.testing import check_pass


def test_each_part_is_encoded() -> None:
    check_pass(
        IntegerConcat(),
        before="""
        graph g(%x: f32[2], %y: f32[3]) {
          %0: f32[7] = concat(%x, %y, %x) {axis = 0}
          %1: i8[7]<0.5, 3> = encode(%0) {dtype = 'i8', quant = <0.5, 3>}
          return %1
        }""",
        after="""
        graph g(%x: f32[2], %y: f32[3]) {
          %1.0: i8[2]<0.5, 3> = encode(%x) {dtype = 'i8', quant = <0.5, 3>}
          %1.1: i8[3]<0.5, 3> = encode(%y) {dtype = 'i8', quant = <0.5, 3>}
          %1: i8[7]<0.5, 3> = concat(%1.0, %1.1, %1.0) {axis = 0}
          return %1
        }""",
    )


def test_scales_along_an_axis_stay() -> None:
    check_pass(
        IntegerConcat(),
        before="""
        graph g(%x: f32[1], %y: f32[1]) {
          %0: f32[2] = concat(%x, %y) {axis = 0}
          %1: i8[2]<(0.5, 0.25), 3, axis 0> = encode(%0) {dtype = 'i8', quant = <(0.5, 0.25), 3, axis 0>}
          return %1
        }""",
    )


def test_a_concatenation_with_a_second_user_stays() -> None:
    check_pass(
        IntegerConcat(),
        before="""
        graph g(%x: f32[2], %y: f32[3]) {
          %0: f32[5] = concat(%x, %y) {axis = 0}
          %1: i8[5]<0.5, 3> = encode(%0) {dtype = 'i8', quant = <0.5, 3>}
          return %0, %1
        }""",
    )
