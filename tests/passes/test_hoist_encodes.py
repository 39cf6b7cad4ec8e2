# ruff: noqa: E501 (graph text)
from graphopt.passes.hoist_encodes import HoistEncodes
from graphopt.testing import check_pass


def test_past_movements() -> None:
    check_pass(
        HoistEncodes(),
        before="""
        graph g(%x: f32[1,2,4,4]) {
          %0: f32[1,2,4,4] = max_pool(%x) {kernel = (3, 3), strides = (1, 1), pads = (1, 1, 1, 1), dilations = (1, 1)}
          %1: f32[1,4,4,2] = transpose(%0) {perm = (0, 2, 3, 1)}
          %2: f32[32] = reshape(%1) {shape = (32,)}
          %3: i8[32]<0.1, 5> = encode(%2) {dtype = 'i8', quant = <0.1, 5>}
          return %3
        }""",
        after="""
        graph g(%x: f32[1,2,4,4]) {
          %3.0.0.0: i8[1,2,4,4]<0.1, 5> = encode(%x) {dtype = 'i8', quant = <0.1, 5>}
          %3.0.0: i8[1,2,4,4]<0.1, 5> = max_pool(%3.0.0.0) {kernel = (3, 3), strides = (1, 1), pads = (1, 1, 1, 1), dilations = (1, 1)}
          %3.0: i8[1,4,4,2]<0.1, 5> = transpose(%3.0.0) {perm = (0, 2, 3, 1)}
          %3: i8[32]<0.1, 5> = reshape(%3.0) {shape = (32,)}
          return %3
        }""",
    )


def test_padding_becomes_the_zero_point() -> None:
    check_pass(
        HoistEncodes(),
        before="""
        graph g(%x: f32[2]) {
          %0: f32[5] = pad(%x) {pads = (1, 2)}
          %1: u8[5]<0.1, 128> = encode(%0) {dtype = 'u8', quant = <0.1, 128>}
          return %1
        }""",
        after="""
        graph g(%x: f32[2]) {
          %1.0: u8[2]<0.1, 128> = encode(%x) {dtype = 'u8', quant = <0.1, 128>}
          %1: u8[5]<0.1, 128> = pad(%1.0) {pads = (1, 2), value = 128}
          return %1
        }""",
    )


def test_padding_with_other_numbers_stays() -> None:
    check_pass(
        HoistEncodes(),
        before="""
        graph g(%x: f32[2]) {
          %0: f32[5] = pad(%x) {pads = (1, 2), value = 1.0}
          %1: u8[5]<0.1, 128> = encode(%0) {dtype = 'u8', quant = <0.1, 128>}
          return %1
        }""",
    )


def test_scales_along_an_axis_stay() -> None:
    check_pass(
        HoistEncodes(),
        before="""
        graph g(%x: f32[3,2]) {
          %0: f32[2,3] = transpose(%x) {perm = (1, 0)}
          %1: i8[2,3]<(0.1, 0.2), 0, axis 0> = encode(%0) {dtype = 'i8', quant = <(0.1, 0.2), 0, axis 0>}
          return %1
        }""",
    )


def test_moved_floats_with_a_second_user_stay() -> None:
    check_pass(
        HoistEncodes(),
        before="""
        graph g(%x: f32[3,2]) {
          %0: f32[2,3] = transpose(%x) {perm = (1, 0)}
          %1: i8[2,3]<0.1, 0> = encode(%0) {dtype = 'i8', quant = <0.1, 0>}
          return %0, %1
        }""",
    )
