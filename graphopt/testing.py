"""Check a pass against graph text; public so that authors of passes can use it."""

from collections.abc import Mapping
from textwrap import dedent

import numpy as np

from graphopt.interpreter import evaluate
from graphopt.ir import Array, DType, Graph, TensorType
from graphopt.ops.products import is_narrow
from graphopt.ops.quantization import integer_range
from graphopt.rewrite import Pass
from graphopt.text import parse_graph, print_graph
from graphopt.verify import verify

# Relative to the largest magnitude of the output: passes reorder sums, nothing more.
TOLERANCE: dict[DType, float] = {
    DType.F64: 1e-10,
    DType.F32: 1e-5,
    DType.F16: 5e-3,
    DType.BF16: 4e-2,
}
# Quantized inputs stay below this magnitude, so that sums of a few do not wrap.
LARGEST_QUANTIZED = 1 << 20


def check_pass(
    pass_: Pass,
    before: str,
    after: str | None = None,
    constants: Mapping[str, Array] | None = None,
    steps: int = 0,
) -> None:
    """Run `pass_` on the graph `before`; the result must print as `after` (default: unchanged).

    Also checks that the pass keeps the graph valid, keeps its meaning on random inputs, and
    changes nothing when it runs a second time.

    Args:
        constants: large constants by the hash that stands for them in the text.
        steps: by how much integers may differ, where the pass says that it rounds elsewhere.
    """
    graph = parse_graph(before, constants)
    verify(graph)
    result = pass_.run(graph)
    verify(result)
    assert print_graph(result) == dedent(after or before).strip()
    assert print_graph(pass_.run(result)) == print_graph(result)
    check_same_meaning(graph, result, steps=steps)


def check_same_meaning(graph: Graph, other: Graph, seed: int = 0, steps: int = 0) -> None:
    """Both graphs give the same outputs in the interpreter, on random inputs."""
    inputs = random_inputs(graph, seed)
    expected, found = evaluate(graph, inputs), evaluate(other, inputs)
    assert list(found) == list(expected)
    for name, want in expected.items():
        assert_close(found[name], want, name, steps)


def assert_close(found: Array, expected: Array, name: str = "", steps: int = 0) -> None:
    """Integers within `steps`, booleans equal; floats within `TOLERANCE` of the largest value."""
    type = TensorType.of(expected)
    assert TensorType.of(found) == type, name
    tolerance = TOLERANCE.get(type.dtype)
    if steps and type.dtype.is_integer:
        apart = np.abs(found.astype(np.int64) - expected.astype(np.int64)).max(initial=0)
        assert apart <= steps, f"{name}: {apart} steps apart, expected at most {steps}"
        return
    if tolerance is None:
        np.testing.assert_array_equal(found, expected, err_msg=name)
        return
    wide = expected.astype(np.float64)
    finite = np.abs(wide[np.isfinite(wide)])
    scale = float(finite.max()) if finite.size else 0.0
    np.testing.assert_allclose(
        found.astype(np.float64), wide, rtol=tolerance, atol=tolerance * scale, err_msg=name
    )


def random_inputs(graph: Graph, seed: int = 0) -> dict[str, Array]:
    """Arrays that fit the inputs of `graph`."""
    rng = np.random.default_rng(seed)
    return {value.name: random_array(value.type, rng) for value in graph.inputs}


def random_array(type: TensorType, rng: np.random.Generator) -> Array:
    """Standard normal floats, integers up to 16 bits of any value, fair booleans.

    Wider integers are from 0 to 3, valid as small indices; quantized ones up to
    `LARGEST_QUANTIZED`.
    """
    if type.dtype.is_float:
        return np.asarray(rng.standard_normal(type.dims)).astype(type.dtype.numpy)
    low, high = 0, 4
    if type.dtype is DType.BOOL:
        high = 2
    elif is_narrow(type.dtype):
        least, largest = integer_range(type.dtype)
        low, high = least, largest + 1
    elif type.quant is not None:
        low, high = -LARGEST_QUANTIZED, LARGEST_QUANTIZED
    return np.asarray(rng.integers(low, high, type.dims)).astype(type.dtype.numpy)
