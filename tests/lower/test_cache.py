"""The code cache: whole entries or none, bounded size."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from graphopt.errors import BuildError
from graphopt.lower.cache import CodeCache, default_cache


def test_finds_what_was_put(tmp_path: Path) -> None:
    cache = CodeCache(tmp_path / "new")
    assert cache.get("a.o") is None
    cache.put("a.o", b"code")
    assert cache.get("a.o") == b"code"


def test_trim_removes_what_was_unused_the_longest(tmp_path: Path) -> None:
    cache = CodeCache(tmp_path, limit_bytes=20)
    for age, name in enumerate(("new", "middle", "old")):
        cache.put(name, bytes(10))
        os.utime(tmp_path / name, (1e9 - age, 1e9 - age))
    assert cache.get("old") is not None  # now the latest used
    cache.trim()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "old"]


def test_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = CodeCache(tmp_path)
    cache.put("a.o", b"old")

    def full(source: str, destination: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(BuildError, match="found: No space left on device.*\n.*GRAPHOPT_CACHE"):
        cache.put("a.o", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.o"]
    assert cache.get("a.o") == b"old"


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(BuildError, match="expected a folder to read and write"):
        CodeCache(tmp_path / "file").put("a.o", b"")


def test_environment_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHOPT_CACHE", str(tmp_path))
    assert default_cache().folder == tmp_path
