from graphopt.passes.fold_scale_into_matmul import FoldScaleIntoMatmul
from graphopt.testing import check_pass


def test_scales_columns() -> None:
    check_pass(
        FoldScaleIntoMatmul(),
        before="""
        graph g(%x: f32[3,2]) {
          %w: f32[2,2] = constant([[1.0, 2.0], [3.0, 4.0]])
          %s: f32[2] = constant([2.0, 3.0])
          %0: f32[3,2] = matmul(%x, %w)
          %1: f32[3,2] = mul(%0, %s)
          return %1
        }""",
        after="""
        graph g(%x: f32[3,2]) {
          %1.0: f32[2,2] = constant([[2.0, 6.0], [6.0, 12.0]])
          %1: f32[3,2] = matmul(%x, %1.0)
          return %1
        }""",
    )


def test_scales_rows_of_transposed_weights() -> None:
    check_pass(
        FoldScaleIntoMatmul(),
        before="""
        graph g(%x: f32[1,3,2]) {
          %w: f32[2,2] = constant([[1.0, 2.0], [3.0, 4.0]])
          %s: f32[2] = constant([2.0, 3.0])
          %0: f32[1,3,2] = matmul(%x, %w) {transpose_b = True}
          %1: f32[1,3,2] = mul(%0, %s)
          return %1
        }""",
        after="""
        graph g(%x: f32[1,3,2]) {
          %1.0: f32[2,2] = constant([[2.0, 4.0], [9.0, 12.0]])
          %1: f32[1,3,2] = matmul(%x, %1.0) {transpose_b = True}
          return %1
        }""",
    )


def test_keeps_a_factor_per_row() -> None:
    check_pass(
        FoldScaleIntoMatmul(),
        before="""
        graph g(%x: f32[2,2]) {
          %w: f32[2,2] = constant([[1.0, 2.0], [3.0, 4.0]])
          %s: f32[2,1] = constant([[2.0], [3.0]])
          %0: f32[2,2] = matmul(%x, %w)
          %1: f32[2,2] = mul(%0, %s)
          return %1
        }""",
    )


def test_keeps_a_product_with_a_second_use() -> None:
    check_pass(
        FoldScaleIntoMatmul(),
        before="""
        graph g(%x: f32[3,2]) {
          %w: f32[2,2] = constant([[1.0, 2.0], [3.0, 4.0]])
          %s: f32[2] = constant([2.0, 3.0])
          %0: f32[3,2] = matmul(%x, %w)
          %1: f32[3,2] = mul(%0, %s)
          %2: f32[3,2] = add(%0, %1)
          return %2
        }""",
    )


def test_keeps_exact_sums_that_are_quantized() -> None:
    check_pass(
        FoldScaleIntoMatmul(),
        before="""
        graph g(%x: f32[3,2]) {
          %w: f32[2,2] = constant([[1.0, 2.0], [3.0, 4.0]])
          %s: f32[] = constant(0.25)
          %one: f32[] = constant(1.0)
          %z: u8[] = constant(7)
          %0: f32[3,2] = matmul(%x, %w)
          %1: f32[3,2] = mul(%0, %s)
          %2: u8[3,2] = quantize(%1, %one, %z)
          return %2
        }""",
    )
