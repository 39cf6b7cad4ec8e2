# ruff: noqa: E501 (graph text)
from graphopt.passes.fold_input_scale import FoldInputScale
from graphopt.testing import check_pass


def test_scales_the_inputs_of_a_padded_grouped_convolution() -> None:
    check_pass(
        FoldInputScale(),
        before="""
        graph g(%x: f32[1,2,3]) {
          %s: f32[2,1] = constant([[2.0], [3.0]])
          %w: f32[4,1,2] = constant([[[1.0, 2.0]], [[3.0, 4.0]], [[5.0, 6.0]], [[7.0, 8.0]]])
          %b: f32[4] = constant([1.0, 2.0, 3.0, 4.0])
          %0: f32[1,2,3] = mul(%x, %s)
          %1: f32[1,4,4] = conv(%0, %w, %b) {strides = (1,), pads = (1, 1), dilations = (1,), groups = 2}
          return %1
        }""",
        after="""
        graph g(%x: f32[1,2,3]) {
          %b: f32[4] = constant([1.0, 2.0, 3.0, 4.0])
          %1.0: f32[4,1,2] = constant([[[2.0, 4.0]], [[6.0, 8.0]], [[15.0, 18.0]], [[21.0, 24.0]]])
          %1: f32[1,4,4] = conv(%x, %1.0, %b) {strides = (1,), pads = (1, 1), dilations = (1,), groups = 2}
          return %1
        }""",
    )


def test_folds_into_all_readers() -> None:
    check_pass(
        FoldInputScale(),
        before="""
        graph g(%x: f32[3,2]) {
          %s: f32[2] = constant([2.0, 3.0])
          %w: f32[2,1] = constant([[1.0], [2.0]])
          %v: f32[1,2] = constant([[1.0, 2.0]])
          %0: f32[3,2] = mul(%x, %s)
          %1: f32[3,1] = matmul(%0, %w)
          %2: f32[3,1] = matmul(%0, %v) {transpose_b = True}
          return %1, %2
        }""",
        after="""
        graph g(%x: f32[3,2]) {
          %1.0: f32[2,1] = constant([[2.0], [6.0]])
          %2.0: f32[1,2] = constant([[2.0, 6.0]])
          %1: f32[3,1] = matmul(%x, %1.0)
          %2: f32[3,1] = matmul(%x, %2.0) {transpose_b = True}
          return %1, %2
        }""",
    )


def test_keeps_a_factor_that_another_operator_reads() -> None:
    check_pass(
        FoldInputScale(),
        before="""
        graph g(%x: f32[3,2]) {
          %s: f32[2] = constant([2.0, 3.0])
          %w: f32[2,1] = constant([[1.0], [2.0]])
          %0: f32[3,2] = mul(%x, %s)
          %1: f32[3,1] = matmul(%0, %w)
          %2: f32[3,2] = relu(%0)
          return %1, %2
        }""",
    )


def test_keeps_a_factor_that_is_an_output() -> None:
    check_pass(
        FoldInputScale(),
        before="""
        graph g(%x: f32[3,2]) {
          %s: f32[2] = constant([2.0, 3.0])
          %w: f32[2,1] = constant([[1.0], [2.0]])
          %0: f32[3,2] = mul(%x, %s)
          %1: f32[3,1] = matmul(%0, %w)
          return %1, %0
        }""",
    )


def test_keeps_a_factor_per_row() -> None:
    check_pass(
        FoldInputScale(),
        before="""
        graph g(%x: f32[2,2]) {
          %s: f32[2,1] = constant([[2.0], [3.0]])
          %w: f32[2,1] = constant([[1.0], [2.0]])
          %0: f32[2,2] = mul(%x, %s)
          %1: f32[2,1] = matmul(%0, %w)
          return %1
        }""",
    )
