"""The targets by name, one TOML file each: CPUs, cores of microcontrollers, boards that have one.

`cpu` is the best of the CPUs that runs here.
"""

from dataclasses import replace
from pathlib import Path

from graphopt.errors import TargetError
from graphopt.targets.describe import cpu_target, mcu_board, mcu_core
from graphopt.targets.host import host_cache_bytes, host_features
from graphopt.targets.target import Board, CpuTarget, Target

HOST = "cpu"
_FOLDER = Path(__file__).parent


def target_names() -> tuple[str, ...]:
    """Every name that `load_target` knows."""
    return (*cpu_names(), *_names("cores"), *_names("boards"))


def cpu_names() -> tuple[str, ...]:
    """Every name that `load_cpu` knows."""
    return (HOST, *_names("cpu"))


def boards() -> tuple[Board, ...]:
    """The boards that one can have: without those of the emulator."""
    targets = (mcu_board(_FOLDER, name) for name in _names("boards"))
    return tuple(t.board for t in targets if t.board is not None and not t.board.emulated)


def load_target(name: str = HOST, threads: int = 1) -> Target:
    """The target called `name`, for models that run on `threads` threads.

    Raises:
        TargetError: no such target, this machine runs no known CPU, or the target cannot run
            that many threads.
    """
    if name in cpu_names():
        return load_cpu(name, threads)
    if threads != 1:
        raise TargetError(f"target {name}", f"threads: expected 1, found {threads}")
    if name in _names("cores"):
        return mcu_core(_FOLDER, name)
    if name in _names("boards"):
        return mcu_board(_FOLDER, name)
    raise TargetError(
        f"target {name}", f"expected one of {', '.join(target_names())}, found {name!r}"
    )


def load_cpu(name: str = HOST, threads: int = 1) -> CpuTarget:
    """The CPU called `name`.

    `cpu` is the target with the widest vectors that this machine can run, and of those the one
    with the widest integer products, with this machine's cache sizes.

    Raises:
        TargetError: as `load_target`.
    """
    if name not in cpu_names():
        raise TargetError(
            f"target {name}", f"expected a CPU, one of {', '.join(cpu_names())}, found {name!r}"
        )
    if threads < 1:
        raise TargetError(f"target {name}", f"threads: expected at least 1, found {threads}")
    if name == HOST:
        return replace(_host_target(), threads=threads)
    return replace(cpu_target(_FOLDER, name), threads=threads)


def missing_features(features: frozenset[str]) -> frozenset[str]:
    """Those of `features` that this machine's CPU lacks."""
    return features - host_features()


def _names(kind: str) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in (_FOLDER / kind).glob("*.toml")))


def _host_target() -> CpuTarget:
    known = [cpu_target(_FOLDER, name) for name in _names("cpu")]
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
