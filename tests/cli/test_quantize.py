"""graphopt quantize on the demo's model: files, budgets, fronts, assignments, and bad input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import graphopt
from graphopt.cli.quantize import value_bits
from graphopt.errors import OptionError
from graphopt.ir import Array
from graphopt.quantization.patches.bits import ValueBits

from .conftest import DIGITS, Cli
from .test_bad_input import assert_refused

LAYERS = 7


def images_and_labels() -> tuple[Array, Array]:
    """The demo's held-out digits, [N, 1, 8, 8] in f32 and [N]."""
    with np.load(DIGITS.with_name("digits.npz")) as data:
        return data["images"][:, None].astype(np.float32), data["labels"]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen images of the demo, as the model reads them."""
    images, _ = images_and_labels()
    path = tmp_path_factory.mktemp("samples") / "samples.npz"
    np.savez(path, image=images[:16])
    return path


def test_quantize_writes_a_model_that_still_reads_digits(
    cli: Cli, digits: Path, samples: Path, tmp_path: Path
) -> None:
    done = cli("quantize", digits, "--data", samples, "-o", tmp_path / "q", "--json")
    facts = json.loads(done.out)
    assert set(facts["formats"].values()) == {"w8a8"} and len(facts["formats"]) == LAYERS
    model = graphopt.compile(tmp_path / "q" / "model.onnx")
    images, labels = images_and_labels()
    right = sum(
        int(model.run({"image": image[None]})["probabilities"].argmax() == label)
        for image, label in zip(images[16:116], labels[16:116], strict=True)
    )
    assert right >= 97


def test_a_budget_is_kept_and_its_assignment_can_be_edited_and_given_back(
    cli: Cli, digits: Path, samples: Path, tmp_path: Path
) -> None:
    out, front = tmp_path / "q", tmp_path / "front.html"
    done = cli(
        *("quantize", digits, "--data", samples, "-o", out, "--json"),
        *("--budget", "weight_bytes=60%", "--pareto", front),
    )
    facts = json.loads(done.out)
    saved = json.loads((out / "assignment.json").read_text())
    assert facts["costs"]["weight_bytes"] <= saved["limits"]["weight_bytes"]
    assert "w4a8" in saved["formats"].values()
    assert "<svg" in front.read_text()
    name = next(iter(saved["formats"]))
    saved["formats"][name] = "w16a16"
    edited = tmp_path / "edited.json"
    edited.write_text(json.dumps(saved))
    again = cli("quantize", digits, "--data", samples, "-o", out, "--assignment", edited, "--json")
    assert json.loads(again.out)["formats"] == saved["formats"]


def test_how_well_each_sensitivity_predicts(
    cli: Cli, digits: Path, samples: Path, tmp_path: Path
) -> None:
    budget = ("--budget", "weight_bytes=60%", "--choices", "w8a8,w4a8", "--compare")
    command = ("quantize", digits, "--data", samples, "-o", tmp_path / "q", *budget)
    found = json.loads(cli(*command, "--json").out)["rank_correlations"]
    assert list(found) == ["output", "hawq", "gauss-newton"]
    assert all(set(each) == {"all", "w8a8", "w4a8"} for each in found.values())
    assert found["output"]["all"] > 0.85
    shown = cli(*command).out
    assert "rank correlation of" in shown and "gauss-newton" in shown


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (("--weights", "5"), ("bits",)),
        (("--ranges", "guess"), ("--ranges", "guess")),
        (("--format", "classifier"), ("--format", "LAYER=w4a8")),
        (("--format", "nowhere=w4a8"), ("nowhere",)),
        (("--format", "classifier=w9a9"), ("w9a9",)),
        (("--budget", "weight_bytes"), ("--budget",)),
        (("--budget", "heat=3"), ("heat",)),
        (("--budget", "weight_bytes=1%"), ("smallest reachable",)),
        (("--pareto", "front.html"), ("--pareto", "--budget")),
        (("--budget", "weight_bytes=60%", "--sensitivity", "guess"), ("guess",)),
        (("--assignment", "absent.json"), ("absent.json",)),
    ],
)
def test_options_that_cannot_be(
    cli: Cli,
    digits: Path,
    samples: Path,
    tmp_path: Path,
    options: tuple[str, ...],
    parts: tuple[str, ...],
) -> None:
    done = cli("quantize", digits, "--data", samples, "-o", tmp_path / "q", *options)
    assert_refused(done, *parts)
    assert not (tmp_path / "q").exists()


def test_samples_that_are_none_of_the_model(cli: Cli, digits: Path, tmp_path: Path) -> None:
    path = tmp_path / "samples.npz"
    np.savez(path, other=np.zeros((2, 1, 8, 8), np.float32))
    assert_refused(cli("quantize", digits, "--data", path, "-o", tmp_path / "q"), "other")
    np.savez(path, image=np.full((2, 1, 8, 8), np.nan, np.float32))
    assert_refused(cli("quantize", digits, "--data", path, "-o", tmp_path / "q"), "sample 0")
    assert_refused(cli("quantize", digits, "--data", tmp_path / "none", "-o", tmp_path / "q"))
    np.savez(path, image=np.zeros((0, 1, 8, 8), np.float32))
    assert_refused(cli("quantize", digits, "--data", path, "-o", tmp_path / "q"), "samples")


def test_bits_of_patches_need_patches() -> None:
    with pytest.raises(OptionError, match="--patches: expected a grid like 4x4"):
        value_bits(None, 0.9, None, None, None)
    with pytest.raises(OptionError, match="--patch-bits: expected numbers like 8,4,2, found '8,x'"):
        value_bits("2x2", None, None, None, "8,x")
    assert value_bits("2x2", None, None, None, None) is None
    assert value_bits("2x2", 0.9, 0.1, 0.5, "8,4") == ValueBits(0.9, 0.1, 0.5, (8, 4))


def test_patches(cli: Cli, digits: Path, samples: Path, tmp_path: Path) -> None:
    done = cli(
        "quantize", digits, "--data", samples, "-o", tmp_path, "--patches", "2x2", "--phi", "0.9",
        "--budget", "bops=60%", "--json",
    )  # fmt: skip
    formats = json.loads(done.out)["formats"]
    assert len(formats) == LAYERS
    patches = json.loads((tmp_path / "plan.json").read_text())["patches"]
    assert patches["grid"].startswith("2x2@")
    assert (tmp_path / "model.onnx").exists()
