"""A compiled model for a microcontroller: save it."""

from __future__ import annotations

from pathlib import Path

from graphopt.runtime.firmware_artifact import FirmwareArtifact, save_firmware
from graphopt.runtime.manifest import Manifest


class Firmware:
    """A model as a firmware project takes it in: a header, a driver in C, kernels."""

    def __init__(self, artifact: FirmwareArtifact) -> None:
        self.artifact = artifact

    @property
    def manifest(self) -> Manifest:
        """Names and types of inputs and outputs, the kernels, the memory."""
        return self.artifact.manifest

    def save(self, folder: str | Path) -> None:
        """Write the artifact folder; see `save_firmware`."""
        save_firmware(self.artifact, Path(folder))
