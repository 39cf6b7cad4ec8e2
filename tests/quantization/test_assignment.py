"""Saved assignments survive being printed, and say what is wrong with them."""

from dataclasses import replace
from pathlib import Path

import pytest

from graphopt.errors import PrecisionError
from graphopt.quantization.assignment import (
    SavedAssignment,
    parse_assignment,
    print_assignment,
    read_assignment,
    write_assignment,
)

LAYERS = ("conv1", "blocks/0/conv", 'odd "name" é')
SAVED = SavedAssignment(
    dict(zip(LAYERS, ("w8a8", "w4a8", "f32"), strict=True)),
    limits={"weight_bytes": 1000},
    costs={"weight_bytes": 996, "bops": 1.5e9},
    loss=0.1,
    bound=0.09,
)


@pytest.mark.parametrize("saved", [SAVED, SavedAssignment({layer: "w8a8" for layer in LAYERS})])
def test_round_trip(saved: SavedAssignment, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_assignment(saved, path)
    assert read_assignment(path, LAYERS) == saved


def test_edited_by_hand() -> None:
    text = print_assignment(SAVED)
    line = ' "blocks/0/conv": "w4a8",'
    assert line in text.splitlines()[-4]
    edited = parse_assignment(text.replace(line, line.replace("w4", "w2")), LAYERS)
    assert edited == replace(SAVED, formats={**SAVED.formats, "blocks/0/conv": "w2a8"})


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"w8a8"', '"w8a8', "a.json: expected JSON, found"),
        ('"conv1"', '"blocks/0/conv"', "found the name 'blocks/0/conv' twice in one object"),
        ('"conv1"', '"conv2"', "found 'conv2'\nnearest of 3: conv1"),
        ('"conv1": "w8a8",', "", "expected all 3 layers, found 1 missing\nadd conv1"),
        ('"w8a8"', '"w3a8"', "a.json: layer conv1: expected wXaY"),
        ('"w8a8"', "8", "formats: conv1: expected a string, found 8"),
        ('_assignment": 1', '_assignment": 2', 'expected "graphopt_assignment": 1, found 2'),
        ("1000", "true", "limits: weight_bytes: expected a number, found true"),
        ("0.1", '"low"', 'predicted_loss: expected a number, found "low"'),
        ('"costs"', '"cost"', "costs: expected an object, found null"),
    ],
)
def test_damage(old: str, new: str, message: str) -> None:
    text = print_assignment(SAVED)
    assert text.count(old) >= 1
    with pytest.raises(PrecisionError) as raised:
        parse_assignment(text.replace(old, new, 1), LAYERS, "a.json")
    assert message in str(raised.value)


@pytest.mark.parametrize("text", ["[1, 2]", "3", "null", "{}"])
def test_other_json(text: str) -> None:
    with pytest.raises(PrecisionError, match='expected "graphopt_assignment": 1'):
        parse_assignment(text, LAYERS)


def test_unreadable_file(tmp_path: Path) -> None:
    with pytest.raises(PrecisionError, match="expected a readable text file"):
        read_assignment(tmp_path / "absent.json", LAYERS)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PrecisionError, match="expected a readable text file"):
        read_assignment(tmp_path / "binary", LAYERS)
