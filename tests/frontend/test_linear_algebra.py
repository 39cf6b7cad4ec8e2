"""Det against numpy."""

import numpy as np
import pytest
from onnx import parser

from graphopt.errors import UnsupportedOperator
from graphopt.frontend.importer import load_onnx
from graphopt.interpreter import evaluate
from graphopt.ir import Array
from graphopt.verify import verify


def determinant(x: Array) -> Array:
    shape = ",".join(map(str, x.shape))
    graph = load_onnx(
        parser.parse_model(
            f"""<ir_version: 8, opset_import: ["" : 17]>
            g (float[{shape}] x) => (float[] y) {{ y = Det (x) }}"""
        )
    )
    verify(graph)
    return evaluate(graph, {"x": x})["y"]


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (5, 5), (3, 4, 4), (2, 2, 3, 3)])
def test_determinant(shape: tuple[int, ...]) -> None:
    x = np.asarray(np.random.default_rng(0).standard_normal(shape), np.float32)
    np.testing.assert_allclose(determinant(x), np.linalg.det(x), rtol=1e-4)


def test_a_zero_in_the_first_place_needs_another_row() -> None:
    x = np.array([[0, 2, 1], [3, 0, 1], [1, 1, 0]], np.float32)
    np.testing.assert_allclose(determinant(x), 5, rtol=1e-6)


@pytest.mark.parametrize("x", [np.zeros((3, 3)), [[1, 2, 3], [2, 4, 6], [1, 1, 1]]])
def test_singular_matrices_have_zero(x: Array) -> None:
    assert determinant(np.asarray(x, np.float32)) == 0


def test_matrices_that_are_not_square_are_an_error() -> None:
    with pytest.raises(UnsupportedOperator, match="expected square matrices"):
        determinant(np.zeros((2, 3), np.float32))
