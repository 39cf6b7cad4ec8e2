from graphopt.passes.sink_reshapes_past_matmul import SinkReshapesPastMatmul
from graphopt.testing import check_pass


def test_keeps_the_batch() -> None:
    check_pass(
        SinkReshapesPastMatmul(),
        before="""
        graph g(%x: f32[2,3,2]) {
          %w: f32[2,1] = constant([[1.0], [2.0]])
          %0: f32[6,2] = reshape(%x) {shape = (6, 2)}
          %1: f32[6,1] = matmul(%0, %w)
          return %1
        }""",
        after="""
        graph g(%x: f32[2,3,2]) {
          %w: f32[2,1] = constant([[1.0], [2.0]])
          %1.0: f32[2,3,1] = matmul(%x, %w)
          %1: f32[6,1] = reshape(%1.0) {shape = (6, 1)}
          return %1
        }""",
    )


def test_leaves_the_reshape_for_its_other_readers() -> None:
    check_pass(
        SinkReshapesPastMatmul(),
        before="""
        graph g(%x: f32[2,3,2]) {
          %w: f32[2,1] = constant([[1.0], [2.0]])
          %0: f32[6,2] = reshape(%x) {shape = (6, 2)}
          %1: f32[6,1] = matmul(%0, %w)
          return %1, %0
        }""",
        after="""
        graph g(%x: f32[2,3,2]) {
          %w: f32[2,1] = constant([[1.0], [2.0]])
          %0: f32[6,2] = reshape(%x) {shape = (6, 2)}
          %1.0: f32[2,3,1] = matmul(%x, %w)
          %1: f32[6,1] = reshape(%1.0) {shape = (6, 1)}
          return %1, %0
        }""",
    )


def test_keeps_a_reshape_of_the_last_dimension() -> None:
    check_pass(
        SinkReshapesPastMatmul(),
        before="""
        graph g(%x: f32[2,4]) {
          %w: f32[2,1] = constant([[1.0], [2.0]])
          %0: f32[4,2] = reshape(%x) {shape = (4, 2)}
          %1: f32[4,1] = matmul(%0, %w)
          return %1
        }""",
    )


def test_keeps_computed_and_batched_weights() -> None:
    check_pass(
        SinkReshapesPastMatmul(),
        before="""
        graph g(%x: f32[2,3,2], %w: f32[2,1]) {
          %v: f32[1,2,1] = constant([[[1.0], [2.0]]])
          %0: f32[6,2] = reshape(%x) {shape = (6, 2)}
          %1: f32[6,1] = matmul(%0, %w)
          %2: f32[1,6,1] = matmul(%0, %v)
          return %1, %2
        }""",
    )


def test_keeps_a_reshape_that_only_drops_ones() -> None:
    check_pass(
        SinkReshapesPastMatmul(),
        before="""
        graph g(%x: f32[1,3,2]) {
          %w: f32[2,1] = constant([[1.0], [2.0]])
          %0: f32[3,2] = reshape(%x) {shape = (3, 2)}
          %1: f32[3,1] = matmul(%0, %w)
          return %1
        }""",
    )
