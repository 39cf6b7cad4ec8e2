"""Operators of ai.onnx.ml against ONNX Runtime."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, helper

from graphopt.ir import Array, Graph

Check = Callable[[ModelProto, Mapping[str, Array]], Graph]
X = np.array([[1.0, -2.0, 3.0], [0.0, 0.0, 0.0], [4.0, 1.0, 0.5]], np.float32)


def model_of(name: str, *inputs: Array, **attributes: Any) -> tuple[ModelProto, dict[str, Array]]:
    feeds = {f"x{i}": array for i, array in enumerate(inputs)}
    kinds = {n: helper.np_dtype_to_tensor_dtype(a.dtype) for n, a in feeds.items()}
    node = helper.make_node(name, list(feeds), ["y"], domain="ai.onnx.ml", **attributes)
    result = kinds["x0"] if name in ("Binarizer", "ArrayFeatureExtractor", "Imputer") else 1
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info(n, kinds[n], a.shape) for n, a in feeds.items()],
        [helper.make_tensor_value_info("y", result, None)],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8), feeds


def test_array_feature_extractor(check: Check) -> None:
    check(*model_of("ArrayFeatureExtractor", X, np.array([2, 0])))


def test_binarizer(check: Check) -> None:
    check(*model_of("Binarizer", X, threshold=0.5))


def test_feature_vectorizer(check: Check) -> None:
    check(*model_of("FeatureVectorizer", X, X[:, :1], inputdimensions=[3, 1]))


@pytest.mark.parametrize("missing", [0.0, float("nan")])
def test_imputer(check: Check, missing: float) -> None:
    x = X.copy()
    x[1, 1:] = missing
    values = [7.0, 8.0, 9.0]
    check(*model_of("Imputer", x, imputed_value_floats=values, replaced_value_float=missing))


def test_linear_regressor(check: Check) -> None:
    weights = [0.5, -1.0, 2.0, 1.0, 0.25, -0.5]
    check(*model_of("LinearRegressor", X, coefficients=weights, intercepts=[0.1, -0.2], targets=2))


@pytest.mark.parametrize("norm", ["MAX", "L1", "L2"])
def test_normalizer_of_rows_that_are_not_zero(check: Check, norm: str) -> None:
    check(*model_of("Normalizer", np.abs(X[[0, 2]]), norm=norm))


def test_scaler_of_integers(check: Check) -> None:
    x = np.arange(6).reshape(2, 3)
    check(*model_of("Scaler", x, offset=[1.0, 2.0, 3.0], scale=[0.5, 2.0, 1.0]))
