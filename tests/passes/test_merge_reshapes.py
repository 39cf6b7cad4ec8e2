from graphopt.passes.merge_reshapes import MergeReshapes
from graphopt.testing import check_pass


def test_joins_a_chain() -> None:
    check_pass(
        MergeReshapes(),
        before="""
        graph g(%x: f32[2,6]) {
          %0: f32[12] = reshape(%x) {shape = (12,)}
          %1: f32[3,4] = reshape(%0) {shape = (3, 4)}
          %2: f32[4,3] = reshape(%1) {shape = (4, 3)}
          return %2
        }""",
        after="""
        graph g(%x: f32[2,6]) {
          %2: f32[4,3] = reshape(%x) {shape = (4, 3)}
          return %2
        }""",
    )


def test_leaves_the_first_for_its_other_readers() -> None:
    check_pass(
        MergeReshapes(),
        before="""
        graph g(%x: f32[2,6]) {
          %0: f32[12] = reshape(%x) {shape = (12,)}
          %1: f32[3,4] = reshape(%0) {shape = (3, 4)}
          return %0, %1
        }""",
        after="""
        graph g(%x: f32[2,6]) {
          %0: f32[12] = reshape(%x) {shape = (12,)}
          %1: f32[3,4] = reshape(%x) {shape = (3, 4)}
          return %0, %1
        }""",
    )


def test_keeps_reshapes_apart() -> None:
    check_pass(
        MergeReshapes(),
        before="""
        graph g(%x: f32[2,6]) {
          %0: f32[12] = reshape(%x) {shape = (12,)}
          %1: f32[12] = relu(%0)
          %2: f32[3,4] = reshape(%1) {shape = (3, 4)}
          return %2
        }""",
    )
