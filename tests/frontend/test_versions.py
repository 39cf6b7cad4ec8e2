"""What changed between versions of an operator, against ONNX Runtime, which runs them all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime
import pytest

from graphopt.ir import Array

from .onnx_runs import check_model, one_node

RNG = np.random.default_rng(0)


def f32(*shape: int) -> Array:
    return RNG.standard_normal(shape).astype(np.float32)


def real(value: float | Sequence[float] | Sequence[Sequence[float]]) -> Array:
    return np.array(value, np.float32)


def byte(value: int | list[int] | list[list[int]], signed: bool = True) -> Array:
    return np.array(value, np.int8 if signed else np.uint8)


def i64(*values: int) -> Array:
    return np.array(values, np.int64)


X = f32(2, 3, 4)
IMAGE = f32(1, 3, 6, 6)
Case = tuple[str, int, Sequence[Array | None], Sequence[int], dict[str, Any]]

# operator, opset, inputs, which of them are initializers, attributes
CASES: list[Case] = [
    ("Squeeze", 7, [f32(1, 3, 1)], [], {"axes": [0]}),
    ("Squeeze", 11, [f32(1, 3, 1)], [], {"axes": [-1]}),
    ("Squeeze", 11, [f32(1, 3, 1)], [], {}),
    ("Squeeze", 13, [f32(1, 3, 1), i64(-3, 2)], [1], {}),
    ("Squeeze", 13, [f32(1, 3, 1)], [], {}),
    ("Unsqueeze", 7, [X], [], {"axes": [0, 4]}),
    ("Unsqueeze", 11, [X], [], {"axes": [-1]}),
    ("Unsqueeze", 13, [X, i64(3, 0)], [1], {}),
    ("Clip", 7, [X], [], {"min": -0.5, "max": 0.5}),
    ("Clip", 7, [X], [], {}),
    ("Clip", 11, [X, real(-0.5), real(0.5)], [1, 2], {}),
    ("Clip", 12, [X, None, real(0.5)], [2], {}),
    ("Clip", 13, [X, real(-0.5), real(0.5)], [1], {}),
    ("Slice", 9, [X], [], {"starts": [0, -2], "ends": [1, 1000], "axes": [0, 2]}),
    ("Slice", 9, [X], [], {"starts": [0, 1], "ends": [2, -1]}),
    ("Slice", 10, [X, i64(-1), i64(-1000), i64(2), i64(-2)], [1, 2, 3, 4], {}),
    ("Slice", 13, [X, i64(0, 1), i64(1, 3)], [1, 2], {}),
    ("Slice", 13, [X, i64(2), i64(1), i64(1)], [1, 2, 3], {}),
    ("Pad", 7, [X], [], {"pads": [0, 1, 2, 0, 0, 1], "value": 2.0}),
    ("Pad", 11, [X, i64(0, 1, 2, 0, 0, 1), real(3)], [1, 2], {}),
    ("Pad", 13, [X, i64(0, 1, 2, 0, 0, 1)], [1], {"mode": "reflect"}),
    ("Pad", 13, [X, i64(0, -1, 2, 0, 0, -1)], [1], {"mode": "edge"}),
    ("Pad", 18, [X, i64(1, 2), None, i64(-1)], [1, 3], {}),
    ("Pad", 19, [X, i64(0, 1, 2, 0, 0, 1)], [1], {"mode": "wrap"}),
    ("Split", 7, [X], [], {"axis": 2, "split": [1, 3]}),
    ("Split", 11, [X], [], {"axis": -1}),
    ("Split", 13, [X, i64(1, 3)], [1], {"axis": 2}),
    ("Split", 18, [f32(5, 2)], [], {"num_outputs": 2}),
    ("ReduceSum", 7, [X], [], {"axes": [1], "keepdims": 0}),
    ("ReduceSum", 11, [X], [], {"axes": [-1]}),
    ("ReduceSum", 13, [X, i64(1)], [1], {}),
    ("ReduceSum", 13, [X], [], {"noop_with_empty_axes": 1}),
    ("ReduceSum", 13, [X], [], {"keepdims": 0}),
    ("ReduceMean", 13, [X], [], {"axes": [0, 2]}),
    ("ReduceMean", 18, [X, i64(-2)], [1], {"keepdims": 0}),
    ("ReduceL2", 13, [X], [], {"axes": [2]}),
    ("ReduceLogSumExp", 18, [100 * X, i64(1)], [1], {}),
    ("Upsample", 7, [IMAGE], [], {"scales": [1.0, 1.0, 2.0, 2.0]}),
    ("Upsample", 9, [IMAGE, real([1, 1, 2, 3])], [1], {"mode": "nearest"}),
    ("Upsample", 9, [IMAGE, real([1, 1, 2, 2])], [1], {"mode": "linear"}),
    ("Resize", 10, [IMAGE, real([1, 1, 2, 0.5])], [1], {}),
    ("Resize", 10, [IMAGE, real([1, 1, 2, 2])], [1], {"mode": "linear"}),
    ("Resize", 11, [IMAGE, f32(0), real([1, 1, 2, 2])], [1, 2], {"mode": "cubic"}),
    ("Resize", 13, [IMAGE, None, None, i64(1, 3, 9, 5)], [3], {"mode": "linear"}),
    ("BatchNormalization", 7, [IMAGE, f32(3), f32(3), f32(3), f32(3) ** 2], [1, 2, 3, 4], {}),
    ("BatchNormalization", 9, [IMAGE, f32(3), f32(3), f32(3), f32(3) ** 2], [1], {}),
    ("BatchNormalization", 15, [IMAGE, f32(3), f32(3), f32(3), f32(3) ** 2], [1, 2, 3, 4], {}),
    ("Softmax", 7, [X], [], {"axis": 1}),
    ("Softmax", 11, [X], [], {"axis": 2}),
    ("Softmax", 11, [X], [], {}),
    ("Softmax", 13, [X], [], {}),
    ("Softmax", 13, [X], [], {"axis": 0}),
    ("LogSoftmax", 11, [X], [], {}),
    ("LogSoftmax", 13, [X], [], {"axis": 1}),
    ("Hardmax", 11, [X], [], {}),
    ("Hardmax", 13, [X], [], {"axis": 1}),
    ("Dropout", 7, [X], [], {"ratio": 0.5}),
    ("Dropout", 12, [X, real(0.5)], [1], {}),
    ("Gemm", 7, [f32(2, 3), f32(4, 3), f32(4)], [1, 2], {"transB": 1, "alpha": 2.0, "beta": 0.5}),
    ("Gemm", 11, [f32(3, 2), f32(3, 4)], [1], {"transA": 1}),
    ("TopK", 7, [X], [], {"k": 2}),
    ("TopK", 10, [X, i64(2)], [1], {"axis": 1}),
    ("TopK", 11, [X, i64(3)], [1], {"largest": 0}),
    ("Flatten", 7, [X], [], {"axis": 2}),
    ("Flatten", 11, [X], [], {"axis": -1}),
    ("Reshape", 7, [X, i64(0, -1)], [1], {}),
    ("Reshape", 14, [f32(0, 4), i64(0, 3)], [1], {"allowzero": 1}),
    ("AveragePool", 7, [IMAGE], [], {"kernel_shape": [3, 2], "auto_pad": "SAME_UPPER"}),
    ("AveragePool", 10, [IMAGE], [], {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}),
    ("AveragePool", 11, [IMAGE], [], {"kernel_shape": [3, 3], "pads": [1, 0, 2, 1]}),
    ("MaxPool", 7, [IMAGE], [], {"kernel_shape": [2, 2], "auto_pad": "SAME_LOWER"}),
    ("MaxPool", 10, [IMAGE], [], {"kernel_shape": [2, 2], "dilations": [2, 3]}),
    ("LpPool", 11, [IMAGE], [], {"kernel_shape": [2, 2], "p": 3, "pads": [1, 0, 0, 1]}),
    ("DepthToSpace", 7, [f32(1, 8, 2, 3)], [], {"blocksize": 2}),
    ("DepthToSpace", 11, [f32(1, 8, 2, 3)], [], {"blocksize": 2, "mode": "CRD"}),
    ("SpaceToDepth", 7, [IMAGE], [], {"blocksize": 3}),
    ("Scatter", 9, [f32(3, 3), np.array([[0, 2, 1]]), f32(1, 3)], [], {"axis": 0}),
    ("PRelu", 7, [IMAGE, f32(3, 1, 1)], [1], {}),
    ("Pow", 13, [np.abs(X), i64(3)], [1], {}),
    ("Conv", 7, [IMAGE, f32(4, 3, 3, 2)], [1], {"auto_pad": "SAME_LOWER", "strides": [2, 2]}),
    ("Conv", 11, [IMAGE, f32(6, 1, 3, 3), f32(6)], [1, 2], {"group": 3, "pads": [2, 0, 1, 1]}),
    ("Conv", 11, [f32(1, 2, 9), f32(3, 2, 3)], [1], {"dilations": [2]}),
    ("Conv", 11, [f32(1, 2, 4, 5, 4), f32(3, 2, 2, 2, 2)], [1], {"strides": [1, 2, 1]}),
    ("ConvTranspose", 7, [IMAGE, f32(3, 2, 3, 3)], [1], {"strides": [2, 2]}),
    (
        "ConvTranspose",
        11,
        [IMAGE, f32(3, 2, 3, 3), f32(2)],
        [1, 2],
        {"group": 1, "pads": [1, 0, 0, 1], "output_padding": [1, 0], "strides": [2, 2]},
    ),
    (
        "ConvTranspose",
        11,
        [IMAGE, f32(3, 2, 3, 3)],
        [1],
        {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
    ),
    ("GroupNormalization", 21, [f32(2, 4, 5), f32(4), f32(4)], [1, 2], {"num_groups": 2}),
    ("InstanceNormalization", 7, [IMAGE, f32(3), f32(3)], [1, 2], {}),
    ("LayerNormalization", 17, [X, f32(3, 4), f32(3, 4)], [1, 2], {"axis": 1}),
    ("LRN", 7, [f32(1, 7, 2, 2)], [], {"size": 5, "alpha": 0.5, "beta": 0.75, "bias": 2.0}),
    ("OneHot", 9, [i64(0, -1, 7), real([4]), real([2, 5])], [1], {"axis": 0}),
    ("Einsum", 12, [f32(2, 3), f32(3, 4)], [], {"equation": "ij,jk->ki"}),
    ("QuantizeLinear", 10, [X, real(0.1), byte(7, signed=False)], [1, 2], {}),
    ("QuantizeLinear", 13, [X, f32(3) ** 2 + 0.1, byte([1, 2, 3])], [1, 2], {"axis": 1}),
    (
        "DequantizeLinear",
        21,
        [byte([[1, -2, 3, 4, 5]]), real([[0.5, 2.0, 3.0]]), byte([[1, 2, 3]])],
        [0, 1, 2],
        {"axis": 1, "block_size": 2},
    ),
    (
        "QuantizeLinear",
        21,
        [f32(6, 2), abs(f32(2, 2)) + real(0.1), byte([[1, 2], [3, 4]])],
        [1, 2],
        {"axis": 0, "block_size": 3},
    ),
    ("DequantizeLinear", 10, [byte([[1, -2]]), real(0.1), byte(3)], [1, 2], {}),
]


def _name(case: Case) -> str:
    return f"{case[0]}-{case[1]}"


@pytest.mark.parametrize("case", CASES, ids=_name)
def test_each_version_means_what_onnxruntime_computes(case: Case) -> None:
    op_type, opset, inputs, known, attributes = case
    outputs = 2 if op_type in ("Split", "TopK") else 1
    proto = one_node(op_type, inputs, opset, outputs, known, **attributes)
    for value in proto.graph.output:
        value.ClearField("type")
    feeds = {
        f"x{i}": np.asarray(array)
        for i, array in enumerate(inputs)
        if array is not None and i not in known
    }
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    proto.ir_version = 8
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    check_model(proto, feeds, [np.asarray(array) for array in session.run(None, feeds)])
