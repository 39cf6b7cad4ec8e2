"""Templates of C and CMake files, filled in."""

from __future__ import annotations

from collections.abc import Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined

import graphopt
from graphopt.lower.mcu.driver import Driver
from graphopt.lower.mcu.text import comment, float32_text
from graphopt.lower.program import Program
from graphopt.runtime.manifest import Manifest


def render(program: Program, manifest: Manifest, c: Driver) -> dict[str, bytes]:
    """The text files by name."""
    environment = Environment(
        loader=PackageLoader("graphopt.targets.mcu", "output"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["float32"] = float32_text
    content = _content(program, manifest, c)
    templates = {
        f"{manifest.prefix}.h": "model.h.j2",
        f"{manifest.prefix}.c": "model.c.j2",
        "main.c": "main.c.j2",
        "CMakeLists.txt": "CMakeLists.txt.j2",
    }
    return {
        name: environment.get_template(template).render(content).encode()
        for name, template in templates.items()
    }


def _content(program: Program, manifest: Manifest, c: Driver) -> Mapping[str, object]:
    ports = (*c.inputs, *c.outputs)
    uses_arena = any(a.space == "arena" for call in program.calls for a in call.arguments)
    pointers = [port.parameter for port in ports] + ["arena"] * uses_arena
    return {
        "driver": c,
        "model": comment(manifest.name),
        "target": manifest.target,
        "version": graphopt.__version__,
        "prefix": manifest.prefix,
        "macro": manifest.prefix.upper(),
        "arena_bytes": manifest.arena_bytes,
        "alignment": program.target.alignment,
        "weight_bytes": manifest.weights_bytes,
        "signature": ", ".join([*(port.declaration for port in ports), "void *arena"]),
        "uses_arena": uses_arena,
        "addresses": " | ".join(f"(uintptr_t){pointer}" for pointer in pointers),
        "null_check": " || ".join(f"{pointer} == NULL" for pointer in pointers),
        "summary": (),
    }
