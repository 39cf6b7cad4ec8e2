"""DFT and STFT against numpy."""

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from graphopt.errors import UnsupportedOperator
from graphopt.frontend.importer import load_onnx
from graphopt.interpreter import evaluate
from graphopt.ir import Array
from graphopt.verify import verify

RNG = np.random.default_rng(5)


def run(name: str, x: Array, *parameters: int | Array | None, **attributes: Any) -> Array:
    given = [None if p is None else np.asarray(p) for p in parameters]
    names = ["x", *("" if p is None else f"p{i}" for i, p in enumerate(given))]
    constants = [numpy_helper.from_array(p, f"p{i}") for i, p in enumerate(given) if p is not None]
    graph = helper.make_graph(
        [helper.make_node(name, names, ["y"], **attributes)],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        constants,
    )
    imported = load_onnx(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)]))
    verify(imported)
    return evaluate(imported, {"x": x})["y"]


def as_complex(x: Array) -> Array:
    return x[..., 0] + 1j * x[..., 1] if x.shape[-1] == 2 else x[..., 0].astype(complex)


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("inverse", [0, 1])
@pytest.mark.parametrize("length", [None, 5, 9])
@pytest.mark.parametrize("axis", [0, 1])
def test_transform(parts: int, inverse: int, length: int | None, axis: int) -> None:
    x = np.asarray(RNG.standard_normal((7, 6, parts)), np.float32)
    y = run("DFT", x, length, axis, inverse=inverse)
    numpy_transform = np.fft.ifft if inverse else np.fft.fft
    expected = numpy_transform(as_complex(x), n=length, axis=axis)
    np.testing.assert_allclose(as_complex(y), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("length", [8, 9])
def test_one_sided_there_and_back(length: int) -> None:
    x = np.asarray(RNG.standard_normal((2, length, 1)), np.float32)
    spectrum = run("DFT", x, None, 1, onesided=1)
    assert spectrum.shape == (2, length // 2 + 1, 2)
    np.testing.assert_allclose(
        as_complex(spectrum), np.fft.rfft(x[..., 0], axis=1), rtol=1e-4, atol=1e-5
    )
    back = run("DFT", spectrum, length, 1, onesided=1, inverse=1)
    np.testing.assert_allclose(back, x, rtol=1e-4, atol=1e-5)


def test_short_time_transform_with_a_window() -> None:
    x = np.asarray(RNG.standard_normal((2, 40, 1)), np.float32)
    window = np.hanning(16).astype(np.float32)
    y = run("STFT", x, 6, window)
    frames = np.stack([x[:, s : s + 16, 0] * window for s in range(0, 25, 6)], axis=1)
    np.testing.assert_allclose(as_complex(y), np.fft.rfft(frames, axis=2), rtol=1e-4, atol=1e-5)


def test_a_frame_longer_than_the_signal_is_an_error() -> None:
    with pytest.raises(UnsupportedOperator, match="frames: expected a length of 1 to 10"):
        run("STFT", np.zeros((1, 10, 1), np.float32), 4, None, 16)
