"""Folders of files that are written whole, and checked when read, with a manifest among them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphopt.errors import ArtifactError
from graphopt.runtime.manifest import FORMAT_VERSION, Manifest, from_json, to_json

MANIFEST = "manifest.json"
_ITSELF = "manifest"  # among the digests; the file cannot hold that of all its bytes


def save_folder(
    folder: Path,
    manifest: Manifest,
    files: Mapping[str, bytes | memoryview],
    extras: Mapping[str, bytes],
) -> None:
    """Write an artifact folder; an older one there is replaced as a whole, or not at all.

    `files` are those that `check_folder` checks to be as they were written, `extras` others.

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
        _write_files(manifest, files, extras, temporary / "new")
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


@dataclass(frozen=True)
class Checked:
    """The manifest of an artifact folder, and its files that are as they were written."""

    manifest: Manifest
    files: frozenset[str]


def read_manifest(folder: Path) -> Manifest:
    """The manifest of an artifact folder, its files unchecked. Raises as `check_folder`."""
    content = _content(folder)
    if "model" not in content:
        raise _no_artifact(folder, KeyError("model"))
    return from_json(content["model"], str(folder))


def check_folder(folder: Path) -> Checked:
    """Read the manifest of an artifact folder, and see that no file changed since.

    Raises:
        ArtifactError: a file is missing or is not what was saved, or the format is another.
    """
    content = _content(folder)
    try:
        saved = dict(content["sha256"])
        found = {name: _digest_of(folder / name) for name in set(saved) - {_ITSELF}}
        found[_ITSELF] = _digest(_canonical(content["model"]))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise _no_artifact(folder, error) from error
    for name, digest in found.items():
        if saved.get(name) != digest:
            raise ArtifactError(
                str(folder),
                f"{name}: expected sha256 {saved.get(name)}, found {digest}",
                "the artifact is damaged: compile the model again",
            )
    manifest = from_json(content["model"], str(folder))
    return Checked(manifest, frozenset(found) - {_ITSELF})


def _content(folder: Path) -> dict[str, Any]:
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _no_artifact(folder, error) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT_VERSION:
        found = content.get("format") if isinstance(content, dict) else content
        raise ArtifactError(
            str(folder),
            f"artifact format: expected {FORMAT_VERSION}, found {found}",
            "compile the model again with this version of graphopt",
        )
    return content


def _no_artifact(folder: Path, error: Exception) -> ArtifactError:
    return ArtifactError(
        str(folder), f"expected an artifact folder, found: {error}", "compile the model again"
    )


def _replaceable(folder: Path) -> bool:
    return folder.is_dir() and ((folder / MANIFEST).is_file() or not any(folder.iterdir()))


def _write_files(
    manifest: Manifest,
    checked: Mapping[str, bytes | memoryview],
    extras: Mapping[str, bytes],
    folder: Path,
) -> None:
    folder.mkdir()
    model = to_json(manifest)
    digests = {_ITSELF: _digest(_canonical(model))}
    digests |= {name: _digest(data) for name, data in checked.items()}
    content = {"format": FORMAT_VERSION, "model": model, "sha256": digests}
    files = {**extras, **checked, MANIFEST: json.dumps(content, indent=1).encode()}
    for name, data in files.items():
        with (folder / name).open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


def _canonical(model: Any) -> bytes:
    return json.dumps(model, sort_keys=True).encode()


def _digest(data: bytes | memoryview) -> str:
    return hashlib.sha256(data).hexdigest()


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
