"""TOML files -> targets. A file has exactly the keys of what it describes."""

import tomllib
from collections.abc import Collection
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from graphopt.errors import TargetError
from graphopt.targets.target import Board, CpuTarget, Emulator, McuTarget, Target, Toolchain

# Said when compiling, or by the name of the file.
_NOT_DESCRIBED = {"name", "threads", "optimization", "form", "emulated"}


def cpu_target(folder: Path, name: str) -> CpuTarget:
    """The CPU that `cpu/<name>.toml` describes.

    Raises:
        TargetError: a key is missing or unknown.
    """
    path = folder / "cpu" / f"{name}.toml"
    described = _read(path, _keys(CpuTarget))
    described["mattr"] = tuple(described["mattr"])
    described["features"] = frozenset(described["features"])
    return CpuTarget(name=name, **described)


def mcu_core(folder: Path, name: str) -> McuTarget:
    """The core that `cores/<name>.toml` describes, without a board. Raises as `cpu_target`."""
    path = folder / "cores" / f"{name}.toml"
    described = _read(path, _keys(McuTarget) - {"core", "board"})
    tools = _part(path, "toolchain", described.pop("toolchain"), _keys(Toolchain))
    toolchain = Toolchain(
        prefix=tools["prefix"], flags=tuple(tools["flags"]), packages=tuple(tools["packages"])
    )
    machine = folder / "boards" / f"{described.pop('emulator')}.toml"
    return McuTarget(
        name=name,
        core=name,
        mattr=tuple(described.pop("mattr")),
        toolchain=toolchain,
        emulator=_emulator(machine),
        board=None,
        **described,
    )


def mcu_board(folder: Path, name: str) -> McuTarget:
    """The board that `boards/<name>.toml` describes, with its core. Raises as `cpu_target`.

    A board that is no machine of the emulator runs there on that of its core.
    """
    path = folder / "boards" / f"{name}.toml"
    described = _read(path, _keys(Board) | {"core"}, optional={"emulator"})
    core = mcu_core(folder, described.pop("core"))
    own = described.pop("emulator", None)
    board = Board(name=name, emulated=own is not None, **described)
    return replace(core, name=name, board=board, emulator=_emulator(path) if own else core.emulator)


def _emulator(path: Path) -> Emulator:
    described = _part(path, "emulator", _load(path).get("emulator", {}), _keys(Emulator))
    return Emulator(**described)


def _keys(kind: type[Target | Toolchain | Emulator | Board]) -> set[str]:
    return {field.name for field in fields(kind)} - _NOT_DESCRIBED


def _read(path: Path, expected: set[str], optional: Collection[str] = ()) -> dict[str, Any]:
    described = _load(path)
    if not expected <= set(described) <= expected.union(optional):
        raise _wrong_keys(str(path), expected, described)
    return described


def _part(path: Path, part: str, found: Any, expected: set[str]) -> dict[str, Any]:
    if not isinstance(found, dict) or set(found) != expected:
        raise _wrong_keys(f"{path}: {part}", expected, found if isinstance(found, dict) else ())
    return dict(found)


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TargetError(str(path), f"expected a description, found {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise TargetError(str(path), f"expected TOML, found {error}") from error


def _wrong_keys(where: str, expected: Collection[str], found: Collection[str]) -> TargetError:
    return TargetError(
        where, f"keys: expected {', '.join(sorted(expected))}, found {', '.join(sorted(found))}"
    )
