"""What calibration records is what the interpreter computes."""

from __future__ import annotations

import numpy as np
import pytest

from graphopt.errors import CalibrationError
from graphopt.interpreter import run_body
from graphopt.ir import Array
from graphopt.quantization import calibrate
from graphopt.quantization.calibrate import record
from graphopt.text import parse_graph

GRAPH = parse_graph("""graph g(%x: f32[1,4]) {
  %0: f32[1,4] = exp(%x) @ ["first"]
  %1: f32[1,4] = log(%0) @ ["second"]
  %2: f32[1,4] = mul(%1, %1)
  return %2 as y
}""")


def samples(*numbers: float) -> list[dict[str, Array]]:
    return [{"x": np.full((1, 4), number, np.float32)} for number in numbers]


@pytest.mark.parametrize("chunk_bytes", [1, 1 << 20])
def test_ranges_of_inputs_and_activations(
    monkeypatch: pytest.MonkeyPatch, chunk_bytes: int
) -> None:
    monkeypatch.setattr(calibrate, "CHUNK_BYTES", chunk_bytes)
    values = [GRAPH.inputs[0], *(node.output for node in GRAPH.nodes)]
    found = record(GRAPH, values, samples(1, -2, 0.5), averaged=(values[0], values[2]))
    x, *computed = (found.histograms[value] for value in values)
    assert (x.low, x.high, x.counts.sum()) == (-2, 1, 12)
    assert computed[0].high == pytest.approx(np.e)
    assert (computed[2].low, computed[2].high) == pytest.approx((0.25, 4), rel=1e-5)
    for value in (values[0], values[2]):
        np.testing.assert_allclose(found.means[value], np.full((1, 4), -1 / 6), rtol=1e-5)
    assert run_body(GRAPH, np.full((1, 4), -2, np.float32))[0][0, 0] == pytest.approx(4)


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (1000.0, r"exp defining %0 \(first\): activation for sample 1: .* found infinity"),
        (np.nan, r"exp defining %0 \(first\): activation for sample 1: .* found NaN"),
    ],
)
def test_no_numbers_name_the_node_and_the_sample(number: float, message: str) -> None:
    with pytest.raises(CalibrationError, match=message):
        record(GRAPH, [node.output for node in GRAPH.nodes], samples(0, number))
