"""Bad input at the shell: one clear line, what to do, exit code 1 and no traceback."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, load, save_model

from graphopt.cli import main
from graphopt.errors import ModelError

from .conftest import Cli, Done


def assert_refused(done: Done, *parts: str) -> None:
    assert done.code == 1
    assert done.err.startswith("error: ")
    assert len(done.err.strip().splitlines()) <= 2
    assert "Traceback" not in done.err
    for part in parts:
        assert part in done.err


def model(*nodes: NodeProto, shape: tuple[int | str, ...] = (2, 3)) -> ModelProto:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(list(nodes), "g", [x], [y])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])


def node(op: str, inputs: str, output: str, **attributes: object) -> NodeProto:
    return helper.make_node(op, inputs.split(), [output], f"the_{op}", **attributes)  # type: ignore[arg-type]


def external(location: str) -> ModelProto:
    made = model(node("Add", "x w", "y"))
    weight = made.graph.initializer.add(name="w", data_type=TensorProto.FLOAT, dims=[3])
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value=location)
    return made


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda: model(node("Relu", "z", "y")), ["z"]),
        (lambda: model(node("Relu", "b", "y"), node("Relu", "y", "b")), ["cycle"]),
        (lambda: model(node("MatMul", "x x", "y")), ["the_MatMul"]),
        (lambda: model(node("Frobnicate", "x", "y")), ["Frobnicate", "the_Frobnicate"]),
        (lambda: model(node("Relu", "x", "y"), shape=("n", 3)), ["'n'", "--shape"]),
        (lambda: external("missing.bin"), ["missing.bin"]),
        (lambda: external("/etc/hostname"), ["/etc/hostname"]),
        (lambda: external("../secret.bin"), ["../secret.bin"]),
    ],
    ids=["undefined", "cycle", "shapes", "unknown", "symbol", "missing", "absolute", "dotdot"],
)
def test_broken_models(
    cli: Cli, tmp_path: Path, make: Callable[[], ModelProto], parts: list[str]
) -> None:
    (tmp_path / "secret.bin").write_bytes(bytes(12))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "m.onnx").write_bytes(make().SerializeToString())
    out = tmp_path / "out"
    assert_refused(cli("compile", folder / "m.onnx", "-o", out), *parts)
    assert not out.exists()


def test_truncated_and_other_files(cli: Cli, digits: Path, tmp_path: Path) -> None:
    (tmp_path / "half.onnx").write_bytes(digits.read_bytes()[:40_000])
    (tmp_path / "text.onnx").write_text("hello")
    for name in ("half.onnx", "text.onnx", "none.onnx"):
        assert_refused(cli("compile", tmp_path / name, "-o", tmp_path / "out"), name)


def test_types_that_do_not_fit(cli: Cli, digits: Path, tmp_path: Path) -> None:
    broken = load(digits)
    del broken.graph.initializer[1]
    save_model(broken, str(tmp_path / "m.onnx"))
    assert_refused(cli("inspect", tmp_path / "m.onnx"))


@pytest.mark.parametrize(
    ("arrays", "parts"),
    [
        ({"picture": np.ones((1, 1, 8, 8), np.float32)}, ["picture", "image"]),
        ({"image": np.ones((1, 8, 8), np.float32)}, ["[1, 1, 8, 8]", "[1, 8, 8]"]),
        ({"image": np.ones((1, 1, 8, 8))}, ["float32", "float64"]),
        ({}, ["image"]),
    ],
    ids=["name", "shape", "dtype", "none"],
)
def test_inputs_that_do_not_fit(
    cli: Cli, build: Path, tmp_path: Path, arrays: dict[str, np.ndarray], parts: list[str]
) -> None:
    np.savez(tmp_path / "x.npz", **arrays)  # type: ignore[arg-type]
    assert_refused(cli("run", build, "--input", tmp_path / "x.npz"), *parts)


def test_input_file_that_is_none(cli: Cli, build: Path, tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(b"PK not an archive")
    np.save(tmp_path / "one.npy", np.ones(3))
    for name in ("x.npz", "one.npy", "none.npz"):
        assert_refused(cli("run", build, "--input", tmp_path / name), name)


def test_damaged_artifact(cli: Cli, build: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(build, copy)
    weights = bytearray((copy / "weights.bin").read_bytes())
    weights[100] ^= 1
    (copy / "weights.bin").write_bytes(weights)
    for command in ("run", "inspect", "bench"):
        assert_refused(cli(command, copy), "weights.bin", "compile")
    (copy / "report.json").write_text("{}")
    shutil.copy(build / "weights.bin", copy)
    assert_refused(cli("inspect", copy), "report.json")


def test_artifact_for_another_cpu(
    cli: Cli, digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("compile", digits, "-o", tmp_path / "out", "--target", "x86-64-avx2")
    monkeypatch.setattr("graphopt.targets.registry.host_features", lambda: frozenset[str]())
    np.savez(tmp_path / "x.npz", image=np.ones((1, 1, 8, 8), np.float32))
    refused = cli("run", tmp_path / "out", "--input", tmp_path / "x.npz")
    assert_refused(refused, "x86-64-avx2", "avx2")


def test_full_disk_keeps_the_old_artifact(
    cli: Cli, digits: Path, build: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    shutil.copytree(build, out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert_refused(cli("compile", digits, "-o", out), "No space left")
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--target", "z80"], "z80"),
        (["--shape", "image=axb"], "image=axb"),
        (["--shape", "other=1x3"], "other"),
        (["--passes", "fold-everything"], "fold-everything"),
        (["--stop-after", "lunch"], "lunch"),
    ],
)
def test_options_that_mean_nothing(
    cli: Cli, digits: Path, tmp_path: Path, options: list[str], part: str
) -> None:
    assert_refused(cli("compile", digits, "-o", tmp_path / "out", *options), part)


def test_graph_text_that_does_not_parse(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "g.txt").write_text("graph g(%x: f32[2]) {\n  %0 = relu(%x)\n")
    assert_refused(cli("opt", tmp_path / "g.txt"), "2")
    assert_refused(cli("opt", tmp_path / "none.txt"), "none.txt")


def test_bench_against_what_is_not_there(cli: Cli, build: Path, tmp_path: Path) -> None:
    assert_refused(cli("bench", build, "--against", "abacus"), "abacus", "onnxruntime")
    copy = tmp_path / "copy"
    shutil.copytree(build, copy)
    report = json.loads((copy / "report.json").read_text())
    (copy / "report.json").write_text(json.dumps({**report, "source": "moved.onnx"}))
    assert_refused(cli("bench", copy, "--against", "onnxruntime"), "moved.onnx", "--model")


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRAPHOPT_DEBUG", "1")
    with pytest.raises(ModelError):
        main(["inspect", str(tmp_path / "none.onnx")])
