from graphopt.passes.sink_reshapes_past_reduction import SinkReshapesPastReduction
from graphopt.testing import check_pass


def test_past_normalization_of_an_axis_that_stays() -> None:
    check_pass(
        SinkReshapesPastReduction(),
        before="""
        graph g(%x: f32[6,4]) {
          %0: f32[2,3,4] = reshape(%x) {shape = (2, 3, 4)}
          %1: f32[2,3,4] = layer_norm(%0) {axes = (2,)}
          %2: f32[2,3,4] = softmax(%1) {axis = 2}
          %3: f32[2,3] = reduce(%2) {kind = 'max', axes = (2,)}
          return %3
        }""",
        after="""
        graph g(%x: f32[6,4]) {
          %1.0: f32[6,4] = layer_norm(%x) {axes = (1,)}
          %2.0: f32[6,4] = softmax(%1.0) {axis = 1}
          %3.0: f32[6] = reduce(%2.0) {kind = 'max', axes = (1,)}
          %3: f32[2,3] = reshape(%3.0) {shape = (2, 3)}
          return %3
        }""",
    )


def test_keeps_an_axis_that_is_split() -> None:
    check_pass(
        SinkReshapesPastReduction(),
        before="""
        graph g(%x: f32[6,4]) {
          %0: f32[2,3,4] = reshape(%x) {shape = (2, 3, 4)}
          %1: f32[2,3,4] = softmax(%0) {axis = 1}
          return %1
        }""",
    )


def test_keeps_a_reshape_with_a_second_use() -> None:
    check_pass(
        SinkReshapesPastReduction(),
        before="""
        graph g(%x: f32[6,4]) {
          %0: f32[2,3,4] = reshape(%x) {shape = (2, 3, 4)}
          %1: f32[2,3,4] = softmax(%0) {axis = 2}
          return %1, %0
        }""",
    )
