"""A compiled model for a CPU, and the folder it is kept in."""

from __future__ import annotations

import mmap
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graphopt.errors import ArtifactError, TargetError
from graphopt.runtime.folder import MANIFEST, check_folder, save_folder
from graphopt.runtime.manifest import Manifest
from graphopt.targets import missing_features

LIBRARY, WEIGHTS = "lib.so", "weights.bin"


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
    """Write an artifact folder, as `save_folder` does."""
    files: dict[str, bytes | memoryview] = {
        LIBRARY: artifact.library,
        WEIGHTS: artifact.weights.data,
    }
    save_folder(folder, artifact.manifest, files, artifact.extras)


def load_artifact(folder: Path) -> Artifact:
    """Read an artifact folder. Weights are mapped, not copied.

    Raises:
        ArtifactError: a file is missing or is not what was saved, or the format is another.
        TargetError: this machine's CPU lacks instructions that the code uses, or it is code for a
            microcontroller.
    """
    where, checked = str(folder), check_folder(folder)
    manifest = checked.manifest
    if manifest.prefix:
        raise TargetError(
            where,
            f"expected code for a CPU, found it for {manifest.target}",
            "graphopt.load_firmware loads it",
        )
    if not {LIBRARY, WEIGHTS} <= checked.files:
        raise ArtifactError(where, f"expected {LIBRARY} and {WEIGHTS}, found one unlisted")
    missing = missing_features(frozenset(manifest.features))
    if missing:
        raise TargetError(
            where,
            f"CPU: expected {manifest.target} with {', '.join(sorted(missing))}, "
            "found a CPU without",
            "compile the model for this machine",
        )
    try:
        library, weights = (folder / LIBRARY).read_bytes(), _map(folder / WEIGHTS)
        extras = {
            path.name: path.read_bytes()
            for path in sorted(folder.iterdir())
            if path.name not in (LIBRARY, WEIGHTS, MANIFEST) and path.is_file()
        }
    except OSError as error:
        raise ArtifactError(
            where, f"expected an artifact folder, found: {error}", "compile the model again"
        ) from error
    return Artifact(manifest, library, weights, extras)


def _map(path: Path) -> NDArray[np.uint8]:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return np.zeros(0, np.uint8)
        return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
