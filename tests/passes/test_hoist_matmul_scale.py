from graphopt.passes.hoist_matmul_scale import HoistMatmulScale
from graphopt.testing import check_pass


def test_scales_the_query() -> None:
    check_pass(
        HoistMatmulScale(),
        before="""
        graph g(%q: f32[1,4,2], %k: f32[1,4,2]) {
          %s: f32[1,1,1] = constant([[[0.5]]])
          %0: f32[1,4,4] = matmul(%q, %k) {transpose_b = True}
          %1: f32[1,4,4] = mul(%0, %s)
          return %1
        }""",
        after="""
        graph g(%q: f32[1,4,2], %k: f32[1,4,2]) {
          %1.0: f32[] = constant(0.5)
          %1.1: f32[1,4,2] = mul(%q, %1.0)
          %1: f32[1,4,4] = matmul(%1.1, %k) {transpose_b = True}
          return %1
        }""",
    )


def test_keeps_the_factor_on_a_smaller_product() -> None:
    check_pass(
        HoistMatmulScale(),
        before="""
        graph g(%q: f32[2,4], %k: f32[4,2]) {
          %s: f32[] = constant(0.5)
          %0: f32[2,2] = matmul(%q, %k)
          %1: f32[2,2] = mul(%0, %s)
          return %1
        }""",
    )


def test_keeps_several_factors() -> None:
    check_pass(
        HoistMatmulScale(),
        before="""
        graph g(%q: f32[4,2], %k: f32[2,4]) {
          %s: f32[4] = constant([0.5, 1.0, 2.0, 4.0])
          %0: f32[4,4] = matmul(%q, %k)
          %1: f32[4,4] = mul(%0, %s)
          return %1
        }""",
    )


def test_keeps_a_product_with_a_second_use() -> None:
    check_pass(
        HoistMatmulScale(),
        before="""
        graph g(%q: f32[4,2], %k: f32[2,4]) {
          %s: f32[] = constant(0.5)
          %0: f32[4,4] = matmul(%q, %k)
          %1: f32[4,4] = mul(%0, %s)
          return %1, %0
        }""",
    )
