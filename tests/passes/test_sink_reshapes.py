from graphopt.passes.sink_reshapes import SinkReshapes
from graphopt.testing import check_pass


def test_past_unary_operators() -> None:
    check_pass(
        SinkReshapes(),
        before="""
        graph g(%x: f32[2,6]) {
          %0: f32[3,4] = reshape(%x) {shape = (3, 4)}
          %1: f32[3,4] = relu(%0)
          %2: bool[3,4] = is_nan(%1)
          return %2
        }""",
        after="""
        graph g(%x: f32[2,6]) {
          %1.0: f32[2,6] = relu(%x)
          %2.0: bool[2,6] = is_nan(%1.0)
          %2: bool[3,4] = reshape(%2.0) {shape = (3, 4)}
          return %2
        }""",
    )


def test_with_constants_and_small_tensors() -> None:
    check_pass(
        SinkReshapes(),
        before="""
        graph g(%x: f32[6,4]) {
          %c: f32[4] = constant([1.0, 2.0, 3.0, 4.0])
          %0: f32[1,6,4] = reshape(%x) {shape = (1, 6, 4)}
          %1: f32[1,6,4] = add(%c, %0)
          return %1
        }""",
        after="""
        graph g(%x: f32[6,4]) {
          %1.0: f32[1,4] = constant([[1.0, 2.0, 3.0, 4.0]])
          %1.1: f32[6,4] = add(%1.0, %x)
          %1: f32[1,6,4] = reshape(%1.1) {shape = (1, 6, 4)}
          return %1
        }""",
    )


def test_with_a_small_computed_tensor() -> None:
    check_pass(
        SinkReshapes(),
        before="""
        graph g(%x: f32[2,3,4], %y: f32[2,1]) {
          %0: f32[2,12] = reshape(%x) {shape = (2, 12)}
          %1: f32[2,12] = mul(%0, %y)
          return %1
        }""",
        after="""
        graph g(%x: f32[2,3,4], %y: f32[2,1]) {
          %1.0: f32[2,1,1] = reshape(%y) {shape = (2, 1, 1)}
          %1.1: f32[2,3,4] = mul(%x, %1.0)
          %1: f32[2,12] = reshape(%1.1) {shape = (2, 12)}
          return %1
        }""",
    )


def test_of_both_inputs_and_of_one_that_adds_ones() -> None:
    check_pass(
        SinkReshapes(),
        before="""
        graph g(%x: f32[2,6], %y: f32[2,6], %z: f32[1,3,4]) {
          %0: f32[3,4] = reshape(%x) {shape = (3, 4)}
          %1: f32[3,4] = reshape(%y) {shape = (3, 4)}
          %2: f32[3,4] = sub(%0, %1)
          %3: f32[3,4] = exp(%2)
          %4: f32[1,3,4] = reshape(%3) {shape = (1, 3, 4)}
          %5: f32[1,3,4] = add(%z, %4)
          return %5
        }""",
        after="""
        graph g(%x: f32[2,6], %y: f32[2,6], %z: f32[1,3,4]) {
          %2.0: f32[2,6] = sub(%x, %y)
          %3.0: f32[2,6] = exp(%2.0)
          %3: f32[3,4] = reshape(%3.0) {shape = (3, 4)}
          %5.0: f32[3,4] = reshape(%z) {shape = (3, 4)}
          %5.1: f32[3,4] = add(%5.0, %3)
          %5: f32[1,3,4] = reshape(%5.1) {shape = (1, 3, 4)}
          return %5
        }""",
    )


def test_keeps_a_constant_across_what_is_merged() -> None:
    check_pass(
        SinkReshapes(),
        before="""
        graph g(%x: f32[2,6]) {
          %c: f32[4] = constant([1.0, 2.0, 3.0, 4.0])
          %0: f32[3,4] = reshape(%x) {shape = (3, 4)}
          %1: f32[3,4] = add(%0, %c)
          return %1
        }""",
    )


def test_keeps_a_reshape_that_broadcasts_or_meets_a_large_tensor() -> None:
    check_pass(
        SinkReshapes(),
        before="""
        graph g(%x: f32[3,1], %y: f32[2,3], %z: f32[2,6], %w: f32[3,4]) {
          %0: f32[3] = reshape(%x) {shape = (3,)}
          %1: f32[2,3] = add(%0, %y)
          %2: f32[3,4] = reshape(%z) {shape = (3, 4)}
          %3: f32[3,4] = add(%2, %w)
          return %1, %3
        }""",
    )


def test_keeps_a_reshape_with_a_second_use() -> None:
    check_pass(
        SinkReshapes(),
        before="""
        graph g(%x: f32[2,6]) {
          %0: f32[3,4] = reshape(%x) {shape = (3, 4)}
          %1: f32[3,4] = relu(%0)
          return %1, %0
        }""",
    )


def test_past_tables() -> None:
    check_pass(
        SinkReshapes(),
        before="""
        graph g(%x: u4[2,6], %t: i8[16]) {
          %0: u4[3,4] = reshape(%x) {shape = (3, 4)}
          %1: i8[3,4] = lookup(%0, %t)
          return %1
        }""",
        after="""
        graph g(%x: u4[2,6], %t: i8[16]) {
          %1.0: i8[2,6] = lookup(%x, %t)
          %1: i8[3,4] = reshape(%1.0) {shape = (3, 4)}
          return %1
        }""",
    )
