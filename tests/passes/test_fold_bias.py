# ruff: noqa: E501 (graph text)
from graphopt.passes.fold_bias import FoldBias
from graphopt.testing import check_pass


def test_adds_the_first_bias() -> None:
    check_pass(
        FoldBias(),
        before="""
        graph g(%x: f32[1,3,5,5], %w: f32[2,3,3,3]) {
          %c: f32[1,2,1,1] = constant([[[[1.0]], [[-2.0]]]])
          %0: f32[1,2,3,3] = conv(%x, %w) {strides = (1, 1), pads = (0, 0, 0, 0), dilations = (1, 1)}
          %1: f32[1,2,3,3] = add(%0, %c)
          return %1
        }""",
        after="""
        graph g(%x: f32[1,3,5,5], %w: f32[2,3,3,3]) {
          %1.0: f32[2] = constant([1.0, -2.0])
          %1: f32[1,2,3,3] = conv(%x, %w, %1.0) {strides = (1, 1), pads = (0, 0, 0, 0), dilations = (1, 1)}
          return %1
        }""",
    )


def test_adds_to_a_bias_and_takes_one_number_for_all_channels() -> None:
    check_pass(
        FoldBias(),
        before="""
        graph g(%x: f32[1,5,5,3], %w: f32[2,3,3,3]) {
          %b: f32[2] = constant([1.0, 2.0])
          %c: f32[] = constant(0.5)
          %0: f32[1,3,3,2] = conv(%x, %w, %b) {strides = (1, 1), pads = (0, 0, 0, 0), dilations = (1, 1), layout = 'NHWC'}
          %1: f32[1,3,3,2] = add(%c, %0)
          return %1
        }""",
        after="""
        graph g(%x: f32[1,5,5,3], %w: f32[2,3,3,3]) {
          %1.0: f32[2] = constant([1.5, 2.5])
          %1: f32[1,3,3,2] = conv(%x, %w, %1.0) {strides = (1, 1), pads = (0, 0, 0, 0), dilations = (1, 1), layout = 'NHWC'}
          return %1
        }""",
    )


def test_folds_into_conv_transpose() -> None:
    check_pass(
        FoldBias(),
        before="""
        graph g(%x: f32[1,2,3], %w: f32[2,2,2]) {
          %c: f32[2,1] = constant([[1.0], [2.0]])
          %0: f32[1,2,4] = conv_transpose(%x, %w) {strides = (1,), pads = (0, 0), dilations = (1,), output_padding = (0,)}
          %1: f32[1,2,4] = add(%0, %c)
          return %1
        }""",
        after="""
        graph g(%x: f32[1,2,3], %w: f32[2,2,2]) {
          %1.0: f32[2] = constant([1.0, 2.0])
          %1: f32[1,2,4] = conv_transpose(%x, %w, %1.0) {strides = (1,), pads = (0, 0), dilations = (1,), output_padding = (0,)}
          return %1
        }""",
    )


def test_keeps_an_addition_per_column() -> None:
    check_pass(
        FoldBias(),
        before="""
        graph g(%x: f32[1,3,5,5], %w: f32[2,3,3,3]) {
          %c: f32[3] = constant([1.0, 2.0, 3.0])
          %0: f32[1,2,3,3] = conv(%x, %w) {strides = (1, 1), pads = (0, 0, 0, 0), dilations = (1, 1)}
          %1: f32[1,2,3,3] = add(%0, %c)
          return %1
        }""",
    )


def test_keeps_a_computed_bias() -> None:
    check_pass(
        FoldBias(),
        before="""
        graph g(%x: f32[1,3,5,5], %w: f32[2,3,3,3], %b: f32[2]) {
          %c: f32[1] = constant([1.0])
          %0: f32[1,2,3,3] = conv(%x, %w, %b) {strides = (1, 1), pads = (0, 0, 0, 0), dilations = (1, 1)}
          %1: f32[1,2,3,3] = add(%0, %c)
          return %1
        }""",
    )


def test_keeps_a_convolution_with_a_second_use() -> None:
    check_pass(
        FoldBias(),
        before="""
        graph g(%x: f32[1,3,5,5], %w: f32[2,3,3,3]) {
          %c: f32[1] = constant([1.0])
          %0: f32[1,2,3,3] = conv(%x, %w) {strides = (1, 1), pads = (0, 0, 0, 0), dilations = (1, 1)}
          %1: f32[1,2,3,3] = add(%0, %c)
          return %1, %0
        }""",
    )
