"""Every command on the demo's model: what it prints, as text and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, save_model

from graphopt.api import compile
from graphopt.ops import Relu
from graphopt.passes import PASSES
from graphopt.pipeline import PIPELINE

from .conftest import Cli


def test_compile_writes_an_artifact(cli: Cli, digits: Path, tmp_path: Path) -> None:
    done = cli("compile", digits, "-o", tmp_path / "out")
    assert done.code == 0 and "kernels" in done.out and done.err == ""
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"lib.so", "weights.bin", "manifest.json", "report.html"} <= names


def test_compile_as_json(cli: Cli, digits: Path, tmp_path: Path) -> None:
    facts = json.loads(cli("compile", digits, "-o", tmp_path / "out", "--json").out)
    assert facts["model"] == "digits.onnx" and facts["target"].startswith("x86-64")
    assert set(facts["seconds"]) == {"import", "passes", "lower", "kernels"}
    assert sum(kernel["macs"] for kernel in facts["kernels"]) > 500_000


@pytest.mark.parametrize(
    ("phase", "part"),
    [("imported", "%image"), ("canonical", "conv("), ("fused", "fused("), ("placed", "arena")],
)
def test_stop_after_prints_what_stands_there(
    cli: Cli, digits: Path, phase: str, part: str, tmp_path: Path
) -> None:
    done = cli("compile", digits, "--stop-after", phase, "-o", tmp_path / "out")
    assert done.code == 0 and part in done.out
    assert not (tmp_path / "out").exists()


def test_printed_graph_keeps_its_lines(cli: Cli, digits: Path) -> None:
    printed = cli("compile", digits, "--stop-after", "fused").out
    compiled = compile(digits, stop_after="fused")
    assert printed == f"{compiled}\n"
    assert max(map(len, printed.splitlines())) > 100


def test_compile_binds_shapes_and_runs_further_passes(cli: Cli, tmp_path: Path) -> None:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [x], [y])
    save_model(helper.make_model(graph), str(tmp_path / "m.onnx"))
    out = tmp_path / "out"
    some = next(iter(PASSES))
    done = cli(
        "compile", tmp_path / "m.onnx", "-o", out, "--shape", "x=2x3", "--passes", some, "--json"
    )
    facts = json.loads(done.out)
    assert facts["inputs"] == ["x: f32[2,3]"]
    assert facts["kernels"][0]["operators"] == [Relu.name]


def test_run_reads_and_writes_named_arrays(cli: Cli, build: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", image=np.ones((1, 1, 8, 8), np.float32))
    done = cli("run", build, "--input", tmp_path / "x.npz", "--output", tmp_path / "y.npz")
    assert done.code == 0 and "probabilities: float32[1, 10]" in done.out
    with np.load(tmp_path / "y.npz") as written:
        assert written["probabilities"].sum() == pytest.approx(1, abs=1e-5)
    facts = json.loads(cli("run", build, "--input", tmp_path / "x.npz", "--json").out)
    assert facts["probabilities"]["shape"] == [1, 10]


def test_inspect_says_the_same_of_a_model_and_of_its_artifact(
    cli: Cli, digits: Path, build: Path
) -> None:
    before = json.loads(cli("inspect", digits, "--json").out)
    after = json.loads(cli("inspect", build, "--json").out)
    for key in ("kernels", "arena_bytes", "weight_bytes", "buffers", "inputs", "outputs"):
        assert before[key] == after[key]
    shown = cli("inspect", build).out
    for part in ("conv add relu", "MACs", "weights", "peak memory"):
        assert part in shown


def test_opt_runs_the_passes_it_is_given_on_onnx_and_on_text(
    cli: Cli, digits: Path, tmp_path: Path
) -> None:
    text = (
        "graph g(%x: f32[2]) {\n"
        "  %0: f32[2] = relu(%x)\n"
        "  %1: f32[2] = relu(%x)\n"
        "  %2: f32[2] = add(%0, %1)\n"
        "  return %2\n}\n"
    )
    (tmp_path / "g.txt").write_text(text)
    unchanged = cli("opt", tmp_path / "g.txt", "--passes", "fold-constants")
    assert unchanged.out.strip() == text.strip()
    merged = cli("opt", tmp_path / "g.txt", "--passes", "merge-common-subexpressions")
    assert merged.out.count("relu") == 1
    facts = json.loads(cli("opt", digits, "--json").out)
    assert facts["text"].count("fused(") == facts["nodes"]


def test_bisect_finds_nothing_wrong_with_the_pipeline(cli: Cli, digits: Path) -> None:
    assert json.loads(cli("bisect", digits, "--json").out) == {"bad": None}


def test_passes_lists_every_pass_with_its_phases(cli: Cli) -> None:
    rows = {row["name"]: row for row in json.loads(cli("passes", "--json").out)}
    assert set(PASSES) <= set(rows)
    for stage in PIPELINE:
        assert all(stage.phase in rows[name]["phases"] for name in stage.names)
    assert all(row["what"] for row in rows.values())
    assert next(iter(PASSES)) in cli("passes").out


def test_targets_marks_those_that_run_here(cli: Cli) -> None:
    rows = {row["name"]: row for row in json.loads(cli("targets", "--json").out)}
    assert rows["cpu"]["runs_here"] and rows[rows["cpu"]["is"]]["runs_here"]
    assert rows["x86-64-avx512"]["vector_bytes"] == 64
    assert "x86-64-avx2" in cli("targets").out


def test_bench_compares_time_and_memory_with_onnxruntime(cli: Cli, build: Path) -> None:
    done = cli("bench", build, "--against", "onnxruntime", "--seconds", "0.05", "--json")
    facts = json.loads(done.out)
    ratio = facts["ratio"]
    assert 0 < ratio["min"] <= ratio["median"] <= ratio["max"]
    assert set(facts["peak_bytes"]) == {"running", "running, onnxruntime", "compiling"}
    assert all(nbytes > 10_000_000 for nbytes in facts["peak_bytes"].values())


def test_bench_compiles_an_onnx_file_first(cli: Cli, digits: Path) -> None:
    done = cli("bench", digits, "--seconds", "0.05", "--no-memory")
    assert done.code == 0 and "graphopt" in done.out and "ratio" not in done.out


def test_demo_reads_the_digits(cli: Cli, tmp_path: Path) -> None:
    facts = json.loads(cli("demo", "-o", tmp_path / "digits", "--json").out)
    firmware = facts["firmware"]
    assert (tmp_path / f"digits-{firmware['board']}" / "model.c").is_file()
    assert (firmware["emulated"] is None) == bool(firmware["missing_packages"])
    assert firmware["emulated"] is None or firmware["emulated"]["accuracy"] >= 0.95
    assert facts["accuracy"] >= 0.98 and facts["accuracy"] == facts["reference_accuracy"]
    assert facts["largest_difference"] < 1e-5
    page = (tmp_path / "digits" / "report.html").read_text("utf-8")
    assert "conv" in page and "<svg" in page


def test_version_and_help(cli: Cli) -> None:
    import graphopt

    assert cli("--version").out.strip() == graphopt.__version__
    shown = cli("--help").out
    words = "compile run inspect opt bench passes targets bisect demo".split()
    assert all(word in shown for word in words)
