from graphopt.passes.eliminate_dead_code import EliminateDeadCode
from graphopt.testing import check_pass


def test_drops_nodes_and_constants() -> None:
    check_pass(
        EliminateDeadCode(),
        before="""
        graph g(%x: f32[2]) {
          %c: f32[2] = constant([1.0, 2.0])
          %d: f32[2] = constant([3.0, 4.0])
          %0: f32[2] = add(%x, %c)
          %1: f32[2] = exp(%0)
          %2: f32[2] = neg(%x)
          return %2
        }""",
        after="""
        graph g(%x: f32[2]) {
          %2: f32[2] = neg(%x)
          return %2
        }""",
    )


def test_keeps_a_node_with_one_output_in_use() -> None:
    check_pass(
        EliminateDeadCode(),
        before="""
        graph g(%x: f32[4]) {
          %0: f32[2], %1: i64[2] = top_k(%x) {k = 2, axis = 0}
          return %1
        }""",
    )
