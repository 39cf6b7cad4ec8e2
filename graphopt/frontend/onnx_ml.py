"""Operators of ai.onnx.ml over numbers: what scikit-learn pipelines do before and after a model."""

from __future__ import annotations

import math

import numpy as np

from graphopt.frontend.call import Call, Import
from graphopt.frontend.compose import Compose
from graphopt.ir import DType, Value
from graphopt.ops import Abs, Equal, Greater, IsNan, Pad, Sigmoid, Softmax, Sqrt
from graphopt.ops.reduction import ReduceKind

TINY = 1e-30  # what onnx divides by instead of a norm of zero


def _float(c: Compose, x: Value) -> Value:
    """Integers as f32, which is what these operators compute in."""
    return x if x.type.dtype.is_float else c.cast(x, DType.F32)


def _row(c: Compose, numbers: tuple[float, ...], like: Value) -> Value:
    return c.constant(np.asarray(numbers, like.type.dtype.numpy))


def array_feature_extractor(call: Call) -> Value:
    """ArrayFeatureExtractor: columns of the last dimension, by index."""
    c = Compose(call.builder)
    x, index = call.input(0), call.input(1)
    count = index.type.elements
    y = c.gather(x, c.reshape(index, (count,)), -1)
    return c.reshape(y, (1, count)) if x.type.rank == 1 else y


def binarizer(call: Call) -> Value:
    """Binarizer: 1 above the threshold, else 0."""
    c = Compose(call.builder)
    x = call.input(0)
    above = c.binary(Greater(), x, call.number("threshold", 0.0))
    return c.cast(above, x.type.dtype)


def feature_vectorizer(call: Call) -> Value:
    """FeatureVectorizer: columns side by side, each input cut or padded to its declared width."""
    c = Compose(call.builder)
    widths = call.integers("inputdimensions")
    if len(widths) != len(call.inputs):
        raise call.invalid(f"inputdimensions: expected {len(call.inputs)}, found {widths}")
    columns = []
    for x, width in zip(call.tensors(), widths, strict=True):
        x = _float(c, x)
        x = c.unsqueeze(x, 1) if x.type.rank == 1 else x
        found = x.type.dims[1]
        if width > found:
            x = c.apply(Pad((0, 0, 0, width - found)), x)
        columns.append(c.slice(x, 1, 0, width))
    return c.concat(columns, 1)


def imputer(call: Call) -> Value:
    """Imputer: a value that stands for a missing one, replaced column by column."""
    c = Compose(call.builder)
    x = call.input(0)
    if x.type.dtype.is_float:
        values = _row(c, call.numbers("imputed_value_floats"), x)
        missing = call.number("replaced_value_float", 0.0)
    else:
        values = _row(c, call.integers("imputed_value_int64s"), x)
        missing = call.integer("replaced_value_int64", 0)
    if math.isnan(missing):
        return c.where(c.apply(IsNan(), x), values, x)
    return c.where(c.binary(Equal(), x, missing), values, x)


def linear_regressor(call: Call) -> Value:
    """LinearRegressor: x times the coefficients of each target, plus its intercept."""
    c = Compose(call.builder)
    x = _float(c, call.ranked(0, 2))
    targets = call.integer("targets", 1)
    weights = np.asarray(call.numbers("coefficients"), x.type.dtype.numpy)
    if weights.size != targets * x.type.dims[1]:
        raise call.invalid(
            f"coefficients: expected {targets * x.type.dims[1]}, found {weights.size}"
        )
    y = c.matmul(x, c.constant(weights.reshape(targets, -1)), transpose_b=True)
    intercepts = call.numbers("intercepts", ())
    y = c.add(y, _row(c, intercepts, x)) if intercepts else y
    return _transformed(call, c, y)


def _transformed(call: Call, c: Compose, scores: Value) -> Value:
    name = call.string("post_transform", "NONE")
    if name == "NONE":
        return scores
    if name == "LOGISTIC":
        return c.apply(Sigmoid(), scores)
    if name == "SOFTMAX":
        return c.apply(Softmax(1), scores)
    raise call.unsupported(f"post_transform: expected NONE, LOGISTIC or SOFTMAX, found {name}")


def normalizer(call: Call) -> Value:
    """Normalizer: rows divided by their largest magnitude, 1-norm or 2-norm."""
    c = Compose(call.builder)
    x = _float(c, call.ranked(0, 2))
    name = call.string("norm", "MAX")
    if name == "L2":
        norm = c.apply(Sqrt(), c.reduce("sum", c.mul(x, x), (1,), keepdims=True))
    elif name in ("MAX", "L1"):
        kind: ReduceKind = "max" if name == "MAX" else "sum"
        norm = c.reduce(kind, c.apply(Abs(), x), (1,), keepdims=True)
    else:
        raise call.invalid(f"norm: expected MAX, L1 or L2, found {name!r}")
    return c.div(x, c.max(norm, TINY))


def scaler(call: Call) -> Value:
    """Scaler: (x - offset) * scale."""
    c = Compose(call.builder)
    x = _float(c, call.input(0))
    offset, scale = call.numbers("offset"), call.numbers("scale")
    return c.mul(c.sub(x, _row(c, offset, x)), _row(c, scale, x))


IMPORTERS: dict[str, Import] = {
    "ai.onnx.ml:ArrayFeatureExtractor": array_feature_extractor,
    "ai.onnx.ml:Binarizer": binarizer,
    "ai.onnx.ml:FeatureVectorizer": feature_vectorizer,
    "ai.onnx.ml:Imputer": imputer,
    "ai.onnx.ml:LinearRegressor": linear_regressor,
    "ai.onnx.ml:Normalizer": normalizer,
    "ai.onnx.ml:Scaler": scaler,
}
