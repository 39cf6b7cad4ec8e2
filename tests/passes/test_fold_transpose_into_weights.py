from graphopt.passes.fold_transpose_into_weights import FoldTransposeIntoWeights
from graphopt.testing import check_pass


def test_reorders_rows() -> None:
    check_pass(
        FoldTransposeIntoWeights(),
        before="""
        graph g(%x: f32[2,2,1,2]) {
          %w: f32[4,1] = constant([[1.0], [2.0], [3.0], [4.0]])
          %0: f32[2,2,2,1] = transpose(%x) {perm = (0, 3, 1, 2)}
          %1: f32[2,4] = reshape(%0) {shape = (2, 4)}
          %2: f32[2,1] = matmul(%1, %w)
          return %2
        }""",
        after="""
        graph g(%x: f32[2,2,1,2]) {
          %2.1: f32[4,1] = constant([[1.0], [3.0], [2.0], [4.0]])
          %2.0: f32[2,4] = reshape(%x) {shape = (2, 4)}
          %2: f32[2,1] = matmul(%2.0, %2.1)
          return %2
        }""",
    )


def test_keeps_a_transpose_of_the_batch() -> None:
    check_pass(
        FoldTransposeIntoWeights(),
        before="""
        graph g(%x: f32[2,2,2]) {
          %w: f32[4,1] = constant([[1.0], [2.0], [3.0], [4.0]])
          %0: f32[2,2,2] = transpose(%x) {perm = (1, 0, 2)}
          %1: f32[2,4] = reshape(%0) {shape = (2, 4)}
          %2: f32[2,1] = matmul(%1, %w)
          return %2
        }""",
    )


def test_keeps_a_reshape_with_a_second_use() -> None:
    check_pass(
        FoldTransposeIntoWeights(),
        before="""
        graph g(%x: f32[2,2,1,2]) {
          %w: f32[4,1] = constant([[1.0], [2.0], [3.0], [4.0]])
          %0: f32[2,2,2,1] = transpose(%x) {perm = (0, 3, 1, 2)}
          %1: f32[2,4] = reshape(%0) {shape = (2, 4)}
          %2: f32[2,1] = matmul(%1, %w)
          return %2, %1
        }""",
    )
