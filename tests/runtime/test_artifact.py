"""Artifact folders: written whole, checked when read."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from graphopt.errors import ArtifactError, TargetError
from graphopt.lower.build import build
from graphopt.lower.cache import CodeCache
from graphopt.lower.kernel import Schedule
from graphopt.lower.lowering import lower_program
from graphopt.lower.package import package
from graphopt.runtime.artifact import Artifact, load_artifact, save_artifact
from graphopt.runtime.model import Model, load
from graphopt.targets import Target, load_target
from graphopt.text import parse_graph

TEXT = """
graph g(%x: f32[4]) {
  %c: f32[4] = constant([1.0, 2.0, 3.0, 4.0])
  %0: f32[4] = fused(%x, %c)
    region r(%a: f32[4], %b: f32[4]) { %s: f32[4] = add(%a, %b) return %s }
  return %0
}"""


@pytest.fixture
def artifact(sum_schedule: Schedule[Target], code_cache: CodeCache) -> Artifact:
    program = lower_program(parse_graph(TEXT), load_target(), [sum_schedule])
    return package(program, build(program, code_cache))


def test_loaded_model_is_the_saved_one(artifact: Artifact, tmp_path: Path) -> None:
    artifact = replace(artifact, extras={"report.html": b"<p>"})
    Model(artifact).save(tmp_path / "m")
    model = load(tmp_path / "m")
    assert model.manifest == artifact.manifest
    assert model.artifact.extras == artifact.extras
    np.testing.assert_array_equal(model(np.zeros(4, np.float32)), [1, 2, 3, 4])


def test_saving_again_replaces_the_whole_folder(artifact: Artifact, tmp_path: Path) -> None:
    save_artifact(replace(artifact, extras={"report.html": b"<p>"}), tmp_path / "m")
    save_artifact(artifact, tmp_path / "m")
    assert load_artifact(tmp_path / "m").extras == {}
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_full_disk_leaves_the_old_artifact(
    artifact: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_artifact(artifact, tmp_path / "m")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    renamed = replace(artifact, manifest=replace(artifact.manifest, name="other"))
    with pytest.raises(ArtifactError, match="No space left on device"):
        save_artifact(renamed, tmp_path / "m")
    assert load_artifact(tmp_path / "m").manifest == artifact.manifest
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_failed_rename_puts_the_old_artifact_back(
    artifact: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_artifact(artifact, tmp_path / "m")
    rename = Path.rename

    def fail_on_new(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_on_new)
    with pytest.raises(ArtifactError, match="Input/output error"):
        save_artifact(artifact, tmp_path / "m")
    assert load_artifact(tmp_path / "m").manifest == artifact.manifest


def test_refuses_to_replace_what_is_no_artifact(artifact: Artifact, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ArtifactError, match="expected an artifact or an empty folder"):
        save_artifact(artifact, tmp_path)
    assert (tmp_path / "thesis.tex").exists()


@pytest.mark.parametrize("name", ["lib.so", "weights.bin", "manifest.json"])
def test_damaged_file(artifact: Artifact, tmp_path: Path, name: str) -> None:
    save_artifact(artifact, tmp_path / "m")
    path = tmp_path / "m" / name
    content = path.read_bytes()
    if name == "manifest.json":
        path.write_bytes(content.replace(b'"threads": 1', b'"threads": 2'))
    else:
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ArtifactError, match="expected sha256"):
        load_artifact(tmp_path / "m")


@pytest.mark.parametrize("name", ["lib.so", "weights.bin", "manifest.json"])
def test_missing_or_truncated_file(artifact: Artifact, tmp_path: Path, name: str) -> None:
    save_artifact(artifact, tmp_path / "m")
    path = tmp_path / "m" / name
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ArtifactError):
        load_artifact(tmp_path / "m")
    path.unlink()
    with pytest.raises(ArtifactError, match="expected an artifact folder"):
        load_artifact(tmp_path / "m")


def test_other_format(artifact: Artifact, tmp_path: Path) -> None:
    save_artifact(artifact, tmp_path / "m")
    path = tmp_path / "m" / "manifest.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "format": 99}))
    with pytest.raises(ArtifactError, match="artifact format: expected 1, found 99"):
        load_artifact(tmp_path / "m")
    path.write_text("[]")
    with pytest.raises(ArtifactError, match="artifact format: expected 1"):
        load_artifact(tmp_path / "m")


def test_other_cpu(artifact: Artifact, tmp_path: Path) -> None:
    features = (*artifact.manifest.features, "quantum9")
    other = replace(artifact, manifest=replace(artifact.manifest, features=features))
    save_artifact(other, tmp_path / "m")
    with pytest.raises(TargetError, match="expected .* with quantum9, found a CPU without"):
        load_artifact(tmp_path / "m")
