from graphopt.passes.canonicalize_reciprocals import CanonicalizeReciprocals
from graphopt.testing import check_pass


def test_one_over_x() -> None:
    check_pass(
        CanonicalizeReciprocals(),
        before="""
        graph g(%x: f32[2]) {
          %c: f32[] = constant(1.0)
          %0: f32[2] = div(%c, %x)
          return %0
        }""",
        after="""
        graph g(%x: f32[2]) {
          %0: f32[2] = reciprocal(%x)
          return %0
        }""",
    )


def test_keeps_two_over_x() -> None:
    check_pass(
        CanonicalizeReciprocals(),
        before="""
        graph g(%x: f32[2]) {
          %c: f32[] = constant(2.0)
          %0: f32[2] = div(%c, %x)
          return %0
        }""",
    )


def test_keeps_integers_and_broadcasts() -> None:
    check_pass(
        CanonicalizeReciprocals(),
        before="""
        graph g(%x: i32[2], %y: f32[1]) {
          %c: i32[] = constant(1)
          %d: f32[2] = constant([1.0, 1.0])
          %0: i32[2] = div(%c, %x)
          %1: f32[2] = div(%d, %y)
          return %0, %1
        }""",
    )
