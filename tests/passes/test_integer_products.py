# ruff: noqa: E501 (graph text)
import pytest

from graphopt.passes.integer_products import IntegerProducts
from graphopt.testing import check_pass


def test_convolution_with_a_scale_for_each_output_and_a_bias() -> None:
    check_pass(
        IntegerProducts(),
        before="""
        graph g(%x: i8[1,1,4,4]<0.5, 0>) {
          %w: i8[2,1,1,2]<(0.25, 0.125), 0, axis 0> = constant([[[[1, 2]]], [[[-3, 127]]]])
          %b: f32[2] = constant([1.0, -3.03])
          %0: f32[1,1,4,4] = decode(%x) {quant = <0.5, 0>}
          %1: f32[2,1,1,2] = decode(%w) {quant = <(0.25, 0.125), 0, axis 0>}
          %2: f32[1,2,4,4] = conv(%0, %1, %b) {strides = (1, 1), pads = (0, 1, 0, 0), dilations = (1, 1)}
          %3: i8[1,2,4,4]<2.0, 3> = encode(%2) {dtype = 'i8', quant = <2.0, 3>}
          return %3
        }""",
        after="""
        graph g(%x: i8[1,1,4,4]<0.5, 0>) {
          %2.0: i8[2,1,1,2]<(0.25, 0.125), 0, axis 0> = constant([[[[1, 2]]], [[[-3, 127]]]])
          %2.1: i32[2]<(0.125, 0.0625), 0, axis 0> = constant([8, -48])
          %2.2: i32[1,2,4,4]<(0.125, 0.0625), 0, axis 1> = conv(%x, %2.0, %2.1) {strides = (1, 1), pads = (0, 1, 0, 0), dilations = (1, 1)}
          %2: f32[1,2,4,4] = decode(%2.2) {quant = <(0.125, 0.0625), 0, axis 1>}
          %3: i8[1,2,4,4]<2.0, 3> = encode(%2) {dtype = 'i8', quant = <2.0, 3>}
          return %3
        }""",
        steps=1,
    )


def test_zero_points_are_taken_off_first() -> None:
    check_pass(
        IntegerProducts(),
        before="""
        graph g(%x: u8[3,2]<0.5, 128>) {
          %w: u8[2,2]<0.25, 7> = constant([[0, 7], [100, 9]])
          %0: f32[3,2] = decode(%x) {quant = <0.5, 128>}
          %1: f32[2,2] = decode(%w) {quant = <0.25, 7>}
          %2: f32[3,2] = matmul(%0, %1)
          return %2
        }""",
        after="""
        graph g(%x: u8[3,2]<0.5, 128>) {
          %2.1: i8[2,2]<0.25, 0> = constant([[-7, 0], [93, 2]])
          %2.0: i16[3,2]<0.5, 0> = requantize(%x) {source = <0.5, 128>, dtype = 'i16', target = <0.5, 0>}
          %2.2: i32[3,2]<0.125, 0> = matmul(%2.0, %2.1)
          %2: f32[3,2] = decode(%2.2) {quant = <0.125, 0>}
          return %2
        }""",
    )


def test_products_of_two_computed_matrices() -> None:
    check_pass(
        IntegerProducts(),
        before="""
        graph g(%x: i8[2,3,4]<0.5, 1>, %y: i8[2,5,4]<0.25, 0>) {
          %0: f32[2,3,4] = decode(%x) {quant = <0.5, 1>}
          %1: f32[2,5,4] = decode(%y) {quant = <0.25, 0>}
          %2: f32[2,3,5] = matmul(%0, %1) {transpose_b = True}
          return %2
        }""",
        after="""
        graph g(%x: i8[2,3,4]<0.5, 1>, %y: i8[2,5,4]<0.25, 0>) {
          %2.0: i16[2,3,4]<0.5, 0> = requantize(%x) {source = <0.5, 1>, dtype = 'i16', target = <0.5, 0>}
          %2.1: i32[2,3,5]<0.125, 0> = matmul(%2.0, %y) {transpose_b = True}
          %2: f32[2,3,5] = decode(%2.1) {quant = <0.125, 0>}
          return %2
        }""",
    )


def test_weights_of_four_bits() -> None:
    check_pass(
        IntegerProducts(),
        before="""
        graph g(%x: i8[3,2]<0.5, 0>) {
          %w: i4[2,2]<(0.25, 0.5), 0, axis 1> = constant([[-8, 7], [3, 0]])
          %0: f32[3,2] = decode(%x) {quant = <0.5, 0>}
          %1: f32[2,2] = decode(%w) {quant = <(0.25, 0.5), 0, axis 1>}
          %2: f32[3,2] = matmul(%0, %1)
          return %2
        }""",
        after="""
        graph g(%x: i8[3,2]<0.5, 0>) {
          %2.0: i4[2,2]<(0.25, 0.5), 0, axis 1> = constant([[-8, 7], [3, 0]])
          %2.1: i32[3,2]<(0.125, 0.25), 0, axis 1> = matmul(%x, %2.0)
          %2: f32[3,2] = decode(%2.1) {quant = <(0.125, 0.25), 0, axis 1>}
          return %2
        }""",
    )


@pytest.mark.parametrize(
    ("x", "w"),
    [
        ("i32[3,2]<0.5, 0>", "i8[2,2]<0.25, 0>"),
        ("i8[3,2]<(0.5, 1.0), 0, axis 1>", "i8[2,2]<0.25, 0>"),
        ("i8[3,2]<0.5, 0>", "i8[2,2]<(0.25, 1.0), 0, axis 0>"),
        ("i16[3,2]<0.5, 0>", "i16[2,2]<0.25, 0>"),
    ],
)
def test_sums_with_several_scales_or_too_wide_stay(x: str, w: str) -> None:
    left, right = (text[text.index("<") :] for text in (x, w))
    check_pass(
        IntegerProducts(),
        before=f"""
        graph g(%x: {x}, %w: {w}) {{
          %0: f32[3,2] = decode(%x) {{quant = {left}}}
          %1: f32[2,2] = decode(%w) {{quant = {right}}}
          %2: f32[3,2] = matmul(%0, %1)
          return %2
        }}""",
    )


def test_a_bias_that_is_computed_stays() -> None:
    check_pass(
        IntegerProducts(),
        before="""
        graph g(%x: i8[1,1,4]<0.5, 0>, %b: f32[1]) {
          %w: i8[1,1,1]<0.25, 0> = constant([[[1]]])
          %0: f32[1,1,4] = decode(%x) {quant = <0.5, 0>}
          %1: f32[1,1,1] = decode(%w) {quant = <0.25, 0>}
          %2: f32[1,1,4] = conv(%0, %1, %b) {strides = (1,), pads = (0, 0), dilations = (1,)}
          return %2
        }""",
    )


def test_decoded_operands_with_other_users() -> None:
    check_pass(
        IntegerProducts(),
        before="""
        graph g(%x: i8[2,2]<0.5, 0>) {
          %0: f32[2,2] = decode(%x) {quant = <0.5, 0>}
          %1: f32[2,2] = matmul(%0, %0)
          return %0, %1
        }""",
        after="""
        graph g(%x: i8[2,2]<0.5, 0>) {
          %0: f32[2,2] = decode(%x) {quant = <0.5, 0>}
          %1.0: i32[2,2]<0.25, 0> = matmul(%x, %x)
          %1: f32[2,2] = decode(%1.0) {quant = <0.25, 0>}
          return %0, %1
        }""",
    )
