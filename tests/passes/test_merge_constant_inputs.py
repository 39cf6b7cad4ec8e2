from graphopt.passes.merge_constant_inputs import MergeConstantInputs
from graphopt.testing import check_pass


def test_sums_and_products() -> None:
    check_pass(
        MergeConstantInputs(),
        before="""
        graph g(%x: f32[2]) {
          %a: f32[2] = constant([1.0, 2.0])
          %b: f32[] = constant(3.0)
          %0: f32[2] = add(%x, %a)
          %1: f32[2] = add(%b, %0)
          %2: f32[2] = mul(%1, %a)
          %3: f32[2] = mul(%2, %b)
          return %3
        }""",
        after="""
        graph g(%x: f32[2]) {
          %1.0: f32[2] = constant([4.0, 5.0])
          %3.0: f32[2] = constant([3.0, 6.0])
          %1: f32[2] = add(%x, %1.0)
          %3: f32[2] = mul(%1, %3.0)
          return %3
        }""",
    )


def test_keeps_a_sum_with_a_second_use() -> None:
    check_pass(
        MergeConstantInputs(),
        before="""
        graph g(%x: f32[2]) {
          %a: f32[2] = constant([1.0, 2.0])
          %0: f32[2] = add(%x, %a)
          %1: f32[2] = add(%0, %a)
          return %0, %1
        }""",
    )


def test_keeps_integers_and_products_that_overflow() -> None:
    check_pass(
        MergeConstantInputs(),
        before="""
        graph g(%x: f32[2], %n: i8[2]) {
          %a: f32[] = constant(9.999999680285692e+37)
          %b: f32[] = constant(16.0)
          %c: i8[] = constant(100)
          %0: f32[2] = mul(%x, %a)
          %1: f32[2] = mul(%0, %b)
          %2: i8[2] = add(%n, %c)
          %3: i8[2] = add(%2, %c)
          return %1, %3
        }""",
    )


def test_keeps_constants_along_different_axes() -> None:
    check_pass(
        MergeConstantInputs(),
        before="""
        graph g(%x: f32[2,2]) {
          %a: f32[2] = constant([1.0, 2.0])
          %b: f32[2,1] = constant([[1.0], [2.0]])
          %0: f32[2,2] = mul(%x, %a)
          %1: f32[2,2] = mul(%0, %b)
          return %1
        }""",
    )
