# ruff: noqa: E501 (graph text)
from graphopt.passes.fold_pad_into_pool import FoldPadIntoPool
from graphopt.testing import check_pass


def test_takes_padding_with_the_lowest_number() -> None:
    check_pass(
        FoldPadIntoPool(),
        before="""
        graph g(%x: f32[1,2,4]) {
          %0: f32[1,2,6] = pad(%x) {pads = (0, 0, 1, 0, 0, 1), value = -inf}
          %1: f32[1,2,4] = max_pool(%0) {kernel = (3,), strides = (1,), pads = (0, 0), dilations = (1,)}
          return %1
        }""",
        after="""
        graph g(%x: f32[1,2,4]) {
          %1: f32[1,2,4] = max_pool(%x) {kernel = (3,), strides = (1,), pads = (1, 1), dilations = (1,)}
          return %1
        }""",
    )


def test_takes_zeros_below_values_that_are_not_negative() -> None:
    check_pass(
        FoldPadIntoPool(),
        before="""
        graph g(%x: f32[1,2,4]) {
          %0: f32[1,2,4] = relu(%x)
          %1: f32[1,2,6] = pad(%0) {pads = (0, 0, 1, 0, 0, 1)}
          %2: f32[1,2,4] = max_pool(%1) {kernel = (3,), strides = (1,), pads = (0, 0), dilations = (1,)}
          return %2
        }""",
        after="""
        graph g(%x: f32[1,2,4]) {
          %0: f32[1,2,4] = relu(%x)
          %2: f32[1,2,4] = max_pool(%0) {kernel = (3,), strides = (1,), pads = (1, 1), dilations = (1,)}
          return %2
        }""",
    )


def test_counts_zeros_in_the_mean() -> None:
    check_pass(
        FoldPadIntoPool(),
        before="""
        graph g(%x: f32[1,2,4]) {
          %0: f32[1,2,6] = pad(%x) {pads = (0, 0, 1, 0, 0, 1)}
          %1: f32[1,2,4] = average_pool(%0) {kernel = (3,), strides = (1,), pads = (0, 0), dilations = (1,)}
          return %1
        }""",
        after="""
        graph g(%x: f32[1,2,4]) {
          %1: f32[1,2,4] = average_pool(%x) {kernel = (3,), strides = (1,), pads = (1, 1), dilations = (1,), count_pad = True}
          return %1
        }""",
    )


def test_keeps_zeros_that_could_be_the_maximum() -> None:
    check_pass(
        FoldPadIntoPool(),
        before="""
        graph g(%x: f32[1,2,4]) {
          %0: f32[1,2,6] = pad(%x) {pads = (0, 0, 1, 0, 0, 1)}
          %1: f32[1,2,4] = max_pool(%0) {kernel = (3,), strides = (1,), pads = (0, 0), dilations = (1,)}
          return %1
        }""",
    )


def test_keeps_zeros_that_fill_a_window() -> None:
    check_pass(
        FoldPadIntoPool(),
        before="""
        graph g(%x: f32[1,2,4]) {
          %0: f32[1,2,4] = relu(%x)
          %1: f32[1,2,8] = pad(%0) {pads = (0, 0, 2, 0, 0, 2)}
          %2: f32[1,2,7] = max_pool(%1) {kernel = (2,), strides = (1,), pads = (0, 0), dilations = (1,)}
          return %2
        }""",
    )


def test_keeps_zeros_beside_padding_that_does_not_count() -> None:
    check_pass(
        FoldPadIntoPool(),
        before="""
        graph g(%x: f32[1,2,4]) {
          %0: f32[1,2,6] = pad(%x) {pads = (0, 0, 1, 0, 0, 1)}
          %1: f32[1,2,6] = average_pool(%0) {kernel = (3,), strides = (1,), pads = (1, 1), dilations = (1,)}
          return %1
        }""",
    )


def test_keeps_padding_that_rounding_up_needs() -> None:
    check_pass(
        FoldPadIntoPool(),
        before="""
        graph g(%x: f32[1,1,2]) {
          %0: f32[1,1,4] = pad(%x) {pads = (0, 0, 0, 0, 0, 2)}
          %1: f32[1,1,2] = average_pool(%0) {kernel = (2,), strides = (3,), pads = (0, 0), dilations = (1,), ceil = True}
          return %1
        }""",
    )


def test_keeps_a_pad_with_a_second_use() -> None:
    check_pass(
        FoldPadIntoPool(),
        before="""
        graph g(%x: f32[1,2,4]) {
          %0: f32[1,2,6] = pad(%x) {pads = (0, 0, 1, 0, 0, 1)}
          %1: f32[1,2,4] = average_pool(%0) {kernel = (3,), strides = (1,), pads = (0, 0), dilations = (1,)}
          return %0, %1
        }""",
    )


def test_keeps_a_number_that_is_the_lowest_of_another_type() -> None:
    check_pass(
        FoldPadIntoPool(),
        before="""
        graph g(%x: f64[1,2,4]) {
          %0: f64[1,2,6] = pad(%x) {pads = (0, 0, 1, 0, 0, 1), value = -3.4028234663852886e+38}
          %1: f64[1,2,4] = max_pool(%0) {kernel = (3,), strides = (1,), pads = (0, 0), dilations = (1,)}
          return %1
        }""",
    )
