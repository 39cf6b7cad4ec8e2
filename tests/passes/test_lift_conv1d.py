# ruff: noqa: E501 (graph text)
from graphopt.passes.lift_conv1d import LiftConv1d
from graphopt.testing import check_pass


def test_convolution_and_pool() -> None:
    check_pass(
        LiftConv1d(),
        before="""
        graph g(%x: f32[1,2,5], %b: f32[1]) {
          %w: f32[1,2,2] = constant([[[1.0, 2.0], [3.0, 4.0]]])
          %0: f32[1,1,3] = conv(%x, %w, %b) {strides = (2,), pads = (1, 0), dilations = (1,)}
          %1: f32[1,1,2] = max_pool(%0) {kernel = (2,), strides = (1,), pads = (0, 0), dilations = (1,)}
          return %1
        }""",
        after="""
        graph g(%x: f32[1,2,5], %b: f32[1]) {
          %0.1: f32[1,2,1,2] = constant([[[[1.0, 2.0]], [[3.0, 4.0]]]])
          %0.0: f32[1,2,1,5] = reshape(%x) {shape = (1, 2, 1, 5)}
          %0.2: f32[1,1,1,3] = conv(%0.0, %0.1, %b) {strides = (1, 2), pads = (0, 1, 0, 0), dilations = (1, 1)}
          %0: f32[1,1,3] = reshape(%0.2) {shape = (1, 1, 3)}
          %1.0: f32[1,1,1,3] = reshape(%0) {shape = (1, 1, 1, 3)}
          %1.1: f32[1,1,1,2] = max_pool(%1.0) {kernel = (1, 2), strides = (1, 1), pads = (0, 0, 0, 0), dilations = (1, 1)}
          %1: f32[1,1,2] = reshape(%1.1) {shape = (1, 1, 2)}
          return %1
        }""",
    )


def test_computed_weights_and_channels_last() -> None:
    check_pass(
        LiftConv1d(),
        before="""
        graph g(%x: f32[1,5,2], %w: f32[1,2,2]) {
          %0: f32[1,4,1] = conv(%x, %w) {strides = (1,), pads = (0, 0), dilations = (1,), layout = 'NHWC'}
          return %0
        }""",
        after="""
        graph g(%x: f32[1,5,2], %w: f32[1,2,2]) {
          %0.0: f32[1,1,5,2] = reshape(%x) {shape = (1, 1, 5, 2)}
          %0.1: f32[1,2,1,2] = reshape(%w) {shape = (1, 2, 1, 2)}
          %0.2: f32[1,1,4,1] = conv(%0.0, %0.1) {strides = (1, 1), pads = (0, 0, 0, 0), dilations = (1, 1), layout = 'NHWC'}
          %0: f32[1,4,1] = reshape(%0.2) {shape = (1, 4, 1)}
          return %0
        }""",
    )


def test_keeps_images_and_volumes() -> None:
    check_pass(
        LiftConv1d(),
        before="""
        graph g(%x: f32[1,2,3,3], %y: f32[1,1,2,2,2]) {
          %0: f32[1,2,2,2] = max_pool(%x) {kernel = (2, 2), strides = (1, 1), pads = (0, 0, 0, 0), dilations = (1, 1)}
          %1: f32[1,1,1,1,1] = average_pool(%y) {kernel = (2, 2, 2), strides = (1, 1, 1), pads = (0, 0, 0, 0, 0, 0), dilations = (1, 1, 1)}
          return %0, %1
        }""",
    )
