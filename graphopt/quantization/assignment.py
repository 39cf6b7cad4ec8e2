"""Saved assignments: a format per layer, as JSON that can be read, edited and given back."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from graphopt.errors import OptionError, PrecisionError
from graphopt.quantization.formats import parse_format

VERSION = 1


@dataclass(frozen=True)
class SavedAssignment:
    """The formats of a model's layers, and what was known when they were chosen.

    Attributes:
        formats: the format by layer, such as "w4a8".
        limits: what was asked for, by the name of the limit.
        costs: what the formats cost, by name.
        loss: the loss that was predicted for them.
        bound: no assignment within the limits has a smaller predicted loss.

    Only the formats are in force: after an edit by hand, the other numbers describe the assignment
    as it was.
    """

    formats: Mapping[str, str]
    limits: Mapping[str, float] = field(default_factory=dict[str, float])
    costs: Mapping[str, float] = field(default_factory=dict[str, float])
    loss: float | None = None
    bound: float | None = None


def print_assignment(assignment: SavedAssignment) -> str:
    """The JSON text of an assignment, with a line per layer."""
    content = {
        "graphopt_assignment": VERSION,
        "limits": dict(assignment.limits),
        "costs": dict(assignment.costs),
        "predicted_loss": assignment.loss,
        "loss_bound": assignment.bound,
        "formats": dict(assignment.formats),
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def parse_assignment(
    text: str, layers: Collection[str], where: str = "assignment"
) -> SavedAssignment:
    """The inverse of `print_assignment`, checked against the layers of a model.

    Args:
        layers: the names of all layers; each must be given a format.
        where: what errors name, such as the file.

    Raises:
        PrecisionError: not JSON, not an assignment of this version, a layer that the model does
            not have or that is missing, or a format that does not exist.
    """
    try:
        content = json.loads(text, object_pairs_hook=_unique)
    except ValueError as error:
        raise PrecisionError(where, f"expected JSON, found {error}") from error
    if not isinstance(content, dict) or content.get("graphopt_assignment") != VERSION:
        found = content.get("graphopt_assignment") if isinstance(content, dict) else content
        raise PrecisionError(
            where, f'expected "graphopt_assignment": {VERSION}, found {_short(found)}'
        )
    formats = _field(content, "formats", str, where)
    for layer, format in formats.items():
        _check(layer, format, layers, where)
    missing = [layer for layer in layers if layer not in formats]
    if missing:
        raise PrecisionError(
            where,
            f"formats: expected all {len(layers)} layers, found {len(missing)} missing",
            f"add {', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''}",
        )
    return SavedAssignment(
        formats,
        _field(content, "limits", float, where),
        _field(content, "costs", float, where),
        _number(content, "predicted_loss", where),
        _number(content, "loss_bound", where),
    )


def write_assignment(assignment: SavedAssignment, path: Path) -> None:
    """Write an assignment as JSON."""
    path.write_text(print_assignment(assignment), "utf-8")


def read_assignment(path: Path, layers: Collection[str]) -> SavedAssignment:
    """Read an assignment for a model with these layers.

    Raises:
        PrecisionError: the file cannot be read, or as `parse_assignment` does.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PrecisionError(str(path), f"expected a readable text file, found {error}") from error
    return parse_assignment(text, layers, str(path))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object's fields; json itself would keep the last of several equal names."""
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice!r} twice in one object")
    return content


def _check(layer: str, format: str, layers: Collection[str], where: str) -> None:
    if layer not in layers:
        close = get_close_matches(layer, layers, n=3) or list(layers)[:3]
        raise PrecisionError(
            where,
            f"formats: expected a layer of the model, found {layer!r}",
            f"nearest of {len(layers)}: {', '.join(close)}",
        )
    try:
        parse_format(format)
    except OptionError as error:
        raise PrecisionError(f"{where}: layer {layer}", error.what) from error


def _field(content: dict[str, Any], name: str, kind: type, where: str) -> dict[str, Any]:
    """An object whose values are all strings or all numbers."""
    found = content.get(name)
    if not isinstance(found, dict):
        raise PrecisionError(where, f"{name}: expected an object, found {_short(found)}")
    for key, value in found.items():
        if not _is(value, kind):
            expected = "a string" if kind is str else "a number"
            raise PrecisionError(
                where, f"{name}: {key}: expected {expected}, found {_short(value)}"
            )
    return found


def _number(content: dict[str, Any], name: str, where: str) -> float | None:
    found = content.get(name)
    if found is not None and not _is(found, float):
        raise PrecisionError(where, f"{name}: expected a number, found {_short(found)}")
    return found


def _is(value: Any, kind: type) -> bool:
    if kind is str:
        return isinstance(value, str)
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
