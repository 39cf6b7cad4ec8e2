"""Load what was compiled, for whatever family of targets."""

from __future__ import annotations

from pathlib import Path

from graphopt.progress import Progress
from graphopt.runtime.firmware import Firmware, load_firmware
from graphopt.runtime.folder import read_manifest
from graphopt.runtime.model import Model, load


def load_any(folder: Path, progress: Progress | None = None) -> Model | Firmware:
    """The model in an artifact folder.

    Raises:
        ArtifactError: the folder is damaged or is no artifact.
        TargetError: it was compiled for a CPU other than this one.
    """
    if read_manifest(folder).prefix:
        return load_firmware(folder, progress)
    return load(folder)
