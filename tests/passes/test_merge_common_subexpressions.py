from graphopt.passes.merge_common_subexpressions import MergeCommonSubexpressions
from graphopt.testing import check_pass


def test_nodes_constants_and_their_readers() -> None:
    check_pass(
        MergeCommonSubexpressions(),
        before="""
        graph g(%x: f32[2]) {
          %c: f32[2] = constant([1.0, 2.0])
          %d: f32[2] = constant([1.0, 2.0])
          %0: f32[2] = add(%x, %c)
          %1: f32[2] = add(%d, %x)
          %2: f32[2] = exp(%0)
          %3: f32[2] = exp(%1)
          %4: f32[2] = sub(%2, %3)
          return %4, %1
        }""",
        after="""
        graph g(%x: f32[2]) {
          %c: f32[2] = constant([1.0, 2.0])
          %0: f32[2] = add(%x, %c)
          %2: f32[2] = exp(%0)
          %4: f32[2] = sub(%2, %2)
          return %4, %0 as 1
        }""",
    )


def test_keeps_other_orders_attributes_and_types() -> None:
    check_pass(
        MergeCommonSubexpressions(),
        before="""
        graph g(%x: f32[2], %y: f32[2]) {
          %c: f32[2] = constant([1.0, 2.0])
          %d: f32[2] = constant([1.0, 3.0])
          %e: f32[1,2] = constant([[1.0, 2.0]])
          %0: f32[2] = sub(%x, %y)
          %1: f32[2] = sub(%y, %x)
          %2: f32[2] = leaky_relu(%0)
          %3: f32[2] = leaky_relu(%0) {alpha = 0.5}
          %4: f32[2] = add(%1, %c)
          %5: f32[2] = add(%2, %d)
          %6: f32[1,2] = add(%3, %e)
          return %4, %5, %6
        }""",
    )
