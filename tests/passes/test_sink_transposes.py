from graphopt.passes.sink_transposes import SinkTransposes
from graphopt.testing import check_pass


def test_past_elementwise_and_pad_and_slice() -> None:
    check_pass(
        SinkTransposes(),
        before="""
        graph g(%x: f32[2,3,4]) {
          %0: f32[4,2,3] = transpose(%x) {perm = (2, 0, 1)}
          %1: f32[4,2,3] = relu(%0)
          %2: f32[5,2,5] = pad(%1) {pads = (1, 0, 2, 0, 0, 0)}
          %3: f32[2,1,3] = slice(%2) {starts = (4, 1, 0), sizes = (2, 1, 3), steps = (-3, 1, 2)}
          return %3
        }""",
        after="""
        graph g(%x: f32[2,3,4]) {
          %1.0: f32[2,3,4] = relu(%x)
          %2.0: f32[2,5,5] = pad(%1.0) {pads = (0, 2, 1, 0, 0, 0)}
          %3.0: f32[1,3,2] = slice(%2.0) {starts = (1, 0, 4), sizes = (1, 3, 2), steps = (1, 2, -3)}
          %3: f32[2,1,3] = transpose(%3.0) {perm = (2, 0, 1)}
          return %3
        }""",
    )


def test_past_reductions() -> None:
    check_pass(
        SinkTransposes(),
        before="""
        graph g(%x: f32[2,3,4], %y: f32[2,3,4]) {
          %0: f32[4,2,3] = transpose(%x) {perm = (2, 0, 1)}
          %1: f32[4,3] = reduce(%0) {kind = 'sum', axes = (1,)}
          %2: f32[4,2,3] = transpose(%y) {perm = (2, 0, 1)}
          %3: f32[4,2,3] = softmax(%2) {axis = 0}
          %4: f32[4,2,3] = layer_norm(%3) {axes = (0, 1)}
          %5: i64[2,3] = arg_reduce(%4) {kind = 'max', axis = 0}
          return %1, %5
        }""",
        after="""
        graph g(%x: f32[2,3,4], %y: f32[2,3,4]) {
          %1.0: f32[3,4] = reduce(%x) {kind = 'sum', axes = (0,)}
          %1: f32[4,3] = transpose(%1.0) {perm = (1, 0)}
          %3.0: f32[2,3,4] = softmax(%y) {axis = 2}
          %4.0: f32[2,3,4] = layer_norm(%3.0) {axes = (0, 2)}
          %5: i64[2,3] = arg_reduce(%4.0) {kind = 'max', axis = 2}
          return %1, %5
        }""",
    )


def test_past_quantization_per_channel() -> None:
    check_pass(
        SinkTransposes(),
        before="""
        graph g(%x: f32[2,3]) {
          %s: f32[3] = constant([0.5, 1.0, 2.0])
          %z: i8[3] = constant([0, 1, 2])
          %0: f32[3,2] = transpose(%x) {perm = (1, 0)}
          %1: i8[3,2] = quantize(%0, %s, %z) {axis = 0}
          return %1
        }""",
        after="""
        graph g(%x: f32[2,3]) {
          %s: f32[3] = constant([0.5, 1.0, 2.0])
          %z: i8[3] = constant([0, 1, 2])
          %1.0: i8[2,3] = quantize(%x, %s, %z) {axis = 1}
          %1: i8[3,2] = transpose(%1.0) {perm = (1, 0)}
          return %1
        }""",
    )


def test_past_all_readers() -> None:
    check_pass(
        SinkTransposes(),
        before="""
        graph g(%x: f32[2,3]) {
          %0: f32[3,2] = transpose(%x) {perm = (1, 0)}
          %1: f32[3,2] = exp(%0)
          %2: f32[3,2] = neg(%0)
          return %1, %2
        }""",
        after="""
        graph g(%x: f32[2,3]) {
          %1.0: f32[2,3] = exp(%x)
          %1: f32[3,2] = transpose(%1.0) {perm = (1, 0)}
          %2.0: f32[2,3] = neg(%x)
          %2: f32[3,2] = transpose(%2.0) {perm = (1, 0)}
          return %1, %2
        }""",
    )


def test_keeps_a_transpose_that_another_operator_needs() -> None:
    check_pass(
        SinkTransposes(),
        before="""
        graph g(%x: f32[2,3], %y: f32[2,4]) {
          %0: f32[3,2] = transpose(%x) {perm = (1, 0)}
          %1: f32[3,2] = exp(%0)
          %2: f32[3,4] = matmul(%0, %y)
          return %1, %2
        }""",
    )


def test_keeps_a_transpose_that_is_an_output() -> None:
    check_pass(
        SinkTransposes(),
        before="""
        graph g(%x: f32[2,3]) {
          %0: f32[3,2] = transpose(%x) {perm = (1, 0)}
          %1: f32[3,2] = exp(%0)
          return %1, %0
        }""",
    )


def test_past_tables() -> None:
    check_pass(
        SinkTransposes(),
        before="""
        graph g(%x: u4[2,3,4], %t: i8[16]) {
          %0: u4[4,2,3] = transpose(%x) {perm = (2, 0, 1)}
          %1: i8[4,2,3] = lookup(%0, %t)
          return %1
        }""",
        after="""
        graph g(%x: u4[2,3,4], %t: i8[16]) {
          %1.0: i8[2,3,4] = lookup(%x, %t)
          %1: i8[4,2,3] = transpose(%1.0) {perm = (2, 0, 1)}
          return %1
        }""",
    )


def test_past_readers_that_also_read_numbers_of_one_axis() -> None:
    check_pass(
        SinkTransposes(),
        before="""
        graph g(%x: f32[1,2,3,4], %g: f32[4]) {
          %0: f32[1,4,2,3] = transpose(%x) {perm = (0, 3, 1, 2)}
          %1: f32[1,4,1,1] = reduce(%0) {kind = 'sum', axes = (2, 3), keepdims = True}
          %2: f32[1,4,1,1] = reshape(%g) {shape = (1, 4, 1, 1)}
          %3: f32[1,4,2,3] = mul(%0, %2)
          return %1, %3
        }""",
        after="""
        graph g(%x: f32[1,2,3,4], %g: f32[4]) {
          %0: f32[1,4,2,3] = transpose(%x) {perm = (0, 3, 1, 2)}
          %1.0: f32[1,1,1,4] = reduce(%x) {kind = 'sum', axes = (1, 2), keepdims = True}
          %1: f32[1,4,1,1] = transpose(%1.0) {perm = (0, 3, 1, 2)}
          %2: f32[1,4,1,1] = reshape(%g) {shape = (1, 4, 1, 1)}
          %3: f32[1,4,2,3] = mul(%0, %2)
          return %1, %3
        }""",
    )
