"""Run the node cases of the ONNX backend test suite: import, run, compare."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from onnx import ModelProto, TensorProto, numpy_helper
from onnx.backend.test.case.test_case import TestCase
from onnx.backend.test.loader import load_model_tests

from graphopt.errors import GraphoptError, NotConstant
from graphopt.frontend import load_onnx
from graphopt.interpreter import evaluate
from graphopt.ir import Array, DType, Graph, TensorType

# Relative to the largest result: the suite's own tolerances leave no room for sums near zero.
ROUNDING = {DType.F32: 2.0**-21, DType.F16: 2.0**-10, DType.BF16: 2.0**-7}
Run = Callable[[Graph, Mapping[str, Array]], Mapping[str, Array]]


@functools.cache
def cases() -> dict[str, TestCase]:
    """Every node case of the installed onnx, by name."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return {case.name: case for case in load_model_tests(kind="node")}


def check(case: TestCase, run: Run = evaluate) -> str:
    """Run a case: "" when every result is right, else the reason why it cannot be compiled.

    Raises:
        AssertionError: a result is wrong.
    """
    for inputs, expected in case.data_sets or ():
        model = _model(case)
        feeds = {i.name: _array(a) for i, a in zip(model.graph.input, inputs, strict=False)}
        arrays = {name: array for name, array in feeds.items() if array is not None}
        if len(arrays) < len(feeds):
            return "an input is a sequence or an optional"
        try:
            graph = import_case(case, arrays)
            found = run(graph, {v.name: _like(arrays[v.name], v.type) for v in graph.inputs})
        except GraphoptError as error:
            return str(error).splitlines()[0]
        for name, want in zip(graph.output_names, expected, strict=True):
            _compare(name, found[name], want, case)
    return ""


def outcome(case: TestCase, run: Run = evaluate) -> str:
    """As `check`; a wrong result is the reason "wrong: ..."."""
    try:
        return check(case, run)
    except AssertionError as error:
        return f"wrong: {error}"


def import_case(case: TestCase, arrays: Mapping[str, Array]) -> Graph:
    """Import a case; inputs that decide shapes are bound to their arrays."""
    bound: dict[str, Array] = {}
    shapes = {name: array.shape for name, array in arrays.items()}
    while True:
        try:
            return load_onnx(_model(case), shapes, bound)
        except NotConstant as error:
            if set(error.inputs) <= set(bound):
                raise
            bound |= {name: arrays[name] for name in error.inputs}


def _model(case: TestCase) -> ModelProto:
    assert case.model is not None
    return case.model


def _like(array: Array, type: TensorType) -> Array:
    return array.astype(type.dtype.numpy, copy=False)


def _array(given: Any) -> Array | None:
    """An input or result of a case as an array; None for a sequence or an absent optional."""
    if isinstance(given, TensorProto):
        return numpy_helper.to_array(given)
    return None if isinstance(given, list) or given is None else np.asarray(given)


def _compare(name: str, found: Array, want: Any, case: TestCase) -> None:
    want = _array(want)
    assert want is not None, f"{name}: a sequence"
    assert found.shape == want.shape, (name, found.shape, want.shape)
    if want.dtype.kind in "OUS":
        assert found.tolist() == want.tolist(), name
        return
    assert found.dtype == want.dtype, (name, found.dtype, want.dtype)
    if DType.of(want).is_float or want.dtype.kind == "c":
        wide = np.complex128 if want.dtype.kind == "c" else np.float64
        real = want.astype(wide)
        finite = np.abs(real[np.isfinite(real)])
        epsilon = ROUNDING.get(DType.of(want), 0.0)
        np.testing.assert_allclose(
            found.astype(wide),
            real,
            rtol=max(case.rtol, epsilon),
            atol=max(case.atol, epsilon * float(finite.max(initial=0.0))),
            err_msg=name,
        )
    else:
        np.testing.assert_array_equal(found, want, err_msg=name)
