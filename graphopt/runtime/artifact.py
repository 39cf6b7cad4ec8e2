"""A compiled model as data, and as a folder that is written whole and checked when read."""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphopt.errors import ArtifactError, TargetError
from graphopt.runtime.manifest import FORMAT_VERSION, Manifest, from_json, to_json
from graphopt.targets import missing_features

LIBRARY, WEIGHTS, MANIFEST = "lib.so", "weights.bin", "manifest.json"


@dataclass(frozen=True)
class Artifact:
    """Code, weights and manifest of one model. `weights` starts on a 64-byte boundary.

    `extras` are further files of the folder by name, such as `report.html`.
    """

    manifest: Manifest
    library: bytes
    weights: NDArray[np.uint8]
    extras: Mapping[str, bytes] = field(default_factory=dict[str, bytes])


def save_artifact(artifact: Artifact, folder: Path) -> None:
    """Write an artifact folder; an older one there is replaced as a whole, or not at all.

    Raises:
        ArtifactError: the folder cannot be written, or holds something that is no artifact.
    """
    folder = Path(os.path.abspath(folder))
    if folder.exists() and not _replaceable(folder):
        raise ArtifactError(
            str(folder),
            "expected an artifact or an empty folder to write to, found something else",
            "choose another folder",
        )
    temporary: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
        _write_files(artifact, temporary / "new")
        if folder.exists():
            folder.rename(temporary / "old")
        (temporary / "new").rename(folder)
    except OSError as error:
        if temporary is not None and (temporary / "old").exists() and not folder.exists():
            (temporary / "old").rename(folder)
        raise ArtifactError(
            str(folder),
            f"expected to write an artifact, found: {error.strerror}",
            "free some space or choose another folder; an artifact that was there is unchanged",
        ) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def load_artifact(folder: Path) -> Artifact:
    """Read an artifact folder. Weights are mapped, not copied.

    Raises:
        ArtifactError: a file is missing or is not what was saved, or the format is another.
        TargetError: this machine's CPU lacks instructions that the code uses.
    """
    where = str(folder)
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        library = (folder / LIBRARY).read_bytes()
        weights = _map(folder / WEIGHTS)
        extras = {
            path.name: path.read_bytes()
            for path in sorted(folder.iterdir())
            if path.name not in (LIBRARY, WEIGHTS, MANIFEST) and path.is_file()
        }
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ArtifactError(
            where, f"expected an artifact folder, found: {error}", "compile the model again"
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT_VERSION:
        found = content.get("format") if isinstance(content, dict) else content
        raise ArtifactError(
            where,
            f"artifact format: expected {FORMAT_VERSION}, found {found}",
            "compile the model again with this version of graphopt",
        )
    expected = {"manifest": _digest(_canonical(content.get("model")))}
    for name, data in ((LIBRARY, library), (WEIGHTS, weights.data)):
        expected[name] = _digest(data)
    for name, digest in expected.items():
        if content.get("sha256", {}).get(name) != digest:
            raise ArtifactError(
                where,
                f"{name}: expected sha256 {content.get('sha256', {}).get(name)}, found {digest}",
                "the artifact is damaged: compile the model again",
            )
    manifest = from_json(content["model"], where)
    missing = missing_features(frozenset(manifest.features))
    if missing:
        raise TargetError(
            where,
            f"CPU: expected {manifest.target} with {', '.join(sorted(missing))}, "
            "found a CPU without",
            "compile the model for this machine",
        )
    return Artifact(manifest, library, weights, extras)


def _replaceable(folder: Path) -> bool:
    return folder.is_dir() and ((folder / MANIFEST).is_file() or not any(folder.iterdir()))


def _write_files(artifact: Artifact, folder: Path) -> None:
    folder.mkdir()
    model = to_json(artifact.manifest)
    digests = {
        "manifest": _digest(_canonical(model)),
        LIBRARY: _digest(artifact.library),
        WEIGHTS: _digest(artifact.weights.data),
    }
    content = {"format": FORMAT_VERSION, "model": model, "sha256": digests}
    files: dict[str, bytes | memoryview] = {
        **artifact.extras,
        LIBRARY: artifact.library,
        WEIGHTS: artifact.weights.data,
        MANIFEST: json.dumps(content, indent=1).encode(),
    }
    for name, data in files.items():
        with (folder / name).open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


def _canonical(model: Any) -> bytes:
    return json.dumps(model, sort_keys=True).encode()


def _digest(data: bytes | memoryview) -> str:
    return hashlib.sha256(data).hexdigest()


def _map(path: Path) -> NDArray[np.uint8]:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return np.zeros(0, np.uint8)
        return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
