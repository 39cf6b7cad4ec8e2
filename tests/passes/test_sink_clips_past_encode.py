# ruff: noqa: E501 (graph text)
from graphopt.passes.sink_clips_past_encode import SinkClipsPastEncode
from graphopt.testing import check_pass


def test_clip_with_both_bounds() -> None:
    check_pass(
        SinkClipsPastEncode(),
        before="""
        graph g(%x: f32[2,50]) {
          %0: f32[2,50] = clip(%x) {low = -0.3, high = 0.6}
          %1: u8[2,50]<0.1, 100> = encode(%0) {dtype = 'u8', quant = <0.1, 100>}
          return %1
        }""",
        after="""
        graph g(%x: f32[2,50]) {
          %1.0: u8[2,50]<0.1, 100> = encode(%x) {dtype = 'u8', quant = <0.1, 100>}
          %1: u8[2,50]<0.1, 100> = clip(%1.0) {low = 97, high = 106}
          return %1
        }""",
    )


def test_relu_clips_at_the_zero_point() -> None:
    check_pass(
        SinkClipsPastEncode(),
        before="""
        graph g(%x: f32[50]) {
          %0: f32[50] = relu(%x)
          %1: i8[50]<0.1, -7> = encode(%0) {dtype = 'i8', quant = <0.1, -7>}
          return %1
        }""",
        after="""
        graph g(%x: f32[50]) {
          %1.0: i8[50]<0.1, -7> = encode(%x) {dtype = 'i8', quant = <0.1, -7>}
          %1: i8[50]<0.1, -7> = clip(%1.0) {low = -7}
          return %1
        }""",
    )


def test_bounds_that_differ_along_an_axis_stay() -> None:
    check_pass(
        SinkClipsPastEncode(),
        before="""
        graph g(%x: f32[50,2]) {
          %0: f32[50,2] = relu(%x)
          %1: i8[50,2]<(0.1, 0.2), (1, 2), axis 1> = encode(%0) {dtype = 'i8', quant = <(0.1, 0.2), (1, 2), axis 1>}
          return %1
        }""",
    )


def test_floats_with_a_second_user_stay() -> None:
    check_pass(
        SinkClipsPastEncode(),
        before="""
        graph g(%x: f32[50]) {
          %0: f32[50] = relu(%x)
          %1: i8[50]<0.1, -7> = encode(%0) {dtype = 'i8', quant = <0.1, -7>}
          return %0, %1
        }""",
    )
