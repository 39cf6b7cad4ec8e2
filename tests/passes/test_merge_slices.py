from graphopt.passes.merge_slices import MergeSlices
from graphopt.testing import check_pass


def test_composes_starts_and_steps() -> None:
    check_pass(
        MergeSlices(),
        before="""
        graph g(%x: f32[12]) {
          %0: f32[5] = slice(%x) {starts = (10,), sizes = (5,), steps = (-2,)}
          %1: f32[2] = slice(%0) {starts = (1,), sizes = (2,), steps = (2,)}
          return %1
        }""",
        after="""
        graph g(%x: f32[12]) {
          %1: f32[2] = slice(%x) {starts = (8,), sizes = (2,), steps = (-4,)}
          return %1
        }""",
    )


def test_leaves_the_first_for_its_other_readers() -> None:
    check_pass(
        MergeSlices(),
        before="""
        graph g(%x: f32[12]) {
          %0: f32[5] = slice(%x) {starts = (1,), sizes = (5,), steps = (1,)}
          %1: f32[2] = slice(%0) {starts = (1,), sizes = (2,), steps = (1,)}
          return %0, %1
        }""",
        after="""
        graph g(%x: f32[12]) {
          %0: f32[5] = slice(%x) {starts = (1,), sizes = (5,), steps = (1,)}
          %1: f32[2] = slice(%x) {starts = (2,), sizes = (2,), steps = (1,)}
          return %0, %1
        }""",
    )


def test_keeps_slices_apart() -> None:
    check_pass(
        MergeSlices(),
        before="""
        graph g(%x: f32[12]) {
          %0: f32[5] = slice(%x) {starts = (1,), sizes = (5,), steps = (1,)}
          %1: f32[5] = exp(%0)
          %2: f32[2] = slice(%1) {starts = (1,), sizes = (2,), steps = (1,)}
          return %2
        }""",
    )
