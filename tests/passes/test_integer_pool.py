# ruff: noqa: E501 (graph text)
from graphopt.passes.integer_pool import IntegerPool
from graphopt.testing import check_pass


def test_average_of_windows() -> None:
    check_pass(
        IntegerPool(),
        before="""
        graph g(%x: i8[1,2,4,4]<0.5, 3>) {
          %0: f32[1,2,4,4] = decode(%x) {quant = <0.5, 3>}
          %1: f32[1,2,2,2] = average_pool(%0) {kernel = (2, 2), strides = (2, 2), pads = (0, 0, 0, 0), dilations = (1, 1)}
          return %1
        }""",
        after="""
        graph g(%x: i8[1,2,4,4]<0.5, 3>) {
          %1.0: i8[1,2,4,4]<0.5, 0> = retype(%x) {quant = <0.5, 0>}
          %1.1: i32[1,2,2,2]<0.5, 0> = sum_pool(%1.0) {kernel = (2, 2), strides = (2, 2), pads = (0, 0, 0, 0), dilations = (1, 1)}
          %1.2: i32[1,2,2,2]<0.125, 12> = retype(%1.1) {quant = <0.125, 12>}
          %1: f32[1,2,2,2] = decode(%1.2) {quant = <0.125, 12>}
          return %1
        }""",
    )


def test_padding_that_counts_as_zero_needs_elements_without_zero_point() -> None:
    check_pass(
        IntegerPool(),
        before="""
        graph g(%x: i8[1,1,3]<0.5, 3>) {
          %0: f32[1,1,3] = decode(%x) {quant = <0.5, 3>}
          %1: f32[1,1,4] = average_pool(%0) {kernel = (2,), strides = (1,), pads = (1, 1), dilations = (1,), count_pad = True}
          return %1
        }""",
        after="""
        graph g(%x: i8[1,1,3]<0.5, 3>) {
          %1.0: i16[1,1,3]<0.5, 0> = requantize(%x) {source = <0.5, 3>, dtype = 'i16', target = <0.5, 0>}
          %1.1: i32[1,1,4]<0.5, 0> = sum_pool(%1.0) {kernel = (2,), strides = (1,), pads = (1, 1), dilations = (1,)}
          %1.2: i32[1,1,4]<0.25, 0> = retype(%1.1) {quant = <0.25, 0>}
          %1: f32[1,1,4] = decode(%1.2) {quant = <0.25, 0>}
          return %1
        }""",
    )


def test_windows_of_different_numbers_of_taps() -> None:
    check_pass(
        IntegerPool(),
        before="""
        graph g(%x: u8[1,1,3]<0.5, 0>) {
          %0: f32[1,1,3] = decode(%x) {quant = <0.5, 0>}
          %1: f32[1,1,3] = average_pool(%0) {kernel = (3,), strides = (1,), pads = (1, 1), dilations = (1,)}
          return %1
        }""",
        after="""
        graph g(%x: u8[1,1,3]<0.5, 0>) {
          %1.1: i32[1,1,3]<1.0, 0> = constant([[[3, 2, 3]]])
          %1.0: i32[1,1,3]<0.5, 0> = sum_pool(%x) {kernel = (3,), strides = (1,), pads = (1, 1), dilations = (1,)}
          %1.2: i32[1,1,3]<0.5, 0> = mul(%1.0, %1.1)
          %1.3: i32[1,1,3]<0.08333333333333333, 0> = retype(%1.2) {quant = <0.08333333333333333, 0>}
          %1: f32[1,1,3] = decode(%1.3) {quant = <0.08333333333333333, 0>}
          return %1
        }""",
    )


def test_means_and_sums_over_axes() -> None:
    check_pass(
        IntegerPool(),
        before="""
        graph g(%x: u8[2,3,5]<0.5, 100>) {
          %0: f32[2,3,5] = decode(%x) {quant = <0.5, 100>}
          %1: f32[2,1,1] = reduce(%0) {kind = 'mean', axes = (1, 2), keepdims = True}
          %2: f32[2,3] = reduce(%0) {kind = 'sum', axes = (2,)}
          return %1, %2
        }""",
        after="""
        graph g(%x: u8[2,3,5]<0.5, 100>) {
          %1.0: i32[2,3,5]<0.5, 0> = requantize(%x) {source = <0.5, 100>, dtype = 'i32', target = <0.5, 0>}
          %1.1: i32[2,1,1]<0.5, 0> = reduce(%1.0) {kind = 'sum', axes = (1, 2), keepdims = True}
          %1.2: i32[2,1,1]<0.03333333333333333, 0> = retype(%1.1) {quant = <0.03333333333333333, 0>}
          %1: f32[2,1,1] = decode(%1.2) {quant = <0.03333333333333333, 0>}
          %2.0: i32[2,3,5]<0.5, 0> = requantize(%x) {source = <0.5, 100>, dtype = 'i32', target = <0.5, 0>}
          %2.1: i32[2,3]<0.5, 0> = reduce(%2.0) {kind = 'sum', axes = (2,)}
          %2.2: i32[2,3]<0.5, 0> = retype(%2.1) {quant = <0.5, 0>}
          %2: f32[2,3] = decode(%2.2) {quant = <0.5, 0>}
          return %1, %2
        }""",
    )


def test_other_reductions_and_several_scales_stay() -> None:
    check_pass(
        IntegerPool(),
        before="""
        graph g(%x: u8[2,3]<0.5, 100>, %y: i8[2,3]<(0.5, 0.6), 0, axis 0>) {
          %0: f32[2,3] = decode(%x) {quant = <0.5, 100>}
          %1: f32[2] = reduce(%0) {kind = 'prod', axes = (1,)}
          %2: f32[2,3] = decode(%y) {quant = <(0.5, 0.6), 0, axis 0>}
          %3: f32[2] = reduce(%2) {kind = 'mean', axes = (1,)}
          return %1, %3
        }""",
    )


def test_sums_that_32_bits_do_not_hold_stay() -> None:
    check_pass(
        IntegerPool(),
        before="""
        graph g(%x: i16[70000]<0.5, 0>) {
          %0: f32[70000] = decode(%x) {quant = <0.5, 0>}
          %1: f32[] = reduce(%0) {kind = 'sum', axes = (0,)}
          return %1
        }""",
    )


def test_decoded_input_with_another_user() -> None:
    check_pass(
        IntegerPool(),
        before="""
        graph g(%x: i8[2,3]<0.5, 0>) {
          %0: f32[2,3] = decode(%x) {quant = <0.5, 0>}
          %1: f32[2] = reduce(%0) {kind = 'mean', axes = (1,)}
          return %0, %1
        }""",
        after="""
        graph g(%x: i8[2,3]<0.5, 0>) {
          %0: f32[2,3] = decode(%x) {quant = <0.5, 0>}
          %1.0: i32[2,3]<0.5, 0> = requantize(%x) {source = <0.5, 0>, dtype = 'i32', target = <0.5, 0>}
          %1.1: i32[2]<0.5, 0> = reduce(%1.0) {kind = 'sum', axes = (1,)}
          %1.2: i32[2]<0.16666666666666666, 0> = retype(%1.1) {quant = <0.16666666666666666, 0>}
          %1: f32[2] = decode(%1.2) {quant = <0.16666666666666666, 0>}
          return %0, %1
        }""",
    )
