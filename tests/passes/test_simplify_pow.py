from graphopt.passes.simplify_pow import SimplifyPow
from graphopt.testing import check_pass


def test_square_cube_and_roots() -> None:
    check_pass(
        SimplifyPow(),
        before="""
        graph g(%x: f32[4]) {
          %two: f32[] = constant(2.0)
          %three: f32[] = constant(3.0)
          %half: f32[] = constant(0.5)
          %a: f32[4] = abs(%x)
          %0: f32[4] = pow(%a, %two)
          %1: f32[4] = pow(%x, %three)
          %2: f32[4] = pow(%a, %half)
          return %0, %1, %2
        }""",
        after="""
        graph g(%x: f32[4]) {
          %a: f32[4] = abs(%x)
          %0: f32[4] = mul(%a, %a)
          %1.0: f32[4] = mul(%x, %x)
          %1: f32[4] = mul(%1.0, %x)
          %2: f32[4] = sqrt(%a)
          return %0, %1, %2
        }""",
    )


def test_reciprocals() -> None:
    check_pass(
        SimplifyPow(),
        before="""
        graph g(%x: f32[4]) {
          %c: f32[1] = constant([-1.0])
          %d: f32[] = constant(-0.5)
          %a: f32[4] = abs(%x)
          %0: f32[4] = pow(%a, %c)
          %1: f32[4] = pow(%a, %d)
          return %0, %1
        }""",
        after="""
        graph g(%x: f32[4]) {
          %a: f32[4] = abs(%x)
          %0: f32[4] = reciprocal(%a)
          %1.0: f32[4] = sqrt(%a)
          %1: f32[4] = reciprocal(%1.0)
          return %0, %1
        }""",
    )


def test_keeps_other_exponents() -> None:
    check_pass(
        SimplifyPow(),
        before="""
        graph g(%x: f32[2]) {
          %c: f32[] = constant(1.5)
          %d: f32[2] = constant([1.0, 2.0])
          %a: f32[2] = abs(%x)
          %0: f32[2] = pow(%a, %c)
          %1: f32[2] = pow(%a, %d)
          return %0, %1
        }""",
    )


def test_keeps_an_exponent_that_broadcasts() -> None:
    check_pass(
        SimplifyPow(),
        before="""
        graph g(%x: f32[1]) {
          %c: f32[2] = constant([2.0, 2.0])
          %0: f32[2] = pow(%x, %c)
          return %0
        }""",
    )
