from graphopt.passes.eliminate_requantization import EliminateRequantization
from graphopt.testing import check_pass


def test_same_scale_and_zero_point() -> None:
    check_pass(
        EliminateRequantization(),
        before="""
        graph g(%x: i8[2]) {
          %s: f32[] = constant(0.30000001192092896)
          %z: i8[] = constant(3)
          %t: f32[] = constant(0.30000001192092896)
          %0: f32[2] = dequantize(%x, %s, %z)
          %1: i8[2] = quantize(%0, %t, %z)
          %2: i8[2] = bitwise_not(%1)
          return %2, %0
        }""",
        after="""
        graph g(%x: i8[2]) {
          %s: f32[] = constant(0.30000001192092896)
          %z: i8[] = constant(3)
          %0: f32[2] = dequantize(%x, %s, %z)
          %2: i8[2] = bitwise_not(%x)
          return %2, %0
        }""",
    )


def test_keeps_another_scale() -> None:
    check_pass(
        EliminateRequantization(),
        before="""
        graph g(%x: i8[2]) {
          %s: f32[] = constant(0.5)
          %z: i8[] = constant(3)
          %t: f32[] = constant(0.25)
          %0: f32[2] = dequantize(%x, %s, %z)
          %1: i8[2] = quantize(%0, %t, %z)
          return %1
        }""",
    )


def test_keeps_another_type() -> None:
    check_pass(
        EliminateRequantization(),
        before="""
        graph g(%x: i8[2]) {
          %s: f32[] = constant(0.5)
          %z: i8[] = constant(0)
          %u: u8[] = constant(0)
          %0: f32[2] = dequantize(%x, %s, %z)
          %1: u8[2] = quantize(%0, %s, %u)
          return %1
        }""",
    )
