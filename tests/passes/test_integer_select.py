# ruff: noqa: E501 (graph text)
from graphopt.passes.integer_select import IntegerSelect
from graphopt.testing import check_pass


def test_each_part_is_encoded() -> None:
    check_pass(
        IntegerSelect(),
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
        IntegerSelect(),
        before="""
        graph g(%x: f32[1], %y: f32[1]) {
          %0: f32[2] = concat(%x, %y) {axis = 0}
          %1: i8[2]<(0.5, 0.25), 3, axis 0> = encode(%0) {dtype = 'i8', quant = <(0.5, 0.25), 3, axis 0>}
          return %1
        }""",
    )


def test_a_concatenation_with_a_second_user_stays() -> None:
    check_pass(
        IntegerSelect(),
        before="""
        graph g(%x: f32[2], %y: f32[3]) {
          %0: f32[5] = concat(%x, %y) {axis = 0}
          %1: i8[5]<0.5, 3> = encode(%0) {dtype = 'i8', quant = <0.5, 3>}
          return %0, %1
        }""",
    )


def test_maximum_minimum_and_choice() -> None:
    check_pass(
        IntegerSelect(),
        before="""
        graph g(%x: i8[90]<0.3, 1>, %y: u8[90]<0.1, 128>, %c: bool[90]) {
          %0: f32[90] = decode(%x) {quant = <0.3, 1>}
          %1: f32[90] = decode(%y) {quant = <0.1, 128>}
          %2: f32[90] = max(%0, %1)
          %3: i8[90]<0.5, 3> = encode(%2) {dtype = 'i8', quant = <0.5, 3>}
          %4: f32[90] = min(%0, %1)
          %5: i8[90]<0.5, 3> = encode(%4) {dtype = 'i8', quant = <0.5, 3>}
          %6: f32[90] = where(%c, %0, %1)
          %7: i8[90]<0.5, 3> = encode(%6) {dtype = 'i8', quant = <0.5, 3>}
          return %3, %5, %7
        }""",
        after="""
        graph g(%x: i8[90]<0.3, 1>, %y: u8[90]<0.1, 128>, %c: bool[90]) {
          %0: f32[90] = decode(%x) {quant = <0.3, 1>}
          %1: f32[90] = decode(%y) {quant = <0.1, 128>}
          %3.0: i8[90]<0.5, 3> = encode(%0) {dtype = 'i8', quant = <0.5, 3>}
          %3.1: i8[90]<0.5, 3> = encode(%1) {dtype = 'i8', quant = <0.5, 3>}
          %3: i8[90]<0.5, 3> = max(%3.0, %3.1)
          %5.0: i8[90]<0.5, 3> = encode(%0) {dtype = 'i8', quant = <0.5, 3>}
          %5.1: i8[90]<0.5, 3> = encode(%1) {dtype = 'i8', quant = <0.5, 3>}
          %5: i8[90]<0.5, 3> = min(%5.0, %5.1)
          %7.0: i8[90]<0.5, 3> = encode(%0) {dtype = 'i8', quant = <0.5, 3>}
          %7.1: i8[90]<0.5, 3> = encode(%1) {dtype = 'i8', quant = <0.5, 3>}
          %7: i8[90]<0.5, 3> = where(%c, %7.0, %7.1)
          return %3, %5, %7
        }""",
    )
