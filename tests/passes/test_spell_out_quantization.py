# ruff: noqa: E501 (graph text)
from graphopt.passes.spell_out_quantization import SpellOutQuantization
from graphopt.testing import check_pass


def test_a_factor_below_one_half() -> None:
    check_pass(
        SpellOutQuantization(),
        before="""
        graph g(%x: f32[40]) {
          %0: i8[40]<0.1, 3> = encode(%x) {dtype = 'i8', quant = <0.1, 3>}
          %1: u8[40]<0.4, 9> = requantize(%0) {source = <0.1, 3>, dtype = 'u8', target = <0.4, 9>}
          %2: u8[40] = retype(%1)
          return %2
        }""",
        after="""
        graph g(%x: f32[40]) {
          %0.0: f32[] = constant(0.10000000149011612)
          %0.1: i8[] = constant(3)
          %1.1: i32[] = constant(3)
          %1.3: i32[] = constant(9)
          %1.4: i32[] = constant(1073741824)
          %0.2: i8[40] = quantize(%x, %0.0, %0.1)
          %1.0: i32[40] = cast(%0.2) {to = 'i32'}
          %1.2: i32[40] = sub(%1.0, %1.1)
          %1.5: i32[40] = rescale(%1.2, %1.4, %1.3)
          %1.6: i32[40] = clip(%1.5) {low = 0, high = 255}
          %1.7: u8[40] = cast(%1.6) {to = 'u8'}
          return %1.7 as 2
        }""",
    )


def test_a_larger_factor_shifts_first_what_32_bits_hold() -> None:
    check_pass(
        SpellOutQuantization(),
        before="""
        graph g(%x: i32[40,2]) {
          %0: i32[40,2]<(0.5, 3.0), 0, axis 1> = retype(%x) {quant = <(0.5, 3.0), 0, axis 1>}
          %1: i8[40,2]<0.25, 0> = requantize(%0) {source = <(0.5, 3.0), 0, axis 1>, dtype = 'i8', target = <0.25, 0>}
          %2: i8[40,2] = retype(%1)
          return %2
        }""",
        after="""
        graph g(%x: i32[40,2]) {
          %1.0: i32[] = constant(0)
          %1.1: i32[1,2] = constant([[268435455, 67108863]])
          %1.3: i32[1,2] = constant([[-268435455, -67108863]])
          %1.5: i32[1,2] = constant([[3, 5]])
          %1.7: i32[1,2] = constant([[1073741824, 1610612736]])
          %1.2: i32[40,2] = min(%x, %1.1)
          %1.4: i32[40,2] = max(%1.2, %1.3)
          %1.6: i32[40,2] = shift_left(%1.4, %1.5)
          %1.8: i32[40,2] = rescale(%1.6, %1.7, %1.0)
          %1.9: i32[40,2] = clip(%1.8) {low = -128, high = 127}
          %1.10: i8[40,2] = cast(%1.9) {to = 'i8'}
          return %1.10 as 2
        }""",
    )


def test_the_same_scale_moves_the_zero_point() -> None:
    check_pass(
        SpellOutQuantization(),
        before="""
        graph g(%x: f32[40]) {
          %0: u8[40]<0.1, 128> = encode(%x) {dtype = 'u8', quant = <0.1, 128>}
          %1: i16[40]<0.1, 0> = requantize(%0) {source = <0.1, 128>, dtype = 'i16', target = <0.1, 0>}
          %2: i8[40]<0.1, 7> = requantize(%1) {source = <0.1, 0>, dtype = 'i8', target = <0.1, 7>}
          %3: f32[40] = decode(%2) {quant = <0.1, 7>}
          return %3
        }""",
        after="""
        graph g(%x: f32[40]) {
          %0.0: f32[] = constant(0.10000000149011612)
          %0.1: u8[] = constant(128)
          %1.1: i16[] = constant(128)
          %2.1: i32[] = constant(7)
          %3.0: f32[] = constant(0.10000000149011612)
          %3.1: i8[] = constant(7)
          %0.2: u8[40] = quantize(%x, %0.0, %0.1)
          %1.0: i16[40] = cast(%0.2) {to = 'i16'}
          %1.2: i16[40] = sub(%1.0, %1.1)
          %2.0: i32[40] = cast(%1.2) {to = 'i32'}
          %2.2: i32[40] = add(%2.0, %2.1)
          %2.3: i32[40] = clip(%2.2) {low = -128, high = 127}
          %2.4: i8[40] = cast(%2.3) {to = 'i8'}
          %3.2: f32[40] = dequantize(%2.4, %3.0, %3.1)
          return %3.2 as 3
        }""",
    )


