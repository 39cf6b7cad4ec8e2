"""Models that take and give integers mean what those with floats at their borders mean."""

from __future__ import annotations

import numpy as np

from graphopt.interpreter import evaluate
from graphopt.ir import DType
from graphopt.passes.integer_interface import IntegerInterface
from graphopt.text import parse_graph

MODEL = """
graph g(%x: f32[2,3], %y: f32[3]) {
  %s: f32[] = constant(0.5)
  %z: i8[] = constant(3)
  %t: f32[] = constant(0.25)
  %q: i8[2,3] = quantize(%x, %s, %z)
  %again: i8[2,3] = quantize(%x, %s, %z)
  %0: f32[2,3] = dequantize(%q, %s, %z)
  %1: f32[2,3] = dequantize(%again, %s, %z)
  %2: f32[2,3] = add(%0, %1)
  %3: f32[2,3] = add(%2, %y)
  %4: i8[2,3] = quantize(%3, %t, %z)
  %5: f32[2,3] = dequantize(%4, %t, %z)
  %6: f32[2,3] = neg(%5)
  return %5, %6
}
"""


def test_what_is_quantized_at_the_borders_becomes_integers() -> None:
    before = parse_graph(MODEL)
    after = IntegerInterface().run(before)
    x, y = after.inputs
    assert (x.name, x.type.dtype, y.type.dtype) == ("x", DType.I8, DType.F32)
    assert [v.type.dtype for v in after.outputs] == [DType.I8, DType.F32]
    assert after.output_names == before.output_names
    rng = np.random.default_rng(0)
    stored = rng.integers(-128, 127, (2, 3), endpoint=True).astype(np.int8)
    other = rng.standard_normal(3).astype(np.float32)
    real = np.asarray((stored.astype(np.float32) - 3) * 0.5, np.float32)
    want, want_negative = evaluate(before, {"x": real, "y": other}).values()
    got, negative = evaluate(after, {"x": stored, "y": other}).values()
    np.testing.assert_array_equal((got.astype(np.float32) - 3) * 0.25, want)
    np.testing.assert_array_equal(negative, want_negative)
    assert IntegerInterface().run(after) is after


def test_an_input_with_a_float_use_stays() -> None:
    text = MODEL.replace("add(%0, %1)", "add(%x, %1)")
    after = IntegerInterface().run(parse_graph(text))
    assert after.inputs[0].type.dtype is DType.F32


def test_an_input_quantized_in_two_ways_stays() -> None:
    text = MODEL.replace("%again: i8[2,3] = quantize(%x, %s", "%again: i8[2,3] = quantize(%x, %t")
    after = IntegerInterface().run(parse_graph(text))
    assert after.inputs[0].type.dtype is DType.F32


def test_a_dead_dequantization_goes_and_its_constants_too() -> None:
    graph = parse_graph(
        """
        graph g(%x: f32[4]) {
          %s: f32[] = constant(0.5)
          %z: i8[] = constant(0)
          %q: i8[4] = quantize(%x, %s, %z)
          %y: f32[4] = dequantize(%q, %s, %z)
          return %y
        }
        """
    )
    after = IntegerInterface().run(graph)
    assert after.nodes == ()
    assert after.outputs == after.inputs
