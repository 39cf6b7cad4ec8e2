"""Kernels and routines as C: the files that they become."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from graphopt.lower.mcu.render import fill
from graphopt.runtime.manifest import Manifest
from graphopt.schedules.mcu.routines import routine_source, routine_text
from graphopt.targets import McuTarget

SUPPORT = "graphopt_support.h"
_HASH_COMMENT = re.compile(r"^\s*#", re.MULTILINE)


@dataclass(frozen=True)
class KernelSource:
    """The definition of a kernel, and the declarations of the routines that it calls, by symbol."""

    text: str
    routines: Mapping[str, str]


@dataclass(frozen=True)
class _Routine:
    name: str
    symbol: str
    declaration: str


def linked_name(symbol: str, prefix: str) -> str:
    """The name of a kernel in C, so that those of several models do not meet."""
    return f"{prefix}_{symbol}"


def source_files(
    manifest: Manifest,
    target: McuTarget,
    kernels: Mapping[str, KernelSource],
    helpers: Sequence[str] = (),
) -> dict[str, bytes]:
    """The C files of kernels by symbol, of the routines that they call, and of `helpers`.

    Helpers are routines too, which the driver calls.
    """
    prefix = manifest.prefix
    declared = _routines(kernels.values())
    known = {routine.name for routine in declared}
    routines = [*declared, *(_Routine(n, f"graphopt_{n}", "") for n in helpers if n not in known)]
    texts = [
        re.sub(rf"\b{symbol}\b", linked_name(symbol, prefix), source.text)
        for symbol, source in kernels.items()
    ]
    content = {"kernels": texts, "routines": declared}
    found = {
        SUPPORT: files("graphopt.targets.mcu").joinpath("output", SUPPORT).read_bytes(),
        f"{prefix}_kernels.c": fill("kernels.c.j2", manifest, content),
    }
    condition = _assembles(target)
    for routine in routines:
        # The preprocessor would take a comment of RISC-V for a directive.
        assembly = _HASH_COMMENT.sub("//", routine_text(routine.name, target))
        forms = (("c", "C99", routine_source(routine.name)), ("S", "assembly", assembly))
        for suffix, language, text in forms:
            about = {"routine": routine, "condition": condition}
            found[f"{prefix}_{routine.name}.{suffix}"] = fill(
                "routine.j2", manifest, {**about, "language": language, "text": text}
            )
    return found


def _routines(kernels: Iterable[KernelSource]) -> list[_Routine]:
    declared = {symbol: text for each in kernels for symbol, text in each.routines.items()}
    return [
        _Routine(symbol.removeprefix("graphopt_"), symbol, text)
        for symbol, text in declared.items()
    ]


def _assembles(target: McuTarget) -> str:
    """The condition, for the preprocessor, under which the assembly of routines is understood."""
    if target.dsp:
        return "defined(__ARM_FEATURE_SIMD32)"
    return "defined(__riscv)" if target.mtriple.startswith("riscv") else "defined(__thumb__)"
