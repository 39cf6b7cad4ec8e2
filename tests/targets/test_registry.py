"""Targets are found by name, and `cpu` is the best one for this machine."""

import pytest

from graphopt.errors import TargetError
from graphopt.targets import load_target, missing_features, registry, target_names


@pytest.mark.parametrize("name", [name for name in target_names() if name != "cpu"])
def test_every_description_loads(name: str) -> None:
    target = load_target(name, threads=3)
    assert target.name == name
    assert target.threads == 3
    assert target.lanes(4) * 4 == target.vector_bytes
    assert {"avx2", "fma"} <= target.features


def test_host_takes_the_widest_vectors_it_can_run(monkeypatch: pytest.MonkeyPatch) -> None:
    every = load_target("x86-64-avx512").features
    monkeypatch.setattr(registry, "host_features", lambda: every)
    assert load_target("cpu").name == "x86-64-avx512"
    monkeypatch.setattr(registry, "host_features", lambda: every - {"avx512bw"})
    assert load_target("cpu").name == "x86-64-avx2"
    assert missing_features(every) == {"avx512bw"}


def test_host_takes_the_widest_integer_products(monkeypatch: pytest.MonkeyPatch) -> None:
    every = load_target("x86-64-avx512-vnni").features
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
