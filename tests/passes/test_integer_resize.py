# ruff: noqa: E501 (graph text)
"""Interpolation in integers against double precision."""

import numpy as np
import pytest

from graphopt.interpreter import evaluate
from graphopt.ops import Resize
from graphopt.ops.resize import Coordinates, ResizeMode
from graphopt.passes.integer_resize import IntegerResize
from graphopt.testing import check_pass
from graphopt.text import parse_graph


@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("coordinates", ["half_pixel", "align_corners", "asymmetric"])
@pytest.mark.parametrize("size", [(12, 10), (7, 9), (3, 2)])
def test_a_fraction_of_a_step_from_the_exact_result(
    mode: ResizeMode, coordinates: Coordinates, size: tuple[int, int]
) -> None:
    h, w = size
    scales = (1.0, 1.0, h / 6, w / 5)
    op = Resize((1, 2, h, w), scales, mode, coordinates)
    graph = parse_graph(f"""graph g(%x: u8[1,2,6,5]<0.5, 100>) {{
      %0: f32[1,2,6,5] = decode(%x) {{quant = <0.5, 100>}}
      %1: f32[1,2,{h},{w}] = resize(%0) {{shape = (1, 2, {h}, {w}), scales = {scales}, mode = '{mode}', coordinates = '{coordinates}'}}
      return %1
    }}""")
    integers = IntegerResize().run(graph)
    assert not any(isinstance(node.op, Resize) for node in integers.nodes)
    x = np.random.default_rng(0).integers(0, 256, (1, 2, 6, 5)).astype(np.uint8)
    (expected,) = op.evaluate(0.5 * (x.astype(np.float64) - 100))
    found = evaluate(integers, {"x": x})["1"]
    assert np.abs(found - expected).max() <= 0.5 * 0.5


def test_flat_areas_stay_flat() -> None:
    graph = parse_graph("""graph g(%x: i8[3]<0.5, 1>) {
      %0: f32[3] = decode(%x) {quant = <0.5, 1>}
      %1: f32[7] = resize(%0) {shape = (7,), scales = (2.3333333,), mode = 'linear'}
      return %1
    }""")
    x = np.full(3, -77, np.int8)
    assert (evaluate(IntegerResize().run(graph), {"x": x})["1"] == -39).all()


def test_twice_the_size_in_quarters() -> None:
    check_pass(
        IntegerResize(),
        before="""
        graph g(%x: i8[2]<0.5, 0>) {
          %0: f32[2] = decode(%x) {quant = <0.5, 0>}
          %1: f32[4] = resize(%0) {shape = (4,), scales = (2.0,), mode = 'linear'}
          return %1
        }""",
        after="""
        graph g(%x: i8[2]<0.5, 0>) {
          %1.2: i64[4] = constant([0, 0, 0, 1])
          %1.4: i32[4] = constant([4096, 12288, 4096, 12288])
          %1.6: i64[4] = constant([0, 1, 1, 1])
          %1.8: i32[4] = constant([12288, 4096, 12288, 4096])
          %1.0: i32[2]<0.5, 0> = requantize(%x) {source = <0.5, 0>, dtype = 'i32', target = <0.5, 0>}
          %1.1: i32[2] = retype(%1.0)
          %1.3: i32[4] = gather(%1.1, %1.2)
          %1.5: i32[4] = mul(%1.3, %1.4)
          %1.7: i32[4] = gather(%1.1, %1.6)
          %1.9: i32[4] = mul(%1.7, %1.8)
          %1.10: i32[4] = add(%1.5, %1.9)
          %1.11: i32[4]<3.0517578125e-05, 0> = retype(%1.10) {quant = <3.0517578125e-05, 0>}
          %1: f32[4] = decode(%1.11) {quant = <3.0517578125e-05, 0>}
          return %1
        }""",
    )


def test_nearest_wide_integers_and_crops_stay() -> None:
    check_pass(
        IntegerResize(),
        before="""
        graph g(%x: i8[2]<0.5, 0>, %y: i32[2]<0.5, 0>, %z: i16[2,2,2]<0.5, 0>) {
          %0: f32[2] = decode(%x) {quant = <0.5, 0>}
          %1: f32[4] = resize(%0) {shape = (4,), scales = (2.0,)}
          %2: f32[2] = decode(%y) {quant = <0.5, 0>}
          %3: f32[4] = resize(%2) {shape = (4,), scales = (2.0,), mode = 'linear'}
          %4: f32[2,2,2] = decode(%z) {quant = <0.5, 0>}
          %5: f32[4,4,4] = resize(%4) {shape = (4, 4, 4), scales = (2.0, 2.0, 2.0), mode = 'linear'}
          %6: f32[4] = resize(%0) {shape = (4,), scales = (2.0,), mode = 'linear', coordinates = 'tf_crop_and_resize', roi = (0.0, 2.0)}
          return %1, %3, %5, %6
        }""",
    )


def test_decoded_floats_with_a_second_user() -> None:
    check_pass(
        IntegerResize(),
        before="""
        graph g(%x: i8[2]<0.5, 0>) {
          %0: f32[2] = decode(%x) {quant = <0.5, 0>}
          %1: f32[3] = resize(%0) {shape = (3,), scales = (1.5,), mode = 'linear', coordinates = 'align_corners'}
          return %0, %1
        }""",
        after="""
        graph g(%x: i8[2]<0.5, 0>) {
          %1.2: i64[3] = constant([0, 0, 1])
          %1.4: i32[3] = constant([16384, 8192, 16384])
          %1.6: i64[3] = constant([1, 1, 1])
          %1.8: i32[3] = constant([0, 8192, 0])
          %0: f32[2] = decode(%x) {quant = <0.5, 0>}
          %1.0: i32[2]<0.5, 0> = requantize(%x) {source = <0.5, 0>, dtype = 'i32', target = <0.5, 0>}
          %1.1: i32[2] = retype(%1.0)
          %1.3: i32[3] = gather(%1.1, %1.2)
          %1.5: i32[3] = mul(%1.3, %1.4)
          %1.7: i32[3] = gather(%1.1, %1.6)
          %1.9: i32[3] = mul(%1.7, %1.8)
          %1.10: i32[3] = add(%1.5, %1.9)
          %1.11: i32[3]<3.0517578125e-05, 0> = retype(%1.10) {quant = <3.0517578125e-05, 0>}
          %1: f32[3] = decode(%1.11) {quant = <3.0517578125e-05, 0>}
          return %0, %1
        }""",
    )