def test_sums_are_decoded_by_their_scales() -> None:
    check_pass(
        SpellOutQuantization(),
        before="""
        graph g(%x: i32[40,2]) {
          %0: i32[40,2]<(0.5, 3.0), 0, axis 1> = retype(%x) {quant = <(0.5, 3.0), 0, axis 1>}
          %1: f32[40,2] = decode(%0) {quant = <(0.5, 3.0), 0, axis 1>}
          return %1
        }""",
        after="""
        graph g(%x: i32[40,2]) {
          %1.0: f32[1,2] = constant([[0.5, 3.0]])
          %1.1: f32[40,2] = cast(%x)
          %1.2: f32[40,2] = mul(%1.1, %1.0)
          return %1.2 as 1
        }""",
    )


def test_other_operators_keep_their_integers_and_their_constants() -> None:
    check_pass(
        SpellOutQuantization(),
        before="""
        graph g(%x: f32[3,2]) {
          %w: i8[2,2]<0.25, 0> = constant([[1, 2], [3, 4]])
          %0: i8[3,2]<0.5, 0> = encode(%x) {dtype = 'i8', quant = <0.5, 0>}
          %1: i32[3,2]<0.125, 0> = matmul(%0, %w)
          %2: i32[3,2] = retype(%1)
          return %2, %1 as same
        }""",
        after="""
        graph g(%x: f32[3,2]) {
          %w: i8[2,2] = constant([[1, 2], [3, 4]])
          %0.0: f32[] = constant(0.5)
          %0.1: i8[] = constant(0)
          %0.2: i8[3,2] = quantize(%x, %0.0, %0.1)
          %1: i32[3,2] = matmul(%0.2, %w)
          return %1 as 2, %1 as same
        }""",
    )


def test_integers_read_twice_are_spelled_out_once() -> None:
    check_pass(
        SpellOutQuantization(),
        before="""
        graph g(%x: f32[40]) {
          %0: i8[40]<0.1, 3> = encode(%x) {dtype = 'i8', quant = <0.1, 3>}
          %1: i8[40]<0.4, 9> = requantize(%0) {source = <0.1, 3>, dtype = 'i8', target = <0.4, 9>}
          %2: f32[40] = decode(%0) {quant = <0.1, 3>}
          %3: i8[40] = retype(%1)
          return %2, %3
        }""",
        after="""
        graph g(%x: f32[40]) {
          %0.0: f32[] = constant(0.10000000149011612)
          %0.1: i8[] = constant(3)
          %1.1: i32[] = constant(3)
          %1.3: i32[] = constant(9)
          %1.4: i32[] = constant(1073741824)
          %2.0: f32[] = constant(0.10000000149011612)
          %2.1: i8[] = constant(3)
          %0.2: i8[40] = quantize(%x, %0.0, %0.1)
          %1.0: i32[40] = cast(%0.2) {to = 'i32'}
          %1.2: i32[40] = sub(%1.0, %1.1)
          %1.5: i32[40] = rescale(%1.2, %1.4, %1.3)
          %1.6: i32[40] = clip(%1.5) {low = -128, high = 127}
          %1.7: i8[40] = cast(%1.6) {to = 'i8'}
          %2.2: f32[40] = dequantize(%0.2, %2.0, %2.1)
          return %2.2 as 2, %1.7 as 3
        }""",
    )


def test_graphs_without_quantization_stay() -> None:
    check_pass(
        SpellOutQuantization(),
        before="""
        graph g(%x: i8[2]) {
          %0: i32[2] = cast(%x) {to = 'i32'}
          return %0
        }""",
    )
