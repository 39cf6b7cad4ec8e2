from graphopt.passes.distribute_scale import DistributeScale
from graphopt.testing import check_pass


def test_reaches_the_product() -> None:
    check_pass(
        DistributeScale(),
        before="""
        graph g(%x: f32[3,2]) {
          %w: f32[2,2] = constant([[1.0, 2.0], [3.0, 4.0]])
          %c: f32[2] = constant([1.0, -1.0])
          %s: f32[] = constant(0.5)
          %0: f32[3,2] = matmul(%x, %w)
          %1: f32[3,2] = add(%c, %0)
          %2: f32[3,2] = mul(%1, %s)
          return %2
        }""",
        after="""
        graph g(%x: f32[3,2]) {
          %w: f32[2,2] = constant([[1.0, 2.0], [3.0, 4.0]])
          %s: f32[] = constant(0.5)
          %2.1: f32[2] = constant([0.5, -0.5])
          %0: f32[3,2] = matmul(%x, %w)
          %2.0: f32[3,2] = mul(%0, %s)
          %2: f32[3,2] = add(%2.0, %2.1)
          return %2
        }""",
    )


def test_keeps_a_product_of_two_computed_values() -> None:
    check_pass(
        DistributeScale(),
        before="""
        graph g(%x: f32[3,2], %w: f32[2,2]) {
          %c: f32[2] = constant([1.0, -1.0])
          %s: f32[] = constant(0.5)
          %0: f32[3,2] = matmul(%x, %w)
          %1: f32[3,2] = add(%0, %c)
          %2: f32[3,2] = mul(%1, %s)
          return %2
        }""",
    )


def test_keeps_an_addend_per_row() -> None:
    check_pass(
        DistributeScale(),
        before="""
        graph g(%x: f32[2,2]) {
          %w: f32[2,2] = constant([[1.0, 2.0], [3.0, 4.0]])
          %c: f32[2,1] = constant([[1.0], [-1.0]])
          %s: f32[] = constant(0.5)
          %0: f32[2,2] = matmul(%x, %w)
          %1: f32[2,2] = add(%0, %c)
          %2: f32[2,2] = mul(%1, %s)
          return %2
        }""",
    )


def test_keeps_a_sum_with_a_second_use() -> None:
    check_pass(
        DistributeScale(),
        before="""
        graph g(%x: f32[3,2]) {
          %w: f32[2,2] = constant([[1.0, 2.0], [3.0, 4.0]])
          %c: f32[2] = constant([1.0, -1.0])
          %s: f32[] = constant(0.5)
          %0: f32[3,2] = matmul(%x, %w)
          %1: f32[3,2] = add(%0, %c)
          %2: f32[3,2] = mul(%1, %s)
          return %2, %1
        }""",
    )
