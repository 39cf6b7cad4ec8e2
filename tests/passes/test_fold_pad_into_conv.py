# ruff: noqa: E501 (graph text)
from graphopt.passes.fold_pad_into_conv import FoldPadIntoConv
from graphopt.testing import check_pass


def test_adds_pads_in_either_layout() -> None:
    check_pass(
        FoldPadIntoConv(),
        before="""
        graph g(%x: f32[1,4,5,3], %w: f32[2,3,3,3]) {
          %0: f32[1,5,8,3] = pad(%x) {pads = (0, 0, 1, 0, 0, 1, 2, 0)}
          %1: f32[1,5,6,2] = conv(%0, %w) {strides = (1, 1), pads = (1, 0, 1, 0), dilations = (1, 1), layout = 'NHWC'}
          return %1
        }""",
        after="""
        graph g(%x: f32[1,4,5,3], %w: f32[2,3,3,3]) {
          %1: f32[1,5,6,2] = conv(%x, %w) {strides = (1, 1), pads = (1, 1, 2, 2), dilations = (1, 1), layout = 'NHWC'}
          return %1
        }""",
    )


def test_keeps_padding_of_channels() -> None:
    check_pass(
        FoldPadIntoConv(),
        before="""
        graph g(%x: f32[1,2,4], %w: f32[2,3,3]) {
          %0: f32[1,3,4] = pad(%x) {pads = (0, 1, 0, 0, 0, 0)}
          %1: f32[1,2,2] = conv(%0, %w) {strides = (1,), pads = (0, 0), dilations = (1,)}
          return %1
        }""",
    )


def test_keeps_padding_with_ones() -> None:
    check_pass(
        FoldPadIntoConv(),
        before="""
        graph g(%x: f32[1,2,4], %w: f32[2,2,3]) {
          %0: f32[1,2,5] = pad(%x) {pads = (0, 0, 1, 0, 0, 0), value = 1.0}
          %1: f32[1,2,3] = conv(%0, %w) {strides = (1,), pads = (0, 0), dilations = (1,)}
          return %1
        }""",
    )


def test_keeps_reflection() -> None:
    check_pass(
        FoldPadIntoConv(),
        before="""
        graph g(%x: f32[1,2,4], %w: f32[2,2,3]) {
          %0: f32[1,2,5] = pad(%x) {pads = (0, 0, 1, 0, 0, 0), mode = 'reflect'}
          %1: f32[1,2,3] = conv(%0, %w) {strides = (1,), pads = (0, 0), dilations = (1,)}
          return %1
        }""",
    )


def test_keeps_a_crop_before_padding() -> None:
    check_pass(
        FoldPadIntoConv(),
        before="""
        graph g(%x: f32[1,2,4], %w: f32[2,2,3]) {
          %0: f32[1,2,3] = pad(%x) {pads = (0, 0, -1, 0, 0, 0)}
          %1: f32[1,2,3] = conv(%0, %w) {strides = (1,), pads = (1, 1), dilations = (1,)}
          return %1
        }""",
    )


def test_keeps_a_pad_with_a_second_use() -> None:
    check_pass(
        FoldPadIntoConv(),
        before="""
        graph g(%x: f32[1,2,4], %w: f32[2,2,3]) {
          %0: f32[1,2,5] = pad(%x) {pads = (0, 0, 1, 0, 0, 0)}
          %1: f32[1,2,3] = conv(%0, %w) {strides = (1,), pads = (0, 0), dilations = (1,)}
          return %1, %0
        }""",
    )
