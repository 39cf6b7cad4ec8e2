from graphopt.passes.merge_clips import MergeClips
from graphopt.testing import check_pass


def test_relu_and_clip() -> None:
    check_pass(
        MergeClips(),
        before="""
        graph g(%x: f32[4]) {
          %0: f32[4] = relu(%x)
          %1: f32[4] = clip(%0) {low = -1.0, high = 0.5}
          return %1
        }""",
        after="""
        graph g(%x: f32[4]) {
          %1: f32[4] = clip(%x) {low = 0.0, high = 0.5}
          return %1
        }""",
    )


def test_bounds_that_exclude_each_other() -> None:
    check_pass(
        MergeClips(),
        before="""
        graph g(%x: f32[4]) {
          %0: f32[4] = clip(%x) {high = -1.0}
          %1: f32[4] = clip(%0) {low = 0.25, high = 0.5}
          return %1
        }""",
        after="""
        graph g(%x: f32[4]) {
          %1: f32[4] = clip(%x) {low = 0.25, high = 0.25}
          return %1
        }""",
    )


def test_two_relus() -> None:
    check_pass(
        MergeClips(),
        before="""
        graph g(%x: f32[4]) {
          %0: f32[4] = relu(%x)
          %1: f32[4] = relu(%0)
          return %1
        }""",
        after="""
        graph g(%x: f32[4]) {
          %1: f32[4] = relu(%x)
          return %1
        }""",
    )


def test_keeps_a_clip_with_a_second_use() -> None:
    check_pass(
        MergeClips(),
        before="""
        graph g(%x: f32[4]) {
          %0: f32[4] = clip(%x) {low = -1.0, high = 0.5}
          %1: f32[4] = relu(%0)
          return %0, %1
        }""",
    )


def test_keeps_clips_apart() -> None:
    check_pass(
        MergeClips(),
        before="""
        graph g(%x: f32[4]) {
          %0: f32[4] = clip(%x) {low = -1.0, high = 0.5}
          %1: f32[4] = neg(%0)
          %2: f32[4] = relu(%1)
          return %2
        }""",
    )
