from graphopt.passes.integer_bias import IntegerBias
from graphopt.testing import check_pass


def test_a_constant_for_each_column() -> None:
    check_pass(
        IntegerBias(),
        before="""
        graph g(%x: i32[3,2]<(0.5, 0.25), 0, axis 1>) {
          %b: f32[2] = constant([1.0, -3.2])
          %0: f32[3,2] = decode(%x) {quant = <(0.5, 0.25), 0, axis 1>}
          %1: f32[3,2] = add(%b, %0)
          %2: i8[3,2]<8000.0, 0> = encode(%1) {dtype = 'i8', quant = <8000.0, 0>}
          return %2
        }""",
        after="""
        graph g(%x: i32[3,2]<(0.5, 0.25), 0, axis 1>) {
          %1.0: i32[1,2]<(0.5, 0.25), 0, axis 1> = constant([[2, -13]])
          %1.1: i32[3,2]<(0.5, 0.25), 0, axis 1> = add(%x, %1.0)
          %1: f32[3,2] = decode(%1.1) {quant = <(0.5, 0.25), 0, axis 1>}
          %2: i8[3,2]<8000.0, 0> = encode(%1) {dtype = 'i8', quant = <8000.0, 0>}
          return %2
        }""",
        steps=1,
    )


def test_a_quantized_constant() -> None:
    check_pass(
        IntegerBias(),
        before="""
        graph g(%x: i32[3,2]<0.5, 0>) {
          %b: i8[2]<2.0, 1> = constant([3, -2])
          %0: f32[3,2] = decode(%x) {quant = <0.5, 0>}
          %1: f32[2] = decode(%b) {quant = <2.0, 1>}
          %2: f32[3,2] = add(%0, %1)
          return %2
        }""",
        after="""
        graph g(%x: i32[3,2]<0.5, 0>) {
          %2.0: i32[1,2]<0.5, 0> = constant([[8, -12]])
          %2.1: i32[3,2]<0.5, 0> = add(%x, %2.0)
          %2: f32[3,2] = decode(%2.1) {quant = <0.5, 0>}
          return %2
        }""",
    )


def test_what_is_computed_and_what_enlarges_stays() -> None:
    check_pass(
        IntegerBias(),
        before="""
        graph g(%x: i32[1,2]<0.5, 0>, %y: f32[2]) {
          %b: f32[3,2] = constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
          %0: f32[1,2] = decode(%x) {quant = <0.5, 0>}
          %1: f32[1,2] = add(%0, %y)
          %2: f32[3,2] = add(%0, %b)
          return %1, %2
        }""",
    )


def test_sums_of_eight_bits_stay() -> None:
    check_pass(
        IntegerBias(),
        before="""
        graph g(%x: i8[2]<0.5, 0>) {
          %b: f32[2] = constant([1.0, 2.0])
          %0: f32[2] = decode(%x) {quant = <0.5, 0>}
          %1: f32[2] = add(%0, %b)
          return %1
        }""",
    )


def test_constants_too_large_for_the_scale_stay() -> None:
    check_pass(
        IntegerBias(),
        before="""
        graph g(%x: i32[2]<1e-09, 0>) {
          %b: f32[2] = constant([1.0, 2.0])
          %0: f32[2] = decode(%x) {quant = <1e-09, 0>}
          %1: f32[2] = add(%0, %b)
          return %1
        }""",
    )


def test_sums_with_a_second_user() -> None:
    check_pass(
        IntegerBias(),
        before="""
        graph g(%x: i32[2]<0.5, 0>) {
          %b: f32[2] = constant([1.0, 2.0])
          %0: f32[2] = decode(%x) {quant = <0.5, 0>}
          %1: f32[2] = add(%0, %b)
          return %0, %1
        }""",
        after="""
        graph g(%x: i32[2]<0.5, 0>) {
          %1.0: i32[2]<0.5, 0> = constant([2, 4])
          %0: f32[2] = decode(%x) {quant = <0.5, 0>}
          %1.1: i32[2]<0.5, 0> = add(%x, %1.0)
          %1: f32[2] = decode(%1.1) {quant = <0.5, 0>}
          return %0, %1
        }""",
    )
