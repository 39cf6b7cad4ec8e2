"""run and bench of a microcontroller's folder: the emulator of its core, from the shell."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.targets.mcu.cores import mcu
from tests.targets.mcu.firmware import KERNELS, write_firmware

from .conftest import Cli
from .test_bad_input import assert_refused


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_firmware(tmp_path / "out", mcu("stm32f746"))


def test_run(cli: Cli, folder: Path, tmp_path: Path) -> None:
    many = np.arange(24, dtype=np.int8).reshape(3, 8)
    np.savez(tmp_path / "x.npz", x=many)
    done = cli("run", folder, "--input", tmp_path / "x.npz", "--output", tmp_path / "y.npz")
    assert done.code == 0 and "y: int8[3, 8]" in done.out
    with np.load(tmp_path / "y.npz") as found:
        np.testing.assert_array_equal(found["y"], 3 * (many + 2 * np.arange(1, 9)))


def test_bench_as_json(cli: Cli, folder: Path) -> None:
    facts = json.loads(cli("bench", folder, "--json").out)
    counted = sum(call["instructions"] for call in facts["calls"]) + facts["driver_instructions"]
    assert facts["instructions"] == counted > 100
    assert facts["seconds_estimate"] == pytest.approx(facts["cycles_estimate"] / 216e6, rel=0.01)
    assert {facts["arena_bytes"][key] for key in ("planned", "header", "measured")} == {20}
    assert facts["flash_bytes"]["weights"] == 8 and facts["emulator"] == "mps2-an500"
    assert [call["location"] for call in facts["calls"]] == ["/first", "/second", "/third"]


def test_bench_for_people(cli: Cli, folder: Path) -> None:
    done = cli("bench", folder)
    assert done.code == 0
    assert "stm32f746, one run on mps2-an500 (QEMU)" in done.out
    assert "arena   20 = header 20 = measured 20 bytes" in done.out
    assert "/third" in done.out and "(driver)" in done.out and "(estimate)" in done.out


def test_bad_input(cli: Cli, folder: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.zeros((1, 9), np.int8))
    assert_refused(cli("run", folder, "--input", tmp_path / "x.npz"), "input x", "[1, 9]")
    assert_refused(cli("run", folder), "expected x, found")
    assert_refused(cli("bench", folder, "--against", "onnxruntime"), "for a microcontroller")


def test_a_fault_is_one_line(cli: Cli, tmp_path: Path) -> None:
    kernels = KERNELS.replace("3 * x[i]", "*(volatile int8_t *)(0xF0000000u + (uint8_t)x[i])")
    folder = write_firmware(tmp_path / "out", mcu("cortex-m4"), kernels=kernels)
    assert_refused(cli("bench", folder), "k_scale", "BusFault", "CFSR 0x")


def test_missing_tools_are_named_by_package(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    done = cli("bench", folder)
    assert_refused(done, "arm-none-eabi-gcc: expected this program on the PATH")
    assert "apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi" in done.err
