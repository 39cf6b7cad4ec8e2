"""Templates of C and CMake files, filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

import graphopt
from graphopt.lower.mcu.driver import driver, table
from graphopt.lower.mcu.statements import passes_rows
from graphopt.lower.mcu.text import float_text, listed, title
from graphopt.lower.program import Program
from graphopt.lower.steps import addresses_of, walk
from graphopt.runtime.manifest import Manifest


def fill(template: str, manifest: Manifest, content: Mapping[str, object]) -> bytes:
    """A template of `targets/mcu/output` as a file of the firmware that `manifest` describes."""
    environment = Environment(
        loader=PackageLoader("graphopt.targets.mcu", "output"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["float32"] = lambda x: float_text(np.float32(x))
    common = {
        "model": title(manifest.name),
        "target": manifest.target,
        "version": graphopt.__version__,
        "prefix": manifest.prefix,
        "macro": manifest.prefix.upper(),
    }
    return environment.get_template(template).render(common, **content).encode()


def driver_files(
    program: Program, manifest: Manifest, kernels: Sequence[str]
) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Header and driver by name, and what shows how to use them; `kernels` are further files."""
    prefix, c = manifest.prefix, driver(program, manifest)
    ports = (*c.inputs, *c.outputs)
    uses_arena = any(
        address.space == "arena"
        for step, _ in walk(program.steps)
        for address in addresses_of(step)
    )
    pointers = [port.parameter for port in ports] + ["arena"] * uses_arena
    memory = [port.parameter for port in ports if not port.streamed] + ["arena"] * uses_arena
    parameters = [*chain.from_iterable(port.declarations for port in ports), "void *arena"]
    buffers = [*chain.from_iterable(port.arguments for port in ports), "arena"]
    content: dict[str, object] = {
        "driver": c,
        "arena_bytes": manifest.arena_bytes,
        "alignment": program.target.alignment,
        "weight_bytes": manifest.weights_bytes,
        "signature": "\n".join(listed(f"int {prefix}_run", parameters)),
        "call": "\n".join(listed(f"{prefix}_run", buffers, indent=20)),
        "uses_arena": uses_arena,
        "ends_early": passes_rows(program.steps),
        "streams": [port for port in ports if port.streamed],
        "addresses": _joined([f"(uintptr_t){pointer}" for pointer in memory], " | "),
        "null_check": _joined([f"{pointer} == NULL" for pointer in pointers], " || "),
        "kernels": table(program),
        "sources": [f"{prefix}.c", *sorted(k for k in kernels if k.endswith((".c", ".S")))],
        "archives": [k for k in kernels if k.endswith(".a")],
        "languages": "C ASM" if any(k.endswith(".S") for k in kernels) else "C",
    }
    files = {f"{prefix}.h": "model.h.j2", f"{prefix}.c": "model.c.j2"}
    starters = {
        "main.c": "main.c.j2",
        "CMakeLists.txt": "CMakeLists.txt.j2",
        f"{prefix}-config.cmake": "package.cmake.j2",
    }
    return (
        {name: fill(template, manifest, content) for name, template in files.items()},
        {name: fill(template, manifest, content) for name, template in starters.items()},
    )


def _joined(terms: Sequence[str], operator: str) -> str:
    """Terms on as many lines as they need, two on each."""
    lines = [operator.join(terms[at : at + 2]) for at in range(0, len(terms), 2)]
    return f"{operator.rstrip()}\n        ".join(lines)
