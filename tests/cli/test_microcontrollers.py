"""compile and inspect for microcontrollers: what they write and say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save_model

from .conftest import Cli


def save_product(path: Path, inputs: int, outputs: int, batch: int | str = 1) -> Path:
    """An ONNX file of one product of floats, called `dense`."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, inputs])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, outputs])
    weights = numpy_helper.from_array(np.ones((inputs, outputs), np.float32), "w")
    node = helper.make_node("MatMul", ["x", "w"], ["y"], name="dense")
    save_model(helper.make_model(helper.make_graph([node], "g", [x], [y], [weights])), str(path))
    return path


def test_library_is_called_as_asked(cli: Cli, tmp_path: Path) -> None:
    model = save_product(tmp_path / "m.onnx", 8, 4)
    out = tmp_path / "out"
    done = cli("compile", model, "--target", "stm32f746", "--name", "words", "-o", out)
    assert done.code == 0 and "flash" in done.out
    names = {path.name for path in out.iterdir()}
    assert {"words.h", "words.c", "libwords.a", "words-config.cmake", "main.c"} <= names
    assert {"CMakeLists.txt", "manifest.json", "report.html", "report.json"} <= names
    assert "int words_run(const float *in, float *out, void *arena);" in (
        (out / "words.h").read_text()
    )


def test_source_has_no_library(cli: Cli, tmp_path: Path) -> None:
    model = save_product(tmp_path / "m.onnx", 8, 4)
    done = cli("compile", model, "--target", "esp32c3", "--form", "source", "-o", tmp_path / "out")
    assert done.code == 0
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"model.c", "model_kernels.c", "graphopt_support.h"} <= names
    assert not any(name.endswith(".a") for name in names)


def test_unknown_form(cli: Cli, tmp_path: Path) -> None:
    model = save_product(tmp_path / "m.onnx", 8, 4)
    done = cli("compile", model, "--target", "cortex-m7", "--form", "rust", "-o", tmp_path / "out")
    assert done.code == 1
    assert "--form: expected one of library, source, found 'rust'" in done.err


def test_inspect_says_the_same_of_a_model_and_of_its_folder(cli: Cli, tmp_path: Path) -> None:
    model = save_product(tmp_path / "m.onnx", 8, 4)
    cli("compile", model, "--target", "rp2040", "-o", tmp_path / "out")
    before = json.loads(cli("inspect", model, "--target", "rp2040", "--json").out)
    after = json.loads(cli("inspect", tmp_path / "out", "--json").out)
    for key in ("kernels", "arena_bytes", "weight_bytes", "flash_bytes", "buffers", "notes"):
        assert before[key] == after[key]
    assert after["flash_bytes"] > after["weight_bytes"] >= 4 * 8 * 4
    (note,) = after["notes"]
    assert "rp2040" not in note and "cortex-m0plus has no instructions for f32" in note
    assert "slower route: cortex-m0plus" in cli("inspect", tmp_path / "out").out


def test_too_large_for_the_flash(cli: Cli, tmp_path: Path) -> None:
    model = save_product(tmp_path / "m.onnx", 300, 1000)
    done = cli("compile", model, "--target", "nrf52840", "-o", tmp_path / "out")
    assert done.code == 1 and not (tmp_path / "out").exists()
    assert "flash: expected at most 1048576 bytes, found 1200000, 151424 too many" in done.err
    assert "dense 1200000" in done.err
    assert "quantize the weights of dense to 8 bits, or compile for" in done.err


@pytest.mark.parametrize("target", ["stm32f746", "cortex-m0plus"])
def test_dynamic_shapes(cli: Cli, tmp_path: Path, target: str) -> None:
    model = save_product(tmp_path / "m.onnx", 8, 4, batch="n")
    done = cli("compile", model, "--target", target, "-o", tmp_path / "out")
    assert done.code == 1
    assert "input 'x': dimension 0: expected a size, found the symbol 'n'" in done.err
    assert "--shape x=1x8" in done.err
    assert cli("compile", model, "--target", target, "--shape", "x=1x8", "-o", tmp_path).code == 1
    bound = cli("compile", model, "--target", target, "--shape", "x=1x8", "-o", tmp_path / "out")
    assert bound.code == 0
