from graphopt.passes.canonicalize_subtractions import CanonicalizeSubtractions
from graphopt.testing import check_pass


def test_adds_the_negative() -> None:
    check_pass(
        CanonicalizeSubtractions(),
        before="""
        graph g(%x: f32[2]) {
          %c: f32[2] = constant([1.0, -2.0])
          %0: f32[2] = sub(%x, %c)
          return %0
        }""",
        after="""
        graph g(%x: f32[2]) {
          %0.0: f32[2] = constant([-1.0, 2.0])
          %0: f32[2] = add(%x, %0.0)
          return %0
        }""",
    )


def test_keeps_integers() -> None:
    check_pass(
        CanonicalizeSubtractions(),
        before="""
        graph g(%x: u8[2]) {
          %c: u8[] = constant(1)
          %0: u8[2] = sub(%x, %c)
          return %0
        }""",
    )


def test_keeps_the_subtraction_from_a_constant() -> None:
    check_pass(
        CanonicalizeSubtractions(),
        before="""
        graph g(%x: f32[2]) {
          %c: f32[] = constant(1.0)
          %0: f32[2] = sub(%c, %x)
          return %0
        }""",
    )
