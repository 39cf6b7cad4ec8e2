# ruff: noqa: E501 (graph text)
from graphopt.passes.type_quantizers import TypeQuantizers
from graphopt.testing import check_pass


def test_quantize_and_dequantize_with_constant_scales() -> None:
    check_pass(
        TypeQuantizers(),
        before="""
        graph g(%x: f32[2]) {
          %s: f32[] = constant(0.5)
          %z: u8[] = constant(3)
          %q: u8[2] = quantize(%x, %s, %z)
          %y: f32[2] = dequantize(%q, %s, %z)
          return %q, %y
        }""",
        after="""
        graph g(%x: f32[2]) {
          %q.0: u8[2]<0.5, 3> = encode(%x) {dtype = 'u8', quant = <0.5, 3>}
          %q: u8[2] = retype(%q.0)
          %y.0: u8[2]<0.5, 3> = retype(%q) {quant = <0.5, 3>}
          %y: f32[2] = decode(%y.0) {quant = <0.5, 3>}
          return %q, %y
        }""",
    )


def test_scales_and_zero_points_along_an_axis() -> None:
    check_pass(
        TypeQuantizers(),
        before="""
        graph g(%x: f32[2,3]) {
          %s: f32[3] = constant([0.5, 1.0, 2.0])
          %z: i8[3] = constant([0, -1, 2])
          %q: i8[2,3] = quantize(%x, %s, %z) {axis = 1}
          return %q
        }""",
        after="""
        graph g(%x: f32[2,3]) {
          %q.0: i8[2,3]<(0.5, 1.0, 2.0), (0, -1, 2), axis 1> = encode(%x) {dtype = 'i8', quant = <(0.5, 1.0, 2.0), (0, -1, 2), axis 1>}
          %q: i8[2,3] = retype(%q.0)
          return %q
        }""",
    )


def test_negative_and_zero_scales_of_constants_turn_their_integers() -> None:
    check_pass(
        TypeQuantizers(),
        before="""
        graph g() {
          %w: i8[3,2] = constant([[3, -127], [5, 7], [1, 2]])
          %s: f32[3] = constant([-0.5, 0.0, 2.0])
          %z: i8[3] = constant([0, 0, 0])
          %y: f32[3,2] = dequantize(%w, %s, %z) {axis = 0}
          return %y
        }""",
        after="""
        graph g() {
          %y.0: i8[3,2] = constant([[-3, 127], [0, 0], [1, 2]])
          %y.1: i8[3,2]<(0.5, 1.0, 2.0), 0, axis 0> = retype(%y.0) {quant = <(0.5, 1.0, 2.0), 0, axis 0>}
          %y: f32[3,2] = decode(%y.1) {quant = <(0.5, 1.0, 2.0), 0, axis 0>}
          return %y
        }""",
    )


def test_a_turned_integer_that_does_not_fit_gets_a_wider_type() -> None:
    check_pass(
        TypeQuantizers(),
        before="""
        graph g() {
          %w: i8[2] = constant([-128, 5])
          %s: f32[] = constant(-0.5)
          %z: i8[] = constant(0)
          %y: f32[2] = dequantize(%w, %s, %z)
          return %y
        }""",
        after="""
        graph g() {
          %y.0: i16[2] = constant([128, -5])
          %y.1: i16[2]<0.5, 0> = retype(%y.0) {quant = <0.5, 0>}
          %y: f32[2] = decode(%y.1) {quant = <0.5, 0>}
          return %y
        }""",
    )


def test_negative_scales_with_zero_points() -> None:
    check_pass(
        TypeQuantizers(),
        before="""
        graph g() {
          %w: i8[2,2] = constant([[3, -128], [5, 7]])
          %s: f32[2] = constant([-0.5, 2.0])
          %z: i8[2] = constant([1, -2])
          %y: f32[2,2] = dequantize(%w, %s, %z) {axis = 0}
          return %y
        }""",
        after="""
        graph g() {
          %y.0: i16[2,2] = constant([[-2, 129], [7, 9]])
          %y.1: i16[2,2]<(0.5, 2.0), 0, axis 0> = retype(%y.0) {quant = <(0.5, 2.0), 0, axis 0>}
          %y: f32[2,2] = decode(%y.1) {quant = <(0.5, 2.0), 0, axis 0>}
          return %y
        }""",
    )


def test_scales_that_are_computed_stay() -> None:
    check_pass(
        TypeQuantizers(),
        before="""
        graph g(%x: f32[2], %s: f32[]) {
          %z: i8[] = constant(0)
          %q: i8[2] = quantize(%x, %s, %z)
          return %q
        }""",
    )


def test_negative_scales_of_what_is_computed_stay() -> None:
    check_pass(
        TypeQuantizers(),
        before="""
        graph g(%x: i8[2]) {
          %s: f32[] = constant(-0.5)
          %z: i8[] = constant(0)
          %y: f32[2] = dequantize(%x, %s, %z)
          return %y
        }""",
    )


def test_floats_of_other_types_and_wide_integers_stay() -> None:
    check_pass(
        TypeQuantizers(),
        before="""
        graph g(%x: f16[2], %y: f32[2]) {
          %s: f16[] = constant(0.5)
          %z: i8[] = constant(0)
          %t: f32[] = constant(0.5)
          %w: i32[] = constant(0)
          %a: i8[2] = quantize(%x, %s, %z)
          %b: i32[2] = quantize(%y, %t, %w)
          return %a, %b
        }""",
    )
