from graphopt.passes.legalize_rounding import LegalizeRounding
from graphopt.testing import check_pass


def test_quantize_then_dequantize_rounds_in_floats() -> None:
    check_pass(
        LegalizeRounding(),
        before="""
        graph g(%x: f32[8,8]) {
          %s: f32[] = constant(0.5)
          %z: i8[] = constant(-126)
          %q: i8[8,8] = quantize(%x, %s, %z)
          %y: f32[8,8] = dequantize(%q, %s, %z)
          return %y
        }""",
        after="""
        graph g(%x: f32[8,8]) {
          %s: f32[] = constant(0.5)
          %y.0: f32[8,8] = div(%x, %s)
          %y.1: f32[8,8] = round(%y.0)
          %y.2: f32[8,8] = clip(%y.1) {low = -2.0, high = 253.0}
          %y: f32[8,8] = mul(%y.2, %s)
          return %y
        }""",
    )


def test_integers_that_others_read_stay_and_another_zero_point_shifts() -> None:
    check_pass(
        LegalizeRounding(),
        before="""
        graph g(%x: f32[2]) {
          %s: f32[] = constant(0.5)
          %z: i8[] = constant(2)
          %w: i8[] = constant(3)
          %q: i8[2] = quantize(%x, %s, %z)
          %y: f32[2] = dequantize(%q, %s, %w)
          return %q, %y
        }""",
        after="""
        graph g(%x: f32[2]) {
          %s: f32[] = constant(0.5)
          %z: i8[] = constant(2)
          %y.3: f32[] = constant(1.0)
          %q: i8[2] = quantize(%x, %s, %z)
          %y.0: f32[2] = div(%x, %s)
          %y.1: f32[2] = round(%y.0)
          %y.2: f32[2] = clip(%y.1) {low = -130.0, high = 125.0}
          %y.4: f32[2] = sub(%y.2, %y.3)
          %y: f32[2] = mul(%y.4, %s)
          return %q, %y
        }""",
    )


def test_wide_integers_stay() -> None:
    check_pass(
        LegalizeRounding(),
        before="""
        graph g(%x: f32[2]) {
          %s: f32[] = constant(0.5)
          %z: i32[] = constant(0)
          %q: i32[2] = quantize(%x, %s, %z)
          %y: f32[2] = dequantize(%q, %s, %z)
          return %y
        }""",
    )
