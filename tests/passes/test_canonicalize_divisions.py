from graphopt.passes.canonicalize_divisions import CanonicalizeDivisions
from graphopt.testing import check_pass


def test_multiplies_by_the_reciprocal() -> None:
    check_pass(
        CanonicalizeDivisions(),
        before="""
        graph g(%x: f32[2]) {
          %c: f32[2] = constant([4.0, 3.0])
          %0: f32[2] = div(%x, %c)
          %1: f32[2] = exp(%0)
          return %1
        }""",
        after="""
        graph g(%x: f32[2]) {
          %0.0: f32[2] = constant([0.25, 0.3333333432674408])
          %0: f32[2] = mul(%x, %0.0)
          %1: f32[2] = exp(%0)
          return %1
        }""",
    )


def test_powers_of_two_are_exact_even_before_rounding() -> None:
    check_pass(
        CanonicalizeDivisions(),
        before="""
        graph g(%x: f16[2]) {
          %c: f16[] = constant(4.0)
          %0: f16[2] = div(%x, %c)
          %1: f16[2] = floor(%0)
          return %1
        }""",
        after="""
        graph g(%x: f16[2]) {
          %0.0: f16[] = constant(0.25)
          %0: f16[2] = mul(%x, %0.0)
          %1: f16[2] = floor(%0)
          return %1
        }""",
    )


def test_keeps_a_quotient_that_is_rounded() -> None:
    check_pass(
        CanonicalizeDivisions(),
        before="""
        graph g(%x: f32[2]) {
          %c: f32[] = constant(3.0)
          %0: f32[2] = div(%x, %c)
          %1: f32[1,2] = reshape(%0) {shape = (1, 2)}
          %2: i64[1,2] = cast(%1) {to = 'i64'}
          return %2
        }""",
    )


def test_keeps_zero_tiny_and_huge_divisors() -> None:
    check_pass(
        CanonicalizeDivisions(),
        before="""
        graph g(%x: f32[2]) {
          %c: f32[] = constant(0.0)
          %d: f32[] = constant(9.99994610111476e-41)
          %e: f32[] = constant(3.0000000054977558e+38)
          %0: f32[2] = div(%x, %c)
          %1: f32[2] = div(%x, %d)
          %2: f32[2] = div(%x, %e)
          return %0, %1, %2
        }""",
    )


def test_keeps_integers_and_low_precision() -> None:
    check_pass(
        CanonicalizeDivisions(),
        before="""
        graph g(%x: i32[2], %y: f16[2]) {
          %c: i32[] = constant(2)
          %d: f16[] = constant(3.0)
          %0: i32[2] = div(%x, %c)
          %1: f16[2] = div(%y, %d)
          return %0, %1
        }""",
    )
