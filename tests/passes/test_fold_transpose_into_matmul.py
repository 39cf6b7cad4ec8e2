from graphopt.passes.fold_transpose_into_matmul import FoldTransposeIntoMatmul
from graphopt.testing import check_pass


def test_reads_b_transposed() -> None:
    check_pass(
        FoldTransposeIntoMatmul(),
        before="""
        graph g(%a: f32[2,3], %b: f32[4,3]) {
          %0: f32[3,4] = transpose(%b) {perm = (1, 0)}
          %1: f32[2,4] = matmul(%a, %0)
          return %1
        }""",
        after="""
        graph g(%a: f32[2,3], %b: f32[4,3]) {
          %1: f32[2,4] = matmul(%a, %b) {transpose_b = True}
          return %1
        }""",
    )


def test_leaves_a_transpose_of_rows() -> None:
    check_pass(
        FoldTransposeIntoMatmul(),
        before="""
        graph g(%q: f32[1,2,5,3], %k: f32[1,5,2,3]) {
          %0: f32[1,2,3,5] = transpose(%k) {perm = (0, 2, 3, 1)}
          %1: f32[1,2,5,5] = matmul(%q, %0)
          return %1, %0
        }""",
        after="""
        graph g(%q: f32[1,2,5,3], %k: f32[1,5,2,3]) {
          %0: f32[1,2,3,5] = transpose(%k) {perm = (0, 2, 3, 1)}
          %1.0: f32[1,2,5,3] = transpose(%k) {perm = (0, 2, 1, 3)}
          %1: f32[1,2,5,5] = matmul(%q, %1.0) {transpose_b = True}
          return %1, %0
        }""",
    )


def test_stores_weights_as_they_are_read() -> None:
    check_pass(
        FoldTransposeIntoMatmul(),
        before="""
        graph g(%a: f32[3,2]) {
          %w: f32[2,2] = constant([[1.0, 2.0], [3.0, 4.0]])
          %0: f32[3,2] = matmul(%a, %w) {transpose_b = True}
          return %0
        }""",
        after="""
        graph g(%a: f32[3,2]) {
          %0.0: f32[2,2] = constant([[1.0, 3.0], [2.0, 4.0]])
          %0: f32[3,2] = matmul(%a, %0.0)
          return %0
        }""",
    )


def test_keeps_a_transpose_of_rows_alone() -> None:
    check_pass(
        FoldTransposeIntoMatmul(),
        before="""
        graph g(%a: f32[1,2,4,5], %b: f32[1,5,2,3]) {
          %0: f32[1,2,5,3] = transpose(%b) {perm = (0, 2, 1, 3)}
          %1: f32[1,2,4,3] = matmul(%a, %0)
          return %1
        }""",
    )
