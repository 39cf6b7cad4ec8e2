"""Run a command the way the shell does: what it prints, and its exit code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import graphopt
import graphopt.demo
from graphopt.cli import main

DIGITS = Path(graphopt.demo.__file__).parent / "digits.onnx"


@dataclass(frozen=True)
class Done:
    """A finished command."""

    code: int
    out: str
    err: str


Cli = Callable[..., Done]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.delenv("GRAPHOPT_DEBUG", raising=False)

    def run(*arguments: object) -> Done:
        with pytest.raises(SystemExit) as exit:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        code = exit.value.code
        return Done(code if isinstance(code, int) else int(code is not None), *captured)

    return run


@pytest.fixture
def digits() -> Path:
    """The ONNX file of the demo."""
    return DIGITS


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's model, compiled."""
    folder = tmp_path_factory.mktemp("digits") / "build"
    graphopt.compile(DIGITS).save(folder)
    return folder
