"""What stays float in a quantized graph is named, with the reason."""

from graphopt.analysis.floats import FloatNode
from graphopt.instruments import Instruments
from graphopt.pipeline import run_pipeline
from graphopt.text import parse_graph

GRAPH = parse_graph("""graph g(%x: i8[4]) {
  %s: f32[] = constant(0.5)
  %z: i8[] = constant(0)
  %0: f32[4] = dequantize(%x, %s, %z) @ ["dq"]
  %1: f32[4] = cumsum(%0) {axis = 0} @ ["running"]
  %2: f32[4] = sigmoid(%1) @ ["gate"]
  %3: i8[4] = quantize(%2, %s, %z) @ ["q"]
  %4: f32[4] = dequantize(%3, %s, %z) @ ["dq2"]
  %5: f32[4] = softmax(%4) {axis = 0} @ ["probabilities"]
  return %5
}""")


def test_islands_and_borders_have_a_name_and_a_reason() -> None:
    instruments = Instruments(verify="each")
    run_pipeline(GRAPH, instruments)
    assert instruments.floats == (
        FloatNode("running", "cumsum", "its result is not quantized", inside=True),
        FloatNode("gate", "sigmoid", "sigmoid has no integer form", inside=True),
        FloatNode("probabilities", "softmax", "its result is not quantized", inside=False),
    )


def test_a_reason_that_a_pass_gave() -> None:
    graph = parse_graph("""graph g(%x: i16[2,2]) {
      %s: f32[] = constant(0.5)
      %z: i16[] = constant(7)
      %w: i8[2,2] = constant([[1, 2], [3, 4]])
      %zw: i8[] = constant(0)
      %0: f32[2,2] = dequantize(%x, %s, %z)
      %1: f32[2,2] = dequantize(%w, %s, %zw)
      %2: f32[2,2] = matmul(%0, %1) @ ["fc"]
      %3: i16[2,2] = quantize(%2, %s, %z)
      return %3
    }""")
    instruments = Instruments(verify="each")
    run_pipeline(graph, instruments, stop_after="quantized")
    reason = "an operand of 16 bits has a zero point"
    assert instruments.floats == (FloatNode("fc", "matmul", reason, inside=True),)


def test_graphs_without_quantization_have_no_account() -> None:
    graph = parse_graph("graph g(%x: f32[2]) { %0: f32[2] = relu(%x) return %0 }")
    instruments = Instruments()
    run_pipeline(graph, instruments)
    assert instruments.floats is None
