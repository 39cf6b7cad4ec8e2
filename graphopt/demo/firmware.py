"""The demo's model in 8 bits on a microcontroller: compiled, and run on an emulated one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from graphopt.api import compile
from graphopt.ir import Array, Quant
from graphopt.progress import Progress
from graphopt.quantization.quantize import quantize
from graphopt.runtime.firmware import Firmware
from graphopt.targets.mcu.toolchain import missing_packages

BOARD = "stm32f746"
# Images that ranges are taken from, without their labels; the others are read.
CALIBRATION = 60


@dataclass(frozen=True)
class Emulated:
    """What running on the emulator showed; `seconds` of one image are an estimate."""

    images: int
    accuracy: float
    instructions: int
    seconds: float | None
    flash_bytes: int


@dataclass(frozen=True)
class FirmwareOutcome:
    """The model as firmware; `emulated` is None where `missing_packages` are not installed."""

    board: str
    arena_bytes: int
    weight_bytes: int
    missing_packages: tuple[str, ...]
    emulated: Emulated | None


def run_firmware(
    content: bytes, images: Array, labels: Array, folder: Path, progress: Progress
) -> FirmwareOutcome:
    """Quantize the demo's model, compile it for a board into `folder`, run it on the emulator."""
    calibration = [{"image": image} for image in images[:CALIBRATION]]
    quantized = quantize(content, calibration, quantize_outputs=True, progress=progress)
    firmware = compile(quantized.graph, BOARD, passes=("integer-interface",), progress=progress)
    assert isinstance(firmware, Firmware)
    firmware.save(folder)
    missing = missing_packages(firmware.target)
    manifest = firmware.manifest
    emulated = None
    if not missing:
        progress("running the digits on an emulated microcontroller")
        emulated = _emulated(firmware, images[CALIBRATION:], labels[CALIBRATION:])
    return FirmwareOutcome(BOARD, manifest.arena_bytes, manifest.weights_bytes, missing, emulated)


def _emulated(firmware: Firmware, images: Array, labels: Array) -> Emulated:
    (port,) = firmware.manifest.inputs
    assert port.quant is not None
    stored = _stored(images, port.quant).astype(port.type.dtype.numpy)
    (found,) = firmware.run({port.name: stored}).values()
    bench = firmware.bench({port.name: stored[0]})
    accuracy = float((found.reshape(len(labels), -1).argmax(1) == labels).mean())
    flash = bench.flash.total_bytes
    return Emulated(len(labels), accuracy, bench.instructions, bench.seconds, flash)


def _stored(real: Array, quant: Quant) -> Array:
    """The integers of 8 bits nearest to real numbers."""
    stored = np.rint(real / quant.scales[0]) + quant.zero_points[0]
    return np.asarray(np.clip(stored, -128, 127))
