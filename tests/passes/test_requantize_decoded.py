# ruff: noqa: E501 (graph text)
from graphopt.passes.requantize_decoded import RequantizeDecoded
from graphopt.testing import check_pass


def test_another_scale() -> None:
    check_pass(
        RequantizeDecoded(),
        before="""
        graph g(%x: i8[200]<0.3, 4>) {
          %0: f32[200] = decode(%x) {quant = <0.3, 4>}
          %1: u8[200]<0.45, 100> = encode(%0) {dtype = 'u8', quant = <0.45, 100>}
          return %1
        }""",
        after="""
        graph g(%x: i8[200]<0.3, 4>) {
          %1: u8[200]<0.45, 100> = requantize(%x) {source = <0.3, 4>, dtype = 'u8', target = <0.45, 100>}
          return %1
        }""",
        steps=1,
    )


def test_from_scales_along_an_axis() -> None:
    check_pass(
        RequantizeDecoded(),
        before="""
        graph g(%x: i32[100,2]<(0.001, 0.002), 0, axis 1>) {
          %0: f32[100,2] = decode(%x) {quant = <(0.001, 0.002), 0, axis 1>}
          %1: i8[100,2]<7.0, 1> = encode(%0) {dtype = 'i8', quant = <7.0, 1>}
          return %1
        }""",
        after="""
        graph g(%x: i32[100,2]<(0.001, 0.002), 0, axis 1>) {
          %1: i8[100,2]<7.0, 1> = requantize(%x) {source = <(0.001, 0.002), 0, axis 1>, dtype = 'i8', target = <7.0, 1>}
          return %1
        }""",
        steps=1,
    )


def test_the_same_type() -> None:
    check_pass(
        RequantizeDecoded(),
        before="""
        graph g(%x: i8[200]<0.3, 4>) {
          %0: f32[200] = decode(%x) {quant = <0.3, 4>}
          %1: i8[200]<0.3, 4> = encode(%0) {dtype = 'i8', quant = <0.3, 4>}
          return %1
        }""",
        after="""
        graph g(%x: i8[200]<0.3, 4>) {
          return %x as 1
        }""",
    )


def test_floats_between_stay() -> None:
    check_pass(
        RequantizeDecoded(),
        before="""
        graph g(%x: i8[200]<0.3, 4>) {
          %0: f32[200] = decode(%x) {quant = <0.3, 4>}
          %1: f32[200] = tanh(%0)
          %2: i8[200]<0.3, 4> = encode(%1) {dtype = 'i8', quant = <0.3, 4>}
          return %2
        }""",
    )


def test_decoded_floats_with_a_second_user() -> None:
    check_pass(
        RequantizeDecoded(),
        before="""
        graph g(%x: i8[200]<0.3, 4>) {
          %0: f32[200] = decode(%x) {quant = <0.3, 4>}
          %1: i8[200]<0.45, 0> = encode(%0) {dtype = 'i8', quant = <0.45, 0>}
          return %0, %1
        }""",
        after="""
        graph g(%x: i8[200]<0.3, 4>) {
          %0: f32[200] = decode(%x) {quant = <0.3, 4>}
          %1: i8[200]<0.45, 0> = requantize(%x) {source = <0.3, 4>, dtype = 'i8', target = <0.45, 0>}
          return %0, %1
        }""",
        steps=1,
    )


def test_a_step_that_no_factor_reaches_stays() -> None:
    check_pass(
        RequantizeDecoded(),
        before="""
        graph g(%x: i8[200]<1000000.0, 4>) {
          %0: f32[200] = decode(%x) {quant = <1000000.0, 4>}
          %1: i8[200]<0.001, 0> = encode(%0) {dtype = 'i8', quant = <0.001, 0>}
          return %1
        }""",
    )
