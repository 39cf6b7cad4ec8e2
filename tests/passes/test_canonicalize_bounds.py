from graphopt.passes.canonicalize_bounds import CanonicalizeBounds
from graphopt.testing import check_pass


def test_maximum_with_zero_is_relu() -> None:
    check_pass(
        CanonicalizeBounds(),
        before="""
        graph g(%x: f32[4]) {
          %c: f32[1] = constant([0.0])
          %0: f32[4] = max(%c, %x)
          return %0
        }""",
        after="""
        graph g(%x: f32[4]) {
          %0: f32[4] = relu(%x)
          return %0
        }""",
    )


def test_minimum_with_one_number_is_clip() -> None:
    check_pass(
        CanonicalizeBounds(),
        before="""
        graph g(%x: f32[2,2], %y: i32[2]) {
          %c: f32[2,2] = constant([[1.5, 1.5], [1.5, 1.5]])
          %d: i32[] = constant(3)
          %0: f32[2,2] = min(%x, %c)
          %1: i32[2] = min(%y, %d)
          return %0, %1
        }""",
        after="""
        graph g(%x: f32[2,2], %y: i32[2]) {
          %0: f32[2,2] = clip(%x) {high = 1.5}
          %1: i32[2] = clip(%y) {high = 3}
          return %0, %1
        }""",
    )


def test_infinite_bounds_are_none() -> None:
    check_pass(
        CanonicalizeBounds(),
        before="""
        graph g(%x: f32[4]) {
          %0: f32[4] = clip(%x) {low = 0.0, high = inf}
          return %0
        }""",
        after="""
        graph g(%x: f32[4]) {
          %0: f32[4] = relu(%x)
          return %0
        }""",
    )


def test_keeps_a_bound_per_element() -> None:
    check_pass(
        CanonicalizeBounds(),
        before="""
        graph g(%x: f32[2]) {
          %c: f32[2] = constant([1.0, 2.0])
          %0: f32[2] = min(%x, %c)
          return %0
        }""",
    )


def test_keeps_a_bound_that_broadcasts() -> None:
    check_pass(
        CanonicalizeBounds(),
        before="""
        graph g(%x: f32[1]) {
          %c: f32[2] = constant([1.0, 1.0])
          %0: f32[2] = max(%x, %c)
          return %0
        }""",
    )
