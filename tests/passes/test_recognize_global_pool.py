# ruff: noqa: E501 (graph text)
from graphopt.passes.recognize_global_pool import RecognizeGlobalPool
from graphopt.testing import check_pass


def test_mean_and_maximum() -> None:
    check_pass(
        RecognizeGlobalPool(),
        before="""
        graph g(%x: f32[1,2,3,4], %y: f32[1,3,4,2]) {
          %0: f32[1,2,1,1] = average_pool(%x) {kernel = (3, 4), strides = (3, 4), pads = (0, 0, 0, 0), dilations = (1, 1)}
          %1: f32[1,1,1,2] = max_pool(%y) {kernel = (3, 4), strides = (1, 1), pads = (0, 0, 0, 0), dilations = (1, 1), layout = 'NHWC'}
          return %0, %1
        }""",
        after="""
        graph g(%x: f32[1,2,3,4], %y: f32[1,3,4,2]) {
          %0: f32[1,2,1,1] = reduce(%x) {kind = 'mean', axes = (2, 3), keepdims = True}
          %1: f32[1,1,1,2] = reduce(%y) {kind = 'max', axes = (1, 2), keepdims = True}
          return %0, %1
        }""",
    )


def test_keeps_smaller_windows_and_padding() -> None:
    check_pass(
        RecognizeGlobalPool(),
        before="""
        graph g(%x: f32[1,2,3]) {
          %0: f32[1,2,2] = average_pool(%x) {kernel = (2,), strides = (1,), pads = (0, 0), dilations = (1,)}
          %1: f32[1,2,2] = average_pool(%x) {kernel = (3,), strides = (1,), pads = (1, 0), dilations = (1,)}
          return %0, %1
        }""",
    )
