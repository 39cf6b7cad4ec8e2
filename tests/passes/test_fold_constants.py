from graphopt.passes.fold_constants import FoldConstants
from graphopt.testing import check_pass


def test_a_chain_and_both_outputs() -> None:
    check_pass(
        FoldConstants(),
        before="""
        graph g(%x: f32[2]) {
          %c: f32[3] = constant([1.0, 3.0, 2.0])
          %0: f32[2], %1: i64[2] = top_k(%c) {k = 2, axis = 0}
          %2: f32[2] = neg(%0)
          %3: f32[2] = add(%x, %2)
          return %3, %1
        }""",
        after="""
        graph g(%x: f32[2]) {
          %1: i64[2] = constant([1, 2])
          %2: f32[2] = constant([-3.0, -2.0])
          %3: f32[2] = add(%x, %2)
          return %3, %1
        }""",
    )


def test_keeps_what_depends_on_an_input() -> None:
    check_pass(
        FoldConstants(),
        before="""
        graph g(%x: f32[2]) {
          %c: f32[2] = constant([1.0, 2.0])
          %0: f32[2] = add(%x, %c)
          return %0
        }""",
    )


def test_keeps_a_constant_that_would_explode() -> None:
    check_pass(
        FoldConstants(),
        before="""
        graph g() {
          %c: f32[1] = constant([1.0])
          %0: f32[1024,1024] = expand(%c) {shape = (1024, 1024)}
          %1: f32[] = reduce(%0) {kind = 'sum', axes = (0, 1)}
          return %1
        }""",
    )
