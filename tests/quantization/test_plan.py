"""Plans can be saved, edited and loaded; what is wrong in a file is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from graphopt.errors import OptionError, PlanError
from graphopt.ir import DType
from graphopt.quantization.formats import Format
from graphopt.quantization.plan import QuantizationPlan
from graphopt.quantization.ranges import Quantizer

PLAN = QuantizationPlan(
    {"x": (Quantizer(DType.I8, 0.5, -128), Quantizer(DType.I4, 8.0, -8))},
    {"conv": "w4a4", "dense": "f32"},
    float_activations=("mask",),
    quantize_outputs=True,
    ranges="mse",
)


def test_round_trip(tmp_path: Path) -> None:
    PLAN.save(tmp_path / "plan.json")
    assert QuantizationPlan.load(tmp_path / "plan.json") == PLAN


def test_text() -> None:
    assert str(PLAN).splitlines() == [
        "ranges by mse, weights by minmax",
        "  x: i8 [0, 127.5] scale 0.5 zero point -128",
        "  x: i4 [0, 120] scale 8 zero point -8",
        "  layer conv: w4a4",
        "  layer dense: f32",
    ]


def test_quantizers_by_dtype() -> None:
    assert PLAN.quantizer("x").dtype is DType.I8
    assert PLAN.quantizer("x", DType.I4).scale == 8
    assert PLAN.quantizer("x", DType.I16).high == pytest.approx(127.5)
    with pytest.raises(PlanError, match="activation y: expected a quantizer, found none"):
        PLAN.quantizer("y")


def test_formats_of_exactly_the_layers() -> None:
    assert PLAN.layer_formats(["conv", "dense"])["conv"] == Format(DType.I4, DType.I4)
    with pytest.raises(PlanError, match="layer dense: .* found one of none"):
        PLAN.layer_formats(["conv"])
    with pytest.raises(PlanError, match="layer pool: expected a format of each layer, found none"):
        PLAN.layer_formats(["conv", "dense", "pool"])


QUANTIZER = {"dtype": "i8", "scale": 0.5, "zero_point": 0}


@pytest.mark.parametrize(
    ("entry", "value", "message"),
    [
        ("version", 7, "version: expected 1, found 7"),
        ("ranges", "best", "ranges: expected one of minmax, percentile, mse, entropy, found 'best"),
        ("formats", [], "formats: expected an object"),
        ("formats", {"conv": 8}, "formats: layer conv: expected a format, found 8"),
        ("activations", {"x": []}, "activation x: expected a list of quantizers"),
        ("activations", {"x": [{"dtype": "i8"}]}, "activation x: expected the entry 'scale'"),
        ("activations", {"x": [QUANTIZER | {"dtype": "f32"}]}, "dtype: expected an integer one"),
        ("activations", {"x": [QUANTIZER | {"scale": 0}]}, "scale: expected a number above 0"),
        (
            "activations",
            {"x": [QUANTIZER | {"zero_point": 128}]},
            "expected -128 to 127, found 128",
        ),
        ("float_activations", "mask", "expected a list of names"),
    ],
)
def test_wrong_entries(entry: str, value: Any, message: str) -> None:
    with pytest.raises(PlanError) as caught:
        QuantizationPlan.from_json(PLAN.to_json() | {entry: value}, "plan.json")
    assert message in str(caught.value)
    assert str(caught.value).startswith("plan.json")


def test_unknown_format() -> None:
    with pytest.raises(OptionError, match="format: expected wXaY .* found 'w3a8'"):
        QuantizationPlan.from_json(PLAN.to_json() | {"formats": {"conv": "w3a8"}})


def test_no_plan(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="expected a plan in JSON"):
        QuantizationPlan.load(tmp_path / "plan.json")
    (tmp_path / "plan.json").write_text("{")
    with pytest.raises(PlanError, match="expected a plan in JSON"):
        QuantizationPlan.load(tmp_path / "plan.json")
    (tmp_path / "plan.json").write_text(json.dumps([1]))
    with pytest.raises(PlanError, match="expected an object"):
        QuantizationPlan.load(tmp_path / "plan.json")
