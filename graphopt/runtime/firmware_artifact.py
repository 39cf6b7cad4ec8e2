"""A compiled model for a microcontroller, and the folder it is kept in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from graphopt.runtime.folder import save_folder
from graphopt.runtime.manifest import Manifest


@dataclass(frozen=True)
class FirmwareArtifact:
    """The manifest of a model for a microcontroller, and its files by name.

    `files` are what a firmware project builds and links: header, driver, kernels. `extras` are
    further ones, such as `main.c` and `report.html`.
    """

    manifest: Manifest
    files: Mapping[str, bytes]
    extras: Mapping[str, bytes] = field(default_factory=dict[str, bytes])


def save_firmware(artifact: FirmwareArtifact, folder: Path) -> None:
    """Write an artifact folder, as `save_folder` does."""
    save_folder(folder, artifact.manifest, artifact.files, artifact.extras)
