from graphopt.passes.sink_transposes_past_reshape import SinkTransposesPastReshape
from graphopt.testing import check_pass


def test_that_splits_and_merges_neighbours() -> None:
    check_pass(
        SinkTransposesPastReshape(),
        before="""
        graph g(%x: f32[2,3,4,6]) {
          %0: f32[2,6,3,4] = transpose(%x) {perm = (0, 3, 1, 2)}
          %1: f32[2,2,3,12] = reshape(%0) {shape = (2, 2, 3, 12)}
          return %1
        }""",
        after="""
        graph g(%x: f32[2,3,4,6]) {
          %1.0: f32[2,12,2,3] = reshape(%x) {shape = (2, 12, 2, 3)}
          %1: f32[2,2,3,12] = transpose(%1.0) {perm = (0, 2, 3, 1)}
          return %1
        }""",
    )


def test_that_drops_ones() -> None:
    check_pass(
        SinkTransposesPastReshape(),
        before="""
        graph g(%x: f32[1,5,3,1]) {
          %0: f32[1,1,3,5] = transpose(%x) {perm = (0, 3, 2, 1)}
          %1: f32[3,5] = reshape(%0) {shape = (3, 5)}
          return %1
        }""",
        after="""
        graph g(%x: f32[1,5,3,1]) {
          %1.0: f32[5,3] = reshape(%x) {shape = (5, 3)}
          %1: f32[3,5] = transpose(%1.0) {perm = (1, 0)}
          return %1
        }""",
    )


def test_keeps_what_merges_dimensions_that_are_reordered() -> None:
    check_pass(
        SinkTransposesPastReshape(),
        before="""
        graph g(%x: f32[2,3,4]) {
          %0: f32[2,4,3] = transpose(%x) {perm = (0, 2, 1)}
          %1: f32[2,12] = reshape(%0) {shape = (2, 12)}
          return %1
        }""",
    )


def test_keeps_what_merges_dimensions_that_lie_apart() -> None:
    check_pass(
        SinkTransposesPastReshape(),
        before="""
        graph g(%x: f32[2,3,4]) {
          %0: f32[3,2,4] = transpose(%x) {perm = (1, 0, 2)}
          %1: f32[3,8] = reshape(%0) {shape = (3, 8)}
          return %1
        }""",
    )


def test_keeps_a_transpose_with_a_second_use() -> None:
    check_pass(
        SinkTransposesPastReshape(),
        before="""
        graph g(%x: f32[1,5,3,1]) {
          %0: f32[1,1,3,5] = transpose(%x) {perm = (0, 3, 2, 1)}
          %1: f32[3,5] = reshape(%0) {shape = (3, 5)}
          return %1, %0
        }""",
    )


def test_and_keeps_ones_in_front() -> None:
    check_pass(
        SinkTransposesPastReshape(),
        before="""
        graph g(%x: f32[1,2,3,4]) {
          %0: f32[1,4,2,3] = transpose(%x) {perm = (0, 3, 1, 2)}
          %1: f32[1,4,6] = reshape(%0) {shape = (1, 4, 6)}
          return %1
        }""",
        after="""
        graph g(%x: f32[1,2,3,4]) {
          %1.0: f32[1,6,4] = reshape(%x) {shape = (1, 6, 4)}
          %1: f32[1,4,6] = transpose(%1.0) {perm = (0, 2, 1)}
          return %1
        }""",
    )
