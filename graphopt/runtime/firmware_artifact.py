"""A compiled model for a microcontroller, and the folder it is kept in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from graphopt.errors import ArtifactError
from graphopt.runtime.folder import MANIFEST, check_folder, save_folder
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


def load_firmware_artifact(folder: Path) -> FirmwareArtifact:
    """Read an artifact folder.

    Raises:
        ArtifactError: a file is missing or is not what was saved, or the format is another.
    """
    checked = check_folder(folder)
    try:
        content = {
            path.name: path.read_bytes()
            for path in sorted(folder.iterdir())
            if path.name != MANIFEST and path.is_file()
        }
    except OSError as error:
        raise ArtifactError(
            str(folder), f"expected an artifact folder, found: {error}", "compile the model again"
        ) from error
    files = {name: data for name, data in content.items() if name in checked.files}
    extras = {name: data for name, data in content.items() if name not in checked.files}
    return FirmwareArtifact(checked.manifest, files, extras)
