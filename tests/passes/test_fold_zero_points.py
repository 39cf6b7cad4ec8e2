# ruff: noqa: E501 (graph text)
import pytest

from graphopt.passes.fold_zero_points import FoldZeroPoints
from graphopt.testing import check_pass


def test_a_convolution_pads_with_the_zero_point() -> None:
    check_pass(
        FoldZeroPoints(),
        before="""
        graph g(%x: u8[1,1,4]) {
          %z: i16[] = constant(3)
          %w: i8[2,1,2] = constant([[[1, 2]], [[-3, 10]]])
          %b: i32[2] = constant([5, -1])
          %0: i16[1,1,4] = cast(%x) {to = 'i16'}
          %1: i16[1,1,4] = sub(%0, %z)
          %2: i32[1,2,5] = conv(%1, %w, %b) {strides = (1,), pads = (1, 1), dilations = (1,)}
          return %2
        }""",
        after="""
        graph g(%x: u8[1,1,4]) {
          %w: i8[2,1,2] = constant([[[1, 2]], [[-3, 10]]])
          %2.0: i32[2] = constant([-4, -22])
          %2: i32[1,2,5] = conv(%x, %w, %2.0) {strides = (1,), pads = (1, 1), dilations = (1,), pad_value = 3}
          return %2
        }""",
    )


def test_a_convolution_without_bias_gets_one() -> None:
    check_pass(
        FoldZeroPoints(),
        before="""
        graph g(%x: u8[1,1,4]) {
          %z: i16[] = constant(3)
          %w: i8[2,1,2] = constant([[[1, 2]], [[-3, 10]]])
          %0: i16[1,1,4] = cast(%x) {to = 'i16'}
          %1: i16[1,1,4] = sub(%0, %z)
          %2: i32[1,2,3] = conv(%1, %w) {strides = (1,), pads = (0, 0), dilations = (1,)}
          return %2
        }""",
        after="""
        graph g(%x: u8[1,1,4]) {
          %w: i8[2,1,2] = constant([[[1, 2]], [[-3, 10]]])
          %2.0: i32[2] = constant([-9, -21])
          %2: i32[1,2,3] = conv(%x, %w, %2.0) {strides = (1,), pads = (0, 0), dilations = (1,), pad_value = 3}
          return %2
        }""",
    )


@pytest.mark.parametrize("transposed", [False, True])
def test_a_product_is_corrected_behind(transposed: bool) -> None:
    before = """
        graph g(%x: u8[3,2]) {
          %z: i16[] = constant(3)
          %w: i8[2,2] = constant([[1, 2], [-3, 10]])
          %0: i16[3,2] = cast(%x) {to = 'i16'}
          %1: i16[3,2] = sub(%0, %z)
          %2: i32[3,2] = matmul(%1, %w)WHICH
          return %2
        }"""
    after = """
        graph g(%x: u8[3,2]) {
          %w: i8[2,2] = constant([[1, 2], [-3, 10]])
          %2.1: i32[1,2] = constant([MOVED])
          %2.0: i32[3,2] = matmul(%x, %w)WHICH
          %2: i32[3,2] = add(%2.0, %2.1)
          return %2
        }"""
    which = " {transpose_b = True}" if transposed else ""
    moved = "[-9, -21]" if transposed else "[6, -36]"
    check_pass(
        FoldZeroPoints(),
        before.replace("WHICH", which),
        after.replace("WHICH", which).replace("MOVED", moved),
    )


def test_weights_that_are_computed_and_wide_integers_stay() -> None:
    check_pass(
        FoldZeroPoints(),
        before="""
        graph g(%x: u8[3,2], %w: i8[2,2], %y: i16[3,2]) {
          %z: i16[] = constant(3)
          %v: i8[2,2] = constant([[1, 2], [3, 4]])
          %0: i16[3,2] = cast(%x) {to = 'i16'}
          %1: i16[3,2] = sub(%0, %z)
          %2: i32[3,2] = matmul(%1, %w)
          %3: i16[3,2] = cast(%y) {to = 'i16'}
          %4: i16[3,2] = sub(%3, %z)
          %5: i32[3,2] = matmul(%4, %v)
          return %2, %5
        }""",
    )


def test_shifted_integers_with_another_user() -> None:
    check_pass(
        FoldZeroPoints(),
        before="""
        graph g(%x: u8[3,2]) {
          %z: i16[] = constant(3)
          %w: i8[2,1] = constant([[1], [2]])
          %0: i16[3,2] = cast(%x) {to = 'i16'}
          %1: i16[3,2] = sub(%0, %z)
          %2: i32[3,1] = matmul(%1, %w)
          return %1, %2
        }""",
        after="""
        graph g(%x: u8[3,2]) {
          %z: i16[] = constant(3)
          %w: i8[2,1] = constant([[1], [2]])
          %2.1: i32[1,1] = constant([[-9]])
          %0: i16[3,2] = cast(%x) {to = 'i16'}
          %1: i16[3,2] = sub(%0, %z)
          %2.0: i32[3,1] = matmul(%x, %w)
          %2: i32[3,1] = add(%2.0, %2.1)
          return %1, %2
        }""",
    )
