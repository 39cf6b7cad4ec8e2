# ruff: noqa: E501 (graph text)
from graphopt.passes.integer_mul import IntegerMul
from graphopt.testing import check_pass


def test_scales_are_multiplied() -> None:
    check_pass(
        IntegerMul(),
        before="""
        graph g(%a: i8[200]<0.5, 3>, %b: u8[200]<0.25, 0>) {
          %0: f32[200] = decode(%a) {quant = <0.5, 3>}
          %1: f32[200] = decode(%b) {quant = <0.25, 0>}
          %2: f32[200] = mul(%0, %1)
          return %2
        }""",
        after="""
        graph g(%a: i8[200]<0.5, 3>, %b: u8[200]<0.25, 0>) {
          %2.0: i32[200]<0.5, 0> = requantize(%a) {source = <0.5, 3>, dtype = 'i32', target = <0.5, 0>}
          %2.1: i32[200]<0.25, 0> = requantize(%b) {source = <0.25, 0>, dtype = 'i32', target = <0.25, 0>}
          %2.2: i32[200]<0.125, 0> = mul(%2.0, %2.1)
          %2: f32[200] = decode(%2.2) {quant = <0.125, 0>}
          return %2
        }""",
    )


def test_a_positive_factor_changes_the_scale_alone() -> None:
    check_pass(
        IntegerMul(),
        before="""
        graph g(%a: i8[2,2]<(0.5, 1.0), 3, axis 1>) {
          %c: f32[1] = constant([4.0])
          %0: f32[2,2] = decode(%a) {quant = <(0.5, 1.0), 3, axis 1>}
          %1: f32[2,2] = mul(%c, %0)
          return %1
        }""",
        after="""
        graph g(%a: i8[2,2]<(0.5, 1.0), 3, axis 1>) {
          %1.0: i8[2,2]<(2.0, 4.0), 3, axis 1> = retype(%a) {quant = <(2.0, 4.0), 3, axis 1>}
          %1: f32[2,2] = decode(%1.0) {quant = <(2.0, 4.0), 3, axis 1>}
          return %1
        }""",
    )


def test_factors_along_an_axis_scale_it_and_turn_integers() -> None:
    check_pass(
        IntegerMul(),
        before="""
        graph g(%a: i8[2,3]<0.5, 3>) {
          %c: f32[3] = constant([4.0, -2.0, 0.0])
          %0: f32[2,3] = decode(%a) {quant = <0.5, 3>}
          %1: f32[2,3] = mul(%0, %c)
          return %1
        }""",
        after="""
        graph g(%a: i8[2,3]<0.5, 3>) {
          %1.2: i16[3] = constant([1, -1, 0])
          %1.0: i16[2,3]<0.5, 0> = requantize(%a) {source = <0.5, 3>, dtype = 'i16', target = <0.5, 0>}
          %1.1: i16[2,3] = retype(%1.0)
          %1.3: i16[2,3] = mul(%1.1, %1.2)
          %1.4: i16[2,3]<(2.0, 1.0, 0.5), 0, axis 1> = retype(%1.3) {quant = <(2.0, 1.0, 0.5), 0, axis 1>}
          %1: f32[2,3] = decode(%1.4) {quant = <(2.0, 1.0, 0.5), 0, axis 1>}
          return %1
        }""",
    )


def test_positive_factors_along_the_axis_of_the_scales() -> None:
    check_pass(
        IntegerMul(),
        before="""
        graph g(%a: i8[2,3]<(0.5, 1.0), (3, 4), axis 0>) {
          %c: f32[2,1] = constant([[4.0], [2.0]])
          %0: f32[2,3] = decode(%a) {quant = <(0.5, 1.0), (3, 4), axis 0>}
          %1: f32[2,3] = mul(%0, %c)
          return %1
        }""",
        after="""
        graph g(%a: i8[2,3]<(0.5, 1.0), (3, 4), axis 0>) {
          %1.0: i8[2,3]<(2.0, 2.0), (3, 4), axis 0> = retype(%a) {quant = <(2.0, 2.0), (3, 4), axis 0>}
          %1: f32[2,3] = decode(%1.0) {quant = <(2.0, 2.0), (3, 4), axis 0>}
          return %1
        }""",
    )


def test_other_factors_and_several_scales_stay() -> None:
    check_pass(
        IntegerMul(),
        before="""
        graph g(%a: i8[2,3]<(0.5, 1.0), 3, axis 0>, %b: i8[2,3]<0.5, 3>, %d: i32[2,3]<0.5, 0>) {
          %c: f32[2,3] = constant([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
          %e: f32[3] = constant([1.0, 2.0, 3.0])
          %f: f32[] = constant(inf)
          %0: f32[2,3] = decode(%a) {quant = <(0.5, 1.0), 3, axis 0>}
          %1: f32[2,3] = decode(%b) {quant = <0.5, 3>}
          %2: f32[2,3] = decode(%d) {quant = <0.5, 0>}
          %3: f32[2,3] = mul(%c, %1)
          %4: f32[2,3] = mul(%0, %e)
          %5: f32[2,3] = mul(%0, %1)
          %6: f32[2,3] = mul(%1, %2)
          %7: f32[2,3] = mul(%1, %f)
          return %3, %4, %5, %6, %7
        }""",
    )


def test_decoded_factors_with_other_users() -> None:
    check_pass(
        IntegerMul(),
        before="""
        graph g(%a: i8[200]<0.5, 3>) {
          %0: f32[200] = decode(%a) {quant = <0.5, 3>}
          %1: f32[200] = mul(%0, %0)
          return %0, %1
        }""",
        after="""
        graph g(%a: i8[200]<0.5, 3>) {
          %0: f32[200] = decode(%a) {quant = <0.5, 3>}
          %1.0: i32[200]<0.5, 0> = requantize(%a) {source = <0.5, 3>, dtype = 'i32', target = <0.5, 0>}
          %1.1: i32[200]<0.5, 0> = requantize(%a) {source = <0.5, 3>, dtype = 'i32', target = <0.5, 0>}
          %1.2: i32[200]<0.25, 0> = mul(%1.0, %1.1)
          %1: f32[200] = decode(%1.2) {quant = <0.25, 0>}
          return %0, %1
        }""",
    )
