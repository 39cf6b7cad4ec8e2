from graphopt.passes.legalize_quantization import LegalizeQuantization
from graphopt.testing import check_pass


def test_quantize_becomes_float_operators_and_a_cast() -> None:
    check_pass(
        LegalizeQuantization(),
        before="""
        graph g(%x: f32[2,3]) {
          %s: f32[] = constant(0.5)
          %z: u8[] = constant(3)
          %y: u8[2,3] = quantize(%x, %s, %z)
          return %y
        }""",
        after="""
        graph g(%x: f32[2,3]) {
          %s: f32[] = constant(0.5)
          %y.3: f32[] = constant(3.0)
          %y.0: f32[2,3] = div(%x, %s)
          %y.1: f32[2,3] = round(%y.0)
          %y.2: f32[2,3] = clip(%y.1) {low = -3.0, high = 252.0}
          %y.4: f32[2,3] = add(%y.2, %y.3)
          %y: u8[2,3] = cast(%y.4) {to = 'u8'}
          return %y
        }""",
    )


def test_dequantize_along_an_axis() -> None:
    check_pass(
        LegalizeQuantization(),
        before="""
        graph g(%x: i8[2,3]) {
          %s: f32[2] = constant([0.5, 0.25])
          %z: i8[2] = constant([0, 0])
          %y: f32[2,3] = dequantize(%x, %s, %z) {axis = 0}
          return %y
        }""",
        after="""
        graph g(%x: i8[2,3]) {
          %y.1: f32[2,1] = constant([[0.5], [0.25]])
          %y.0: f32[2,3] = cast(%x)
          %y: f32[2,3] = mul(%y.0, %y.1)
          return %y
        }""",
    )


def test_integers_that_floats_do_not_hold_stay() -> None:
    check_pass(
        LegalizeQuantization(),
        before="""
        graph g(%x: i32[2]) {
          %s: f32[] = constant(0.5)
          %z: i32[] = constant(0)
          %y: f32[2] = dequantize(%x, %s, %z)
          return %y
        }""",
    )


def test_zero_points_that_differ_along_an_axis_stay() -> None:
    check_pass(
        LegalizeQuantization(),
        before="""
        graph g(%x: f32[2]) {
          %s: f32[2] = constant([0.5, 0.25])
          %z: i8[2] = constant([0, 1])
          %y: i8[2] = quantize(%x, %s, %z) {axis = 0}
          return %y
        }""",
    )


def test_computed_parameters_stay() -> None:
    check_pass(
        LegalizeQuantization(),
        before="""
        graph g(%x: f32[2], %s: f32[], %z: i8[]) {
          %y: i8[2] = quantize(%x, %s, %z)
          return %y
        }""",
    )
