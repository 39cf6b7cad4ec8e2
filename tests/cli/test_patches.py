"""Patched regions at the shell: plans in and out, what is shown of them, and bad ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save_model

import graphopt
from graphopt.cli.patches import nbytes
from graphopt.patching.plan import NodePlan, PatchPlan, RegionPlan
from graphopt.text import printed_names

from .conftest import Cli
from .test_bad_input import assert_refused
from .test_microcontrollers import save_product

TARGET = ("--target", "cortex-m7")


def save_chain(path: Path, length: int = 3, channels_last: bool = False) -> Path:
    """An ONNX file of convolutions, conv0, conv1, ..., of 3 x 3 on a map of 8 x 8."""
    rng = np.random.default_rng(0)
    shape = [1, 8, 8, 4] if channels_last else [1, 4, 8, 8]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy")
    nodes, weights, value = [], [], "x"
    if channels_last:
        nodes.append(helper.make_node("Transpose", ["x"], ["x.first"], perm=[0, 3, 1, 2]))
        value = "x.first"
    for i in range(length):
        array = rng.normal(size=(4, 4, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(array, f"w{i}"))
        output = "y" if i == length - 1 and not channels_last else f"y{i}"
        nodes.append(helper.make_node("Conv", [value, f"w{i}"], [output], f"conv{i}", pads=[1] * 4))
        value = output
    if channels_last:
        nodes.append(helper.make_node("Transpose", [value], ["y"], perm=[0, 2, 3, 1]))
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


def test_a_limit_is_enough(cli: Cli, chain: Path, tmp_path: Path) -> None:
    plain = json.loads(cli("inspect", chain, *TARGET, "--json").out)
    sram = plain["arena_bytes"] - 100
    out = tmp_path / "out"
    done = cli("compile", chain, *TARGET, "--sram", sram, "--pareto", "--json", "-o", out)
    assert done.code == 0, done.err
    facts = json.loads(done.out)
    assert facts["regions"] and facts["arena_bytes"] <= sram
    tradeoff = facts["tradeoff"]
    assert tradeoff["sram"] == sram and tradeoff["chosen"]["arena_bytes"] == facts["arena_bytes"]
    arenas = [point["arena_bytes"] for point in tradeoff["points"]]
    assert arenas == sorted(arenas) and plain["arena_bytes"] in arenas
    assert "Memory against latency" in (out / "report.html").read_text()
    # The plan that was written gives the same when it is given back.
    plan = out / "patch-plan.json"
    again = cli("inspect", chain, *TARGET, "--patch-plan", plan, "--json")
    assert json.loads(again.out)["arena_bytes"] == facts["arena_bytes"]


def test_a_limit_that_holds_anyway_patches_nothing(cli: Cli, chain: Path, tmp_path: Path) -> None:
    done = cli("compile", chain, *TARGET, "--sram", "1MB", "-o", tmp_path / "out")
    assert done.code == 0 and "region(s)" not in done.out
    assert not (tmp_path / "out" / "patch-plan.json").exists()


def test_fronts_alone_patch_nothing(cli: Cli, chain: Path, tmp_path: Path) -> None:
    done = cli("compile", chain, *TARGET, "--pareto", "-o", tmp_path / "out")
    assert done.code == 0 and "region(s)" not in done.out
    assert "chosen" in done.out and "latency" in done.out


def test_streams_are_never_held(cli: Cli, tmp_path: Path) -> None:
    model = save_chain(tmp_path / "m.onnx", channels_last=True)
    out = tmp_path / "out"
    done = cli("compile", model, *TARGET, "--stream-input", "--json", "-o", out)
    assert done.code == 0, done.err
    assert "next_rows" in (out / "model.h").read_text()
    facts = json.loads(done.out)
    (given, *_) = facts["regions"][0]["maps"]
    assert given["held"] == "streamed in" and given["buffer_rows"] < 8
    # Nothing is computed twice unless it is allowed.
    assert all(region["macs"] == region["plain_macs"] for region in facts["regions"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [("65536", 65536), ("64KB", 64000), ("64 KiB", 65536), ("1.5mb", 1_500_000), ("9B", 9)],
)
def test_sizes(text: str, expected: int) -> None:
    assert nbytes("--sram", text) == expected


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--sram", "lots"], ["--sram: expected a size like 65536, 64KB or 64KiB, found 'lots'"]),
        (["--sram", "0"], ["--sram", "found '0'"]),
        (["--sram", "nan"], ["--sram", "found 'nan'"]),
        (["--max-macs", "0.5"], ["--max-macs: expected 1 or more, found 0.5"]),
        (["--max-work", "nan"], ["--max-work: expected 1 or more"]),
    ],
)
def test_limits_that_mean_nothing(
    cli: Cli, chain: Path, tmp_path: Path, options: list[str], parts: list[str]
) -> None:
    assert_refused(cli("compile", chain, *TARGET, *options, "-o", tmp_path / "out"), *parts)


def test_limits_that_no_plan_keeps(cli: Cli, chain: Path, tmp_path: Path) -> None:
    done = cli("compile", chain, *TARGET, "--sram", "100", "-o", tmp_path / "out")
    assert_refused(done, "sram: expected at most 100 bytes, found that the least", "set by")
    assert not (tmp_path / "out").exists()


def test_nothing_to_patch(cli: Cli, tmp_path: Path) -> None:
    model = save_product(tmp_path / "m.onnx", 300, 100)
    done = cli("compile", model, *TARGET, "--sram", "1KB", "-o", tmp_path / "out")
    assert_refused(done, "regions: expected operators that run by rows, found none")


def test_streams_where_the_whole_image_is_needed(cli: Cli, tmp_path: Path) -> None:
    model = save_product(tmp_path / "m.onnx", 300, 100)
    done = cli("compile", model, *TARGET, "--stream-input", "-o", tmp_path / "out")
    assert_refused(done, "streamed input: expected one that is read by rows, found none")


def test_either_a_plan_or_limits(cli: Cli, chain: Path, plan: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = cli("compile", chain, *TARGET, "--patch-plan", plan, "--sram", "2KB", "-o", out)
    assert_refused(done, "patch_plan", "beside a plan")


def test_limits_are_for_microcontrollers(cli: Cli, chain: Path, tmp_path: Path) -> None:
    for option in (["--stream-input"], ["--sram", "1KB"], ["--pareto"]):
        done = cli("compile", chain, *option, "-o", tmp_path / "out")
        assert_refused(done, "limits: expected a microcontroller")
