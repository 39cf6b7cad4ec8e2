from graphopt.passes.sink_expands import SinkExpands
from graphopt.testing import check_pass


def test_past_elementwise_operators_and_reductions() -> None:
    check_pass(
        SinkExpands(),
        before="""
        graph g(%x: i64[2,3,1]) {
          %0: i64[2,3,4] = expand(%x) {shape = (2, 3, 4)}
          %1: f32[2,3,4] = cast(%0)
          %2: f32[2,4] = reduce(%1) {kind = 'sum', axes = (1,)}
          return %2
        }""",
        after="""
        graph g(%x: i64[2,3,1]) {
          %1.0: f32[2,3,1] = cast(%x)
          %2.0: f32[2,1] = reduce(%1.0) {kind = 'sum', axes = (1,)}
          %2: f32[2,4] = expand(%2.0) {shape = (2, 4)}
          return %2
        }""",
    )


def test_keeps_a_reduction_of_the_axis_that_is_broadcast() -> None:
    check_pass(
        SinkExpands(),
        before="""
        graph g(%x: f32[2,1]) {
          %0: f32[2,4] = expand(%x) {shape = (2, 4)}
          %1: f32[2] = reduce(%0) {kind = 'sum', axes = (1,)}
          return %1
        }""",
    )


def test_leaves_the_expand_for_its_other_readers() -> None:
    check_pass(
        SinkExpands(),
        before="""
        graph g(%x: f32[2,1]) {
          %0: f32[2,4] = expand(%x) {shape = (2, 4)}
          %1: f32[2,4] = exp(%0)
          return %1, %0
        }""",
        after="""
        graph g(%x: f32[2,1]) {
          %0: f32[2,4] = expand(%x) {shape = (2, 4)}
          %1.0: f32[2,1] = exp(%x)
          %1: f32[2,4] = expand(%1.0) {shape = (2, 4)}
          return %1, %0
        }""",
    )
