"""The targets by name: one TOML file each, and `cpu`, the best of them that runs here."""

import tomllib
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from graphopt.errors import TargetError
from graphopt.targets.host import host_cache_bytes, host_features
from graphopt.targets.target import Target

HOST = "cpu"
_FOLDER = Path(__file__).parent


def target_names() -> tuple[str, ...]:
    """Every name that `load_target` knows."""
    return (HOST, *sorted(path.stem for path in _FOLDER.glob("*.toml")))


def load_target(name: str = HOST, threads: int = 1) -> Target:
    """The target called `name`, for models that run on `threads` threads.

    `cpu` is the target with the widest vectors that this machine can run, and of those the one
    with the widest integer products, with this machine's cache sizes.

    Raises:
        TargetError: no such target, this machine runs none of them, or threads < 1.
    """
    if threads < 1:
        raise TargetError(f"target {name}", f"threads: expected at least 1, found {threads}")
    if name == HOST:
        return replace(_host_target(), threads=threads)
    if name not in target_names():
        raise TargetError(
            f"target {name}", f"expected one of {', '.join(target_names())}, found {name!r}"
        )
    return replace(_read(_FOLDER / f"{name}.toml"), threads=threads)


def missing_features(features: frozenset[str]) -> frozenset[str]:
    """Those of `features` that this machine's CPU lacks."""
    return features - host_features()


def _host_target() -> Target:
    known = [_read(path) for path in sorted(_FOLDER.glob("*.toml"))]
    usable = [target for target in known if not missing_features(target.features)]
    if not usable:
        raise TargetError(
            f"target {HOST}",
            f"expected a CPU that runs one of {', '.join(t.name for t in known)}, found none of "
            "their instruction sets on this machine",
            "pass --target to compile for another machine",
        )
    best = max(usable, key=lambda target: (target.vector_bytes, target.integer_dot))
    return replace(
        best,
        l1_bytes=host_cache_bytes(1) or best.l1_bytes,
        l2_bytes=host_cache_bytes(2) or best.l2_bytes,
    )


def _read(path: Path) -> Target:
    described: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    expected = {field.name for field in fields(Target)} - {"name", "threads", "optimization"}
    if set(described) != expected:
        raise TargetError(
            str(path),
            f"keys: expected {', '.join(sorted(expected))}, found {', '.join(sorted(described))}",
        )
    described["mattr"] = tuple(described["mattr"])
    described["features"] = frozenset(described["features"])
    return Target(name=path.stem, **described)
