"""Plans of regions as text and files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from graphopt.errors import PlanError
from graphopt.patching.plan import NodePlan, PatchPlan, RegionPlan

PLAN = PatchPlan(
    (
        RegionPlan({"a": NodePlan(2, True), "b": NodePlan(1, False)}, (1, 8), ("x",)),
        RegionPlan({"d": NodePlan(4, True)}, (4, 3), (), ("d",)),
    )
)


def test_a_saved_plan_is_the_same_plan(tmp_path: Path) -> None:
    PLAN.save(tmp_path / "plan.json")
    assert PatchPlan.load(tmp_path / "plan.json") == PLAN


def test_a_plan_prints_what_it_decides() -> None:
    assert str(PLAN).splitlines() == [
        "region 0: 2 nodes, tiles of 1 x 8",
        "  %x: streamed in",
        "  %a: kept, 2 rows at a time",
        "  %b: computed again, 1 rows at a time",
        "region 1: 1 nodes, tiles of 4 x 3",
        "  %d: kept, 4 rows at a time",
        "  %d: streamed out",
    ]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("version",), 2, "plan: version: expected 1, found 2"),
        (("regions",), {}, "plan: regions: expected a list, found {}"),
        (("regions", 0, "tile"), [1], "region 0: tile: expected rows and columns"),
        (("regions", 0, "tile"), [0, 8], "tile: expected a number above 0, found 0"),
        (("regions", 0, "tile"), [True, 8], "tile: expected a number above 0, found True"),
        (("regions", 0, "nodes"), {}, "nodes: expected some, found none"),
        (("regions", 0, "nodes", "a"), 3, "%a: expected an object, found 3"),
        (("regions", 0, "nodes", "a", "rows"), 1.5, "rows: expected a number above 0, found 1.5"),
        (("regions", 0, "nodes", "a", "keep"), "yes", "keep: expected true or false"),
        (("regions", 0, "streamed_inputs"), [3], "expected a list of names, found [3]"),
    ],
)
def test_an_entry_that_is_wrong_is_named(path: tuple[Any, ...], value: Any, message: str) -> None:
    data = json.loads(json.dumps(PLAN.to_json()))
    entry = data
    for key in path[:-1]:
        entry = entry[key]
    entry[path[-1]] = value
    with pytest.raises(PlanError) as error:
        PatchPlan.from_json(data)
    assert message in str(error.value)


def test_an_entry_that_is_missing_is_named() -> None:
    data = PLAN.to_json()
    del data["regions"][1]["tile"]
    with pytest.raises(PlanError, match="region 1: expected the entry 'tile', found none"):
        PatchPlan.from_json(data)


def test_a_file_that_is_no_json(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text("{")
    with pytest.raises(PlanError, match=r"plan.json: expected a plan in JSON"):
        PatchPlan.load(path)
