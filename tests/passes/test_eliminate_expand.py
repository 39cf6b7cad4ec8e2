from graphopt.passes.eliminate_expand import EliminateExpand
from graphopt.testing import check_pass


def test_operator_broadcasts_by_itself() -> None:
    check_pass(
        EliminateExpand(),
        before="""
        graph g(%x: f32[1,3], %y: f32[2,3]) {
          %0: f32[2,3] = expand(%x) {shape = (2, 3)}
          %1: f32[2,3] = sub(%y, %0)
          return %1
        }""",
        after="""
        graph g(%x: f32[1,3], %y: f32[2,3]) {
          %1: f32[2,3] = sub(%y, %x)
          return %1
        }""",
    )


def test_third_input_and_second_use() -> None:
    check_pass(
        EliminateExpand(),
        before="""
        graph g(%c: bool[2,3], %x: f32[1,3], %y: f32[2,3]) {
          %0: f32[2,3] = expand(%x) {shape = (2, 3)}
          %1: f32[2,3] = where(%c, %y, %0)
          return %1, %0
        }""",
        after="""
        graph g(%c: bool[2,3], %x: f32[1,3], %y: f32[2,3]) {
          %0: f32[2,3] = expand(%x) {shape = (2, 3)}
          %1: f32[2,3] = where(%c, %y, %x)
          return %1, %0
        }""",
    )


def test_keeps_an_expand_that_decides_the_size() -> None:
    check_pass(
        EliminateExpand(),
        before="""
        graph g(%x: f32[1,3], %y: f32[3]) {
          %0: f32[2,3] = expand(%x) {shape = (2, 3)}
          %1: f32[2,3] = add(%0, %y)
          return %1
        }""",
    )
