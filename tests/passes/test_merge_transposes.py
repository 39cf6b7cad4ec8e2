from graphopt.passes.merge_transposes import MergeTransposes
from graphopt.testing import check_pass


def test_composes() -> None:
    check_pass(
        MergeTransposes(),
        before="""
        graph g(%x: f32[2,3,4]) {
          %0: f32[4,2,3] = transpose(%x) {perm = (2, 0, 1)}
          %1: f32[4,3,2] = transpose(%0) {perm = (0, 2, 1)}
          return %1
        }""",
        after="""
        graph g(%x: f32[2,3,4]) {
          %1: f32[4,3,2] = transpose(%x) {perm = (2, 1, 0)}
          return %1
        }""",
    )


def test_cancels_and_leaves_the_first_for_its_other_readers() -> None:
    check_pass(
        MergeTransposes(),
        before="""
        graph g(%x: f32[2,3,4]) {
          %0: f32[4,2,3] = transpose(%x) {perm = (2, 0, 1)}
          %1: f32[2,3,4] = transpose(%0) {perm = (1, 2, 0)}
          %2: f32[2,3,4] = relu(%1)
          return %2, %0
        }""",
        after="""
        graph g(%x: f32[2,3,4]) {
          %0: f32[4,2,3] = transpose(%x) {perm = (2, 0, 1)}
          %2: f32[2,3,4] = relu(%x)
          return %2, %0
        }""",
    )


def test_keeps_transposes_apart() -> None:
    check_pass(
        MergeTransposes(),
        before="""
        graph g(%x: f32[2,3,4]) {
          %0: f32[4,2,3] = transpose(%x) {perm = (2, 0, 1)}
          %1: f32[4,2,3] = relu(%0)
          %2: f32[2,3,4] = transpose(%1) {perm = (1, 2, 0)}
          return %2
        }""",
    )
