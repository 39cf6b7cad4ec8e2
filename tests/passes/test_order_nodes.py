from graphopt.passes.order_nodes import OrderNodes
from graphopt.testing import check_pass


def test_a_branch_runs_to_its_end_before_the_next_one() -> None:
    check_pass(
        OrderNodes(),
        before="""
        graph g(%x: f32[1,8]) {
          %a: f32[64,8] = expand(%x) {shape = (64, 8)}
          %b: f32[64,8] = expand(%x) {shape = (64, 8)}
          %c: f32[8] = reduce(%a) {kind = 'max', axes = (0,)}
          %d: f32[8] = reduce(%b) {kind = 'max', axes = (0,)}
          %y: f32[8] = add(%c, %d)
          return %y
        }""",
        after="""
        graph g(%x: f32[1,8]) {
          %a: f32[64,8] = expand(%x) {shape = (64, 8)}
          %c: f32[8] = reduce(%a) {kind = 'max', axes = (0,)}
          %b: f32[64,8] = expand(%x) {shape = (64, 8)}
          %d: f32[8] = reduce(%b) {kind = 'max', axes = (0,)}
          %y: f32[8] = add(%c, %d)
          return %y
        }""",
    )


def test_an_order_that_gains_nothing_is_kept() -> None:
    check_pass(
        OrderNodes(),
        before="""
        graph g(%x: f32[4], %y: f32[4]) {
          %a: f32[4] = relu(%x)
          %b: f32[4] = relu(%y)
          %c: f32[4] = add(%b, %a)
          return %c
        }""",
    )
