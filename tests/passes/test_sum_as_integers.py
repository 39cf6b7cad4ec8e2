from graphopt.passes.sum_as_integers import SumAsIntegers
from graphopt.testing import check_pass


def test_scales_move_behind_the_sums_of_a_convolution() -> None:
    check_pass(
        SumAsIntegers(),
        before="""
        graph g(%x: u8[1,1,4], %b: f32[2]) {
          %sx: f32[] = constant(0.5)
          %zx: u8[] = constant(3)
          %sw: f32[2] = constant([0.25, 0.125])
          %zw: i8[2] = constant([0, 1])
          %w: i8[2,1,1] = constant([[[5]], [[-4]]])
          %rx: f32[1,1,4] = dequantize(%x, %sx, %zx)
          %rw: f32[2,1,1] = dequantize(%w, %sw, %zw) {axis = 0}
          %y: f32[1,2,4] = conv(%rx, %rw, %b) {strides = (1,), pads = (0, 0), dilations = (1,)}
          return %y
        }""",
        after="""
        graph g(%x: u8[1,1,4], %b: f32[2]) {
          %zx: u8[] = constant(3)
          %y.0: f32[] = constant(1.0)
          %y.2: f32[2,1,1] = constant([[[5.0]], [[-5.0]]])
          %y.4: f32[1,2,1] = constant([[[0.125], [0.0625]]])
          %y.1: f32[1,1,4] = dequantize(%x, %y.0, %zx)
          %y.3: f32[1,2,4] = conv(%y.1, %y.2) {strides = (1,), pads = (0, 0), dilations = (1,)}
          %y.5: f32[1,2,4] = mul(%y.3, %y.4)
          %y.6: f32[1,2,1] = reshape(%b) {shape = (1, 2, 1)}
          %y: f32[1,2,4] = add(%y.5, %y.6)
          return %y
        }""",
    )


def test_scales_move_behind_a_product_and_other_readers_keep_the_reals() -> None:
    check_pass(
        SumAsIntegers(),
        before="""
        graph g(%x: i8[2,2]) {
          %s: f32[] = constant(0.5)
          %z: i8[] = constant(0)
          %w: i8[2,1] = constant([[1], [2]])
          %rx: f32[2,2] = dequantize(%x, %s, %z)
          %rw: f32[2,1] = dequantize(%w, %s, %z)
          %y: f32[2,1] = matmul(%rx, %rw)
          return %y, %rx
        }""",
        after="""
        graph g(%x: i8[2,2]) {
          %s: f32[] = constant(0.5)
          %z: i8[] = constant(0)
          %y.0: f32[] = constant(1.0)
          %y.2: f32[2,1] = constant([[1.0], [2.0]])
          %y.4: f32[] = constant(0.25)
          %rx: f32[2,2] = dequantize(%x, %s, %z)
          %y.1: f32[2,2] = dequantize(%x, %y.0, %z)
          %y.3: f32[2,1] = matmul(%y.1, %y.2)
          %y: f32[2,1] = mul(%y.3, %y.4)
          return %y, %rx
        }""",
    )


def test_scales_along_what_is_summed_stay() -> None:
    check_pass(
        SumAsIntegers(),
        before="""
        graph g(%x: i8[2,2]) {
          %s: f32[] = constant(0.5)
          %z: i8[] = constant(0)
          %sw: f32[2] = constant([0.5, 0.25])
          %zw: i8[2] = constant([0, 0])
          %w: i8[2,1] = constant([[1], [2]])
          %rx: f32[2,2] = dequantize(%x, %s, %z)
          %rw: f32[2,1] = dequantize(%w, %sw, %zw) {axis = 0}
          %y: f32[2,1] = matmul(%rx, %rw)
          return %y
        }""",
    )
