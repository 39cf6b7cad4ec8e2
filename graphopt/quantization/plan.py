"""What was decided for each activation and layer: printed, saved, edited and loaded."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from graphopt.errors import OptionError, PlanError
from graphopt.ir import DType
from graphopt.ops.quantization import integer_range
from graphopt.plans import entries, mapping, names
from graphopt.quantization.formats import ACTIVATIONS, Format, parse_format
from graphopt.quantization.patches.head import Grid
from graphopt.quantization.patches.plan import MapBits, PatchedMaps
from graphopt.quantization.ranges import RANGE_METHODS, Quantizer, RangeMethod, quantizer
from graphopt.quantization.weights import WEIGHT_METHODS, WeightMethod

VERSION = 1
Choice = TypeVar("Choice")


@dataclass(frozen=True)
class QuantizationPlan:
    """Quantizers by the name of their group, formats by the name of their layer.

    Attributes:
        activations: for each quantizer group its quantizers, of different dtypes; the first one
            serves all nodes but the layers whose format asks for another.
        formats: for each layer its format, such as "w8a8"; "f32" for one that stays float.
        float_activations: names of activations that are not quantized.
        quantize_outputs: whether the outputs of the graph are quantized too.
        equalized: whether the plan is for the graph with even channels ("equalize-channels").
        ranges, weight_ranges: the methods that chose the scales.
        patches: the head that runs patch by patch, if one does.
    """

    activations: Mapping[str, tuple[Quantizer, ...]] = field(
        default_factory=dict[str, tuple[Quantizer, ...]]
    )
    formats: Mapping[str, str] = field(default_factory=dict[str, str])
    float_activations: tuple[str, ...] = ()
    quantize_outputs: bool = False
    equalized: bool = False
    ranges: RangeMethod = "minmax"
    weight_ranges: WeightMethod = "minmax"
    patches: PatchedMaps | None = None

    def quantizer(self, group: str, dtype: DType | None = None) -> Quantizer:
        """The quantizer of a group for a dtype; None: the one that serves by default.

        One of a dtype that the plan does not list covers the range of the default one.

        Raises:
            PlanError: the plan has none for this group.
        """
        quantizers = self.activations.get(group)
        if not quantizers:
            raise PlanError(
                f"activation {group}",
                "expected a quantizer, found none",
                "add it to the plan, or quantize with samples",
            )
        if dtype is None:
            return quantizers[0]
        for each in quantizers:
            if each.dtype is dtype:
                return each
        return quantizer(quantizers[0].low, quantizers[0].high, dtype)

    def layer_formats(self, layers: Collection[str]) -> dict[str, Format]:
        """The format of every layer.

        Raises:
            PlanError: a layer has none, or the plan names a layer that does not exist.
            OptionError: a format does not exist.
        """
        if set(self.formats) != set(layers):
            (name, *_) = sorted(set(self.formats) ^ set(layers))
            found = "one of none" if name in self.formats else "none"
            raise PlanError(f"layer {name}", f"expected a format of each layer, found {found}")
        return {name: parse_format(self.formats[name]) for name in layers}

    def save(self, path: str | Path) -> None:
        """Write the plan as JSON."""
        Path(path).write_text(json.dumps(self.to_json(), indent=1) + "\n", "utf-8")

    def to_json(self) -> dict[str, Any]:
        """The plan as plain data."""
        return {
            "version": VERSION,
            "ranges": self.ranges,
            "weight_ranges": self.weight_ranges,
            "quantize_outputs": self.quantize_outputs,
            "equalized": self.equalized,
            "float_activations": list(self.float_activations),
            "formats": dict(self.formats),
            "activations": {
                name: [_stored(q) for q in quantizers]
                for name, quantizers in self.activations.items()
            },
            "patches": None if self.patches is None else _stored_patches(self.patches),
        }

    @staticmethod
    def load(path: str | Path) -> QuantizationPlan:
        """The plan in a JSON file.

        Raises:
            PlanError: the file cannot be read, or something in it is not what a plan holds.
        """
        try:
            data = json.loads(Path(path).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise PlanError(str(path), f"expected a plan in JSON, found {error}") from error
        return QuantizationPlan.from_json(data, str(path))

    @staticmethod
    def from_json(data: Any, where: str = "plan") -> QuantizationPlan:
        """The inverse of `to_json`.

        Raises:
            PlanError: names the entry that is wrong.
        """
        options = {"ranges", "weight_ranges", "quantize_outputs", "equalized", "float_activations"}
        content = entries(data, where, options | {"version", "formats", "activations"})
        if content["version"] != VERSION:
            raise PlanError(where, f"version: expected {VERSION}, found {content['version']!r}")
        activations = mapping(content["activations"], f"{where}: activations")
        return QuantizationPlan(
            {name: _quantizers(each, name, where) for name, each in activations.items()},
            _formats(content["formats"], f"{where}: formats"),
            names(content["float_activations"], f"{where}: float_activations"),
            content["quantize_outputs"] is True,
            content["equalized"] is True,
            _one_of(content["ranges"], RANGE_METHODS, f"{where}: ranges"),
            _one_of(content["weight_ranges"], WEIGHT_METHODS, f"{where}: weight_ranges"),
            _patches(content.get("patches"), f"{where}: patches"),
        )

    def __str__(self) -> str:
        rows = [f"ranges by {self.ranges}, weights by {self.weight_ranges}"]
        rows += [
            f"  {name}: {q.dtype} [{q.low:.6g}, {q.high:.6g}] "
            f"scale {q.scale:.6g} zero point {q.zero_point}"
            for name, quantizers in self.activations.items()
            for q in quantizers
        ]
        rows += [f"  layer {name}: {each}" for name, each in self.formats.items()]
        if self.patches is not None:
            rows.append(f"  {self.patches.grid} patches")
            rows += [
                f"  layer {name}: bits of patches {' '.join(map(str, each.bits))}"
                for name, each in self.patches.maps.items()
            ]
        return "\n".join(rows)


def _stored(chosen: Quantizer) -> dict[str, Any]:
    return {"dtype": str(chosen.dtype), "scale": chosen.scale, "zero_point": chosen.zero_point}


def _stored_patches(patches: PatchedMaps) -> dict[str, Any]:
    return {
        "grid": str(patches.grid),
        "maps": {
            name: {
                "bits": list(each.bits),
                "outliers": list(each.outliers),
                "quantizers": [_stored(q) for q in each.quantizers.values()],
            }
            for name, each in patches.maps.items()
        },
    }


def _patches(data: Any, where: str) -> PatchedMaps | None:
    if data is None:
        return None
    content = entries(data, where, {"grid", "maps"})
    try:
        grid = Grid.parse(str(content["grid"]))
    except OptionError as error:
        raise PlanError(where, error.what) from error
    maps = mapping(content["maps"], f"{where}: maps")
    return PatchedMaps(
        grid, {name: _map_bits(each, f"{where}: layer {name}") for name, each in maps.items()}
    )


def _map_bits(data: Any, where: str) -> MapBits:
    content = entries(data, where, {"bits", "outliers", "quantizers"})
    bits, outliers = content["bits"], content["outliers"]
    if not isinstance(bits, list) or not all(each in ACTIVATIONS for each in bits):
        raise PlanError(where, f"bits: expected a list of {sorted(ACTIVATIONS)}, found {bits!r}")
    if not isinstance(outliers, list) or not all(isinstance(each, bool) for each in outliers):
        raise PlanError(where, f"outliers: expected a list of true and false, found {outliers!r}")
    if not isinstance(content["quantizers"], list):
        raise PlanError(where, f"expected a list of quantizers, found {content['quantizers']!r}")
    found = [_quantizer(each, where) for each in content["quantizers"]]
    return MapBits(tuple(bits), tuple(outliers), {q.dtype.bits: q for q in found})


def _quantizers(data: Any, name: str, where: str) -> tuple[Quantizer, ...]:
    where = f"{where}: activation {name}"
    if not isinstance(data, list) or not data:
        raise PlanError(where, f"expected a list of quantizers, found {data!r}")
    return tuple(_quantizer(each, where) for each in data)


def _quantizer(data: Any, where: str) -> Quantizer:
    content = entries(data, where, {"dtype", "scale", "zero_point"})
    name, scale, zero_point = (content[key] for key in ("dtype", "scale", "zero_point"))
    if name not in {str(d) for d in DType if d.is_integer}:
        raise PlanError(where, f"dtype: expected an integer one, found {name!r}")
    if not isinstance(scale, int | float) or not np.isfinite(scale) or scale <= 0:
        raise PlanError(where, f"scale: expected a number above 0, found {scale!r}")
    least, most = integer_range(DType(name))
    if not isinstance(zero_point, int) or not least <= zero_point <= most:
        raise PlanError(where, f"zero point: expected {least} to {most}, found {zero_point!r}")
    return Quantizer(DType(name), float(np.float32(scale)), zero_point)


def _formats(data: Any, where: str) -> dict[str, str]:
    formats = mapping(data, where)
    for name, each in formats.items():
        if not isinstance(each, str):
            raise PlanError(f"{where}: layer {name}", f"expected a format, found {each!r}")
        parse_format(each)
    return dict(formats)


def _one_of(data: Any, choices: tuple[Choice, ...], where: str) -> Choice:
    for choice in choices:
        if data == choice:
            return choice
    raise PlanError(where, f"expected one of {', '.join(map(str, choices))}, found {data!r}")
