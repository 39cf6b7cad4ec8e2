# ruff: noqa: E501 (graph text)
from graphopt.passes.sink_decodes import SinkDecodes
from graphopt.testing import check_pass


def test_movements_and_selections() -> None:
    check_pass(
        SinkDecodes(),
        before="""
        graph g(%x: i8[1,2,4,4]<0.5, 3>) {
          %0: f32[1,2,4,4] = decode(%x) {quant = <0.5, 3>}
          %1: f32[1,2,2,2] = max_pool(%0) {kernel = (2, 2), strides = (2, 2), pads = (0, 0, 0, 0), dilations = (1, 1)}
          %2: f32[1,2,2] = reduce(%1) {kind = 'max', axes = (3,)}
          %3: f32[4] = reshape(%2) {shape = (4,)}
          return %3
        }""",
        after="""
        graph g(%x: i8[1,2,4,4]<0.5, 3>) {
          %1.0: i8[1,2,2,2]<0.5, 3> = max_pool(%x) {kernel = (2, 2), strides = (2, 2), pads = (0, 0, 0, 0), dilations = (1, 1)}
          %2.0: i8[1,2,2]<0.5, 3> = reduce(%1.0) {kind = 'max', axes = (3,)}
          %3.0: i8[4]<0.5, 3> = reshape(%2.0) {shape = (4,)}
          %3: f32[4] = decode(%3.0) {quant = <0.5, 3>}
          return %3
        }""",
    )


def test_padding_with_zero_pads_with_the_zero_point() -> None:
    check_pass(
        SinkDecodes(),
        before="""
        graph g(%x: i8[2]<0.5, 3>) {
          %0: f32[2] = decode(%x) {quant = <0.5, 3>}
          %1: f32[4] = pad(%0) {pads = (1, 1)}
          return %1
        }""",
        after="""
        graph g(%x: i8[2]<0.5, 3>) {
          %1.0: i8[4]<0.5, 3> = pad(%x) {pads = (1, 1), value = 3}
          %1: f32[4] = decode(%1.0) {quant = <0.5, 3>}
          return %1
        }""",
    )


def test_scales_along_an_axis_are_transposed_with_it() -> None:
    check_pass(
        SinkDecodes(),
        before="""
        graph g(%x: i8[2,3]<(0.5, 0.25), 3, axis 0>) {
          %0: f32[2,3] = decode(%x) {quant = <(0.5, 0.25), 3, axis 0>}
          %1: f32[3,2] = transpose(%0) {perm = (1, 0)}
          return %1
        }""",
        after="""
        graph g(%x: i8[2,3]<(0.5, 0.25), 3, axis 0>) {
          %1.0: i8[3,2]<(0.5, 0.25), 3, axis 1> = transpose(%x) {perm = (1, 0)}
          %1: f32[3,2] = decode(%1.0) {quant = <(0.5, 0.25), 3, axis 1>}
          return %1
        }""",
    )


def test_a_concatenation_of_one_quantization() -> None:
    check_pass(
        SinkDecodes(),
        before="""
        graph g(%x: i8[2]<0.5, 3>, %y: i8[3]<0.5, 3>) {
          %0: f32[2] = decode(%x) {quant = <0.5, 3>}
          %1: f32[3] = decode(%y) {quant = <0.5, 3>}
          %2: f32[5] = concat(%0, %1) {axis = 0}
          return %2
        }""",
        after="""
        graph g(%x: i8[2]<0.5, 3>, %y: i8[3]<0.5, 3>) {
          %2.0: i8[5]<0.5, 3> = concat(%x, %y) {axis = 0}
          %2: f32[5] = decode(%2.0) {quant = <0.5, 3>}
          return %2
        }""",
    )


def test_what_computes_stays() -> None:
    check_pass(
        SinkDecodes(),
        before="""
        graph g(%x: i8[2,3]<0.5, 3>, %y: i8[2,3]<0.25, 3>, %z: f32[2,3]) {
          %0: f32[2,3] = decode(%x) {quant = <0.5, 3>}
          %1: f32[2,3] = decode(%y) {quant = <0.25, 3>}
          %2: f32[2,6] = concat(%0, %1) {axis = 1}
          %3: f32[2,6] = concat(%0, %z) {axis = 1}
          %4: f32[4,3] = pad(%0) {pads = (1, 0, 1, 0), value = 1.0}
          %5: f32[2] = reduce(%0) {kind = 'sum', axes = (1,)}
          return %2, %3, %4, %5
        }""",
    )


def test_several_scales_are_not_reshaped() -> None:
    check_pass(
        SinkDecodes(),
        before="""
        graph g(%x: i8[2,3]<(0.5, 0.25), 3, axis 0>) {
          %0: f32[2,3] = decode(%x) {quant = <(0.5, 0.25), 3, axis 0>}
          %1: f32[6] = reshape(%0) {shape = (6,)}
          return %1
        }""",
    )


def test_decoded_floats_with_another_user() -> None:
    check_pass(
        SinkDecodes(),
        before="""
        graph g(%x: i8[6]<0.5, 3>) {
          %0: f32[6] = decode(%x) {quant = <0.5, 3>}
          %1: f32[2,3] = reshape(%0) {shape = (2, 3)}
          return %0, %1
        }""",
        after="""
        graph g(%x: i8[6]<0.5, 3>) {
          %0: f32[6] = decode(%x) {quant = <0.5, 3>}
          %1.0: i8[2,3]<0.5, 3> = reshape(%x) {shape = (2, 3)}
          %1: f32[2,3] = decode(%1.0) {quant = <0.5, 3>}
          return %0, %1
        }""",
    )
