"""Targets are found by name, and `cpu` is the best one for this machine."""

import shutil
from pathlib import Path

import pytest

from graphopt.errors import TargetError
from graphopt.targets import (
    CpuTarget,
    McuTarget,
    load_cpu,
    load_target,
    missing_features,
    registry,
    target_names,
)


@pytest.mark.parametrize("name", [name for name in target_names() if name != "cpu"])
def test_every_description_loads(name: str) -> None:
    target = load_target(name)
    assert target.name == name
    if isinstance(target, CpuTarget):
        assert target.lanes(4) * 4 == target.vector_bytes
        assert {"avx2", "fma"} <= target.features
        assert load_target(name, threads=3).threads == 3
    else:
        assert isinstance(target, McuTarget)
        assert target.emulator is not None
        assert target.emulator.sram_bytes > 0
        assert target.dsp or not target.mve


def test_microcontrollers_run_one_thread() -> None:
    with pytest.raises(TargetError, match="threads: expected 1, found 2"):
        load_target("cortex-m7", threads=2)


BOARD = """
description = "A board that nobody has made"
core = "cortex-m4"
sram_bytes = 65536
flash_bytes = 262144
clock_hz = 48000000
"""


def test_a_new_board_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(registry._FOLDER, tmp_path / "targets")
    monkeypatch.setattr(registry, "_FOLDER", tmp_path / "targets")
    (tmp_path / "targets" / "boards" / "mine.toml").write_text(BOARD)
    assert "mine" in target_names()
    target = load_target("mine")
    assert isinstance(target, McuTarget)
    assert target.board is not None
    assert (target.core, target.board.sram_bytes) == ("cortex-m4", 65536)
    assert target.code_text == load_target("cortex-m4").code_text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (BOARD.replace("clock_hz", "clock"), "keys: expected clock_hz.*found clock,"),
        (BOARD + "colour = 3", "keys: expected .*found .*colour"),
        ("core = ", "expected TOML"),
        (BOARD.replace("cortex-m4", "cortex-m3"), "cortex-m3.toml: expected a description"),
    ],
)
def test_a_wrong_description_is_an_error(
    text: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(registry._FOLDER, tmp_path / "targets")
    monkeypatch.setattr(registry, "_FOLDER", tmp_path / "targets")
    (tmp_path / "targets" / "boards" / "mine.toml").write_text(text)
    with pytest.raises(TargetError, match=problem):
        load_target("mine")


def test_host_takes_the_widest_vectors_it_can_run(monkeypatch: pytest.MonkeyPatch) -> None:
    every = load_cpu("x86-64-avx512").features
    monkeypatch.setattr(registry, "host_features", lambda: every)
    assert load_target("cpu").name == "x86-64-avx512"
    monkeypatch.setattr(registry, "host_features", lambda: every - {"avx512bw"})
    assert load_target("cpu").name == "x86-64-avx2"
    assert missing_features(every) == {"avx512bw"}


def test_host_takes_the_widest_integer_products(monkeypatch: pytest.MonkeyPatch) -> None:
    every = load_cpu("x86-64-avx512-vnni").features
    monkeypatch.setattr(registry, "host_features", lambda: every)
    assert load_target("cpu").name == "x86-64-avx512-vnni"


def test_host_without_vectors_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "host_features", frozenset)
    with pytest.raises(TargetError, match="expected a CPU that runs one of x86-64-avx2"):
        load_target("cpu")


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(TargetError, match="expected one of cpu, x86-64-avx2.*found 'riscv'"):
        load_target("riscv")


def test_threads_must_be_positive() -> None:
    with pytest.raises(TargetError, match="threads: expected at least 1, found 0"):
        load_target("cpu", threads=0)


def test_a_microcontroller_is_no_cpu() -> None:
    with pytest.raises(TargetError, match="expected a CPU, one of cpu, x86-64-avx2"):
        load_cpu("stm32f746")
