"""Patched regions at the shell: plans in and out, what is shown of them, and bad ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save_model

import graphopt
from graphopt.patching.plan import NodePlan, PatchPlan, RegionPlan
from graphopt.text import printed_names

from .conftest import Cli
from .test_bad_input import assert_refused

TARGET = ("--target", "cortex-m7")


def save_chain(path: Path, length: int = 3) -> Path:
    """An ONNX file of convolutions, conv0, conv1, ..., of 3 x 3 on a map of 8 x 8."""
    rng = np.random.default_rng(0)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4, 8, 8])
    y = helper.make_tensor_value_info(f"y{length - 1}", TensorProto.FLOAT, [1, 4, 8, 8])
    nodes, weights = [], []
    for i in range(length):
        array = rng.normal(size=(4, 4, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(array, f"w{i}"))
        inputs = [f"y{i - 1}" if i else "x", f"w{i}"]
        nodes.append(helper.make_node("Conv", inputs, [f"y{i}"], f"conv{i}", pads=[1] * 4))
    graph = helper.make_graph(nodes, "g", [x], [y], weights)
    save_model(helper.make_model(graph), str(path))
    return path


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    return save_chain(tmp_path / "m.onnx")


@pytest.fixture
def plan(chain: Path, tmp_path: Path) -> Path:
    """Line buffers for the last two convolutions."""
    graph = graphopt.compile(chain, "cortex-m7", stop_after="fused")
    names = printed_names(graph)
    convs = [n for n in graph.nodes if n.macs][1:]
    nodes = {names[node.outputs[0]]: NodePlan(1, True) for node in convs}
    path = tmp_path / "plan.json"
    PatchPlan((RegionPlan(nodes, (1, 8)),)).save(path)
    return path


def edited(plan: Path, **entries: Any) -> Path:
    content = json.loads(plan.read_text())
    content["regions"][0].update(entries)
    plan.write_text(json.dumps(content))
    return plan


def test_plans_are_followed_and_saved(cli: Cli, chain: Path, plan: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = cli("compile", chain, *TARGET, "--patch-plan", plan, "-o", out)
    assert done.code == 0, done.err
    assert "2 kernels in 1 region(s)" in done.out and "line buffers" in done.out
    assert "r0: conv2 (3x3) costs the most halo" in done.out
    assert json.loads((out / "patch-plan.json").read_text()) == json.loads(plan.read_text())
    assert "Memory over time" in (out / "report.html").read_text()
    shown = cli("inspect", out)
    assert "line buffers" in shown.out and "costs the most halo" in shown.out
    facts = json.loads(cli("inspect", out, "--json").out)
    (region,) = facts["regions"]
    assert region["calls"] == 16 and region["nodes"] == ["conv1", "conv2"]
    # Three of eight rows of 8 x 4 floats.
    assert region["buffer_bytes"] == 3 * 8 * 4 * 4
    again = cli("inspect", chain, *TARGET, "--patch-plan", out / "patch-plan.json", "--json")
    assert json.loads(again.out)["regions"] == facts["regions"]


def test_without_regions_there_is_no_plan(cli: Cli, chain: Path, tmp_path: Path) -> None:
    done = cli("compile", chain, *TARGET, "-o", tmp_path / "out")
    assert done.code == 0 and "region(s)" not in done.out
    assert not (tmp_path / "out" / "patch-plan.json").exists()


def test_plans_of_other_models(cli: Cli, chain: Path, plan: Path, tmp_path: Path) -> None:
    edited(plan, nodes={"elsewhere": {"rows": 1, "keep": True}})
    done = cli("compile", chain, *TARGET, "--patch-plan", plan, "-o", tmp_path / "out")
    assert_refused(done, f"{plan}: region 0: nodes", "%elsewhere", "search again")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("entries", "part"),
    [
        ({"tile": [1, 9]}, "tile: expected at most 8 columns"),
        ({"tile": [0, 8]}, "tile: expected a number above 0, found 0"),
        ({"streamed_inputs": ["x"]}, "streamed_inputs: expected inputs of the model"),
        ({"tile": "all"}, "tile: expected a list"),
    ],
)
def test_plans_that_do_not_fit(
    cli: Cli, chain: Path, plan: Path, tmp_path: Path, entries: dict[str, Any], part: str
) -> None:
    edited(plan, **entries)
    done = cli("compile", chain, *TARGET, "--patch-plan", plan, "-o", tmp_path / "out")
    assert_refused(done, str(plan), part)


def test_plan_files_that_are_none(cli: Cli, chain: Path, tmp_path: Path) -> None:
    (tmp_path / "text.json").write_text("line buffers, please")
    for name in ("text.json", "none.json"):
        path = tmp_path / name
        done = cli("compile", chain, *TARGET, "--patch-plan", path, "-o", tmp_path / "out")
        assert_refused(done, name, "expected a plan in JSON")
