# ruff: noqa: E501 (graph text)
from graphopt.passes.sink_reshapes_past_slice import SinkReshapesPastSlice
from graphopt.testing import check_pass


def test_heads_of_an_attention() -> None:
    check_pass(
        SinkReshapesPastSlice(),
        before="""
        graph g(%x: f32[1,5,12]) {
          %0: f32[1,5,3,2,2] = reshape(%x) {shape = (1, 5, 3, 2, 2)}
          %1: f32[1,5,1,2,2] = slice(%0) {starts = (0, 0, 0, 0, 0), sizes = (1, 5, 1, 2, 2), steps = (1, 1, 1, 1, 1)}
          %2: f32[1,5,2,2,2] = slice(%0) {starts = (0, 0, 1, 0, 0), sizes = (1, 5, 2, 2, 2), steps = (1, 1, 1, 1, 1)}
          return %1, %2
        }""",
        after="""
        graph g(%x: f32[1,5,12]) {
          %1.0: f32[1,5,4] = slice(%x) {starts = (0, 0, 0), sizes = (1, 5, 4), steps = (1, 1, 1)}
          %1: f32[1,5,1,2,2] = reshape(%1.0) {shape = (1, 5, 1, 2, 2)}
          %2.0: f32[1,5,8] = slice(%x) {starts = (0, 0, 4), sizes = (1, 5, 8), steps = (1, 1, 1)}
          %2: f32[1,5,2,2,2] = reshape(%2.0) {shape = (1, 5, 2, 2, 2)}
          return %1, %2
        }""",
    )


def test_steps_along_an_axis_that_stays() -> None:
    check_pass(
        SinkReshapesPastSlice(),
        before="""
        graph g(%x: f32[6,1,4]) {
          %0: f32[6,4] = reshape(%x) {shape = (6, 4)}
          %1: f32[3,4] = slice(%0) {starts = (4, 0), sizes = (3, 4), steps = (-2, 1)}
          return %1
        }""",
        after="""
        graph g(%x: f32[6,1,4]) {
          %1.0: f32[3,1,4] = slice(%x) {starts = (4, 0, 0), sizes = (3, 1, 4), steps = (-2, 1, 1)}
          %1: f32[3,4] = reshape(%1.0) {shape = (3, 4)}
          return %1
        }""",
    )


def test_keeps_a_slice_across_blocks() -> None:
    check_pass(
        SinkReshapesPastSlice(),
        before="""
        graph g(%x: f32[12]) {
          %0: f32[3,4] = reshape(%x) {shape = (3, 4)}
          %1: f32[3,2] = slice(%0) {starts = (0, 1), sizes = (3, 2), steps = (1, 1)}
          %2: f32[2,4] = slice(%0) {starts = (0, 0), sizes = (2, 4), steps = (2, 1)}
          return %1, %2
        }""",
    )


def test_keeps_a_slice_of_merged_dimensions() -> None:
    check_pass(
        SinkReshapesPastSlice(),
        before="""
        graph g(%x: f32[3,4]) {
          %0: f32[12] = reshape(%x) {shape = (12,)}
          %1: f32[4] = slice(%0) {starts = (0,), sizes = (4,), steps = (1,)}
          return %1
        }""",
    )


def test_leaves_the_reshape_for_its_other_readers() -> None:
    check_pass(
        SinkReshapesPastSlice(),
        before="""
        graph g(%x: f32[6,1,4]) {
          %0: f32[6,4] = reshape(%x) {shape = (6, 4)}
          %1: f32[3,4] = slice(%0) {starts = (1, 0), sizes = (3, 4), steps = (1, 1)}
          return %1, %0
        }""",
        after="""
        graph g(%x: f32[6,1,4]) {
          %0: f32[6,4] = reshape(%x) {shape = (6, 4)}
          %1.0: f32[3,1,4] = slice(%x) {starts = (1, 0, 0), sizes = (3, 1, 4), steps = (1, 1, 1)}
          %1: f32[3,4] = reshape(%1.0) {shape = (3, 4)}
          return %1, %0
        }""",
    )
