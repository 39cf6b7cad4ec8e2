# ruff: noqa: E501 (graph text)
from graphopt.passes.fold_input_bias import FoldInputBias
from graphopt.testing import check_pass


def test_adds_to_the_bias_of_a_grouped_convolution() -> None:
    check_pass(
        FoldInputBias(),
        before="""
        graph g(%x: f32[1,2,3]) {
          %c: f32[2,1] = constant([[2.0], [3.0]])
          %w: f32[4,1,2] = constant([[[1.0, 2.0]], [[3.0, 4.0]], [[5.0, 6.0]], [[7.0, 8.0]]])
          %b: f32[4] = constant([1.0, 2.0, 3.0, 4.0])
          %0: f32[1,2,3] = add(%x, %c)
          %1: f32[1,4,2] = conv(%0, %w, %b) {strides = (1,), pads = (0, 0), dilations = (1,), groups = 2}
          return %1
        }""",
        after="""
        graph g(%x: f32[1,2,3]) {
          %w: f32[4,1,2] = constant([[[1.0, 2.0]], [[3.0, 4.0]], [[5.0, 6.0]], [[7.0, 8.0]]])
          %1.0: f32[4] = constant([7.0, 16.0, 36.0, 49.0])
          %1: f32[1,4,2] = conv(%x, %w, %1.0) {strides = (1,), pads = (0, 0), dilations = (1,), groups = 2}
          return %1
        }""",
    )


def test_adds_behind_matmuls() -> None:
    check_pass(
        FoldInputBias(),
        before="""
        graph g(%x: f32[3,2]) {
          %c: f32[2] = constant([2.0, 3.0])
          %w: f32[2,1] = constant([[1.0], [2.0]])
          %v: f32[1,2] = constant([[3.0, 4.0]])
          %0: f32[3,2] = add(%x, %c)
          %1: f32[3,1] = matmul(%0, %w)
          %2: f32[3,1] = matmul(%0, %v) {transpose_b = True}
          return %1, %2
        }""",
        after="""
        graph g(%x: f32[3,2]) {
          %w: f32[2,1] = constant([[1.0], [2.0]])
          %v: f32[1,2] = constant([[3.0, 4.0]])
          %1.1: f32[1] = constant([8.0])
          %2.1: f32[1] = constant([18.0])
          %1.0: f32[3,1] = matmul(%x, %w)
          %1: f32[3,1] = add(%1.0, %1.1)
          %2.0: f32[3,1] = matmul(%x, %v) {transpose_b = True}
          %2: f32[3,1] = add(%2.0, %2.1)
          return %1, %2
        }""",
    )


def test_keeps_an_addition_before_padding() -> None:
    check_pass(
        FoldInputBias(),
        before="""
        graph g(%x: f32[1,1,3]) {
          %c: f32[] = constant(1.0)
          %w: f32[1,1,2] = constant([[[1.0, 2.0]]])
          %0: f32[1,1,3] = add(%x, %c)
          %1: f32[1,1,4] = conv(%0, %w) {strides = (1,), pads = (1, 1), dilations = (1,)}
          return %1
        }""",
    )


def test_keeps_a_sum_that_another_operator_reads() -> None:
    check_pass(
        FoldInputBias(),
        before="""
        graph g(%x: f32[3,2]) {
          %c: f32[2] = constant([2.0, 3.0])
          %w: f32[2,1] = constant([[1.0], [2.0]])
          %0: f32[3,2] = add(%x, %c)
          %1: f32[3,1] = matmul(%0, %w)
          %2: f32[3,2] = exp(%0)
          return %1, %2
        }""",
    )
