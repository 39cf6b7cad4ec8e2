# ruff: noqa: E501 (graph text)
from graphopt.passes.fold_scale_into_conv import FoldScaleIntoConv
from graphopt.testing import check_pass


def test_scales_weights_and_bias() -> None:
    check_pass(
        FoldScaleIntoConv(),
        before="""
        graph g(%x: f32[1,1,3,3]) {
          %w: f32[2,1,2,2] = constant([[[[1.0, 2.0], [3.0, 4.0]]], [[[5.0, 6.0], [7.0, 8.0]]]])
          %b: f32[2] = constant([1.0, 2.0])
          %s: f32[2,1,1] = constant([[[2.0]], [[3.0]]])
          %0: f32[1,2,2,2] = conv(%x, %w, %b) {strides = (1, 1), pads = (0, 0, 0, 0), dilations = (1, 1)}
          %1: f32[1,2,2,2] = mul(%0, %s)
          return %1
        }""",
        after="""
        graph g(%x: f32[1,1,3,3]) {
          %1.0: f32[2,1,2,2] = constant([[[[2.0, 4.0], [6.0, 8.0]]], [[[15.0, 18.0], [21.0, 24.0]]]])
          %1.1: f32[2] = constant([2.0, 6.0])
          %1: f32[1,2,2,2] = conv(%x, %1.0, %1.1) {strides = (1, 1), pads = (0, 0, 0, 0), dilations = (1, 1)}
          return %1
        }""",
    )


def test_scales_each_group_of_conv_transpose() -> None:
    check_pass(
        FoldScaleIntoConv(),
        before="""
        graph g(%x: f32[1,4,3]) {
          %w: f32[4,1,2] = constant([[[1.0, 2.0]], [[3.0, 4.0]], [[5.0, 6.0]], [[7.0, 8.0]]])
          %s: f32[2,1] = constant([[2.0], [3.0]])
          %0: f32[1,2,4] = conv_transpose(%x, %w) {strides = (1,), pads = (0, 0), dilations = (1,), output_padding = (0,), groups = 2}
          %1: f32[1,2,4] = mul(%s, %0)
          return %1
        }""",
        after="""
        graph g(%x: f32[1,4,3]) {
          %1.0: f32[4,1,2] = constant([[[2.0, 4.0]], [[6.0, 8.0]], [[15.0, 18.0]], [[21.0, 24.0]]])
          %1: f32[1,2,4] = conv_transpose(%x, %1.0) {strides = (1,), pads = (0, 0), dilations = (1,), output_padding = (0,), groups = 2}
          return %1
        }""",
    )


def test_keeps_a_factor_per_pixel() -> None:
    check_pass(
        FoldScaleIntoConv(),
        before="""
        graph g(%x: f32[1,1,3]) {
          %w: f32[2,1,2] = constant([[[1.0, 2.0]], [[3.0, 4.0]]])
          %s: f32[2] = constant([2.0, 3.0])
          %0: f32[1,2,2] = conv(%x, %w) {strides = (1,), pads = (0, 0), dilations = (1,)}
          %1: f32[1,2,2] = mul(%0, %s)
          return %1
        }""",
    )


def test_keeps_a_convolution_with_a_second_use() -> None:
    check_pass(
        FoldScaleIntoConv(),
        before="""
        graph g(%x: f32[1,1,3]) {
          %w: f32[2,1,2] = constant([[[1.0, 2.0]], [[3.0, 4.0]]])
          %s: f32[] = constant(2.0)
          %0: f32[1,2,2] = conv(%x, %w) {strides = (1,), pads = (0, 0), dilations = (1,)}
          %1: f32[1,2,2] = mul(%0, %s)
          return %0, %1
        }""",
    )


def test_keeps_exact_sums_that_are_quantized() -> None:
    check_pass(
        FoldScaleIntoConv(),
        before="""
        graph g(%x: f32[1,1,3]) {
          %w: f32[1,1,1] = constant([[[3.0]]])
          %s: f32[] = constant(0.25)
          %one: f32[] = constant(1.0)
          %z: u8[] = constant(7)
          %0: f32[1,1,3] = conv(%x, %w) {strides = (1,), pads = (0, 0), dilations = (1,)}
          %1: f32[1,1,3] = mul(%0, %s)
          %2: u8[1,1,3] = quantize(%1, %one, %z)
          return %2
        }""",
    )
