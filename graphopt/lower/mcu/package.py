"""Program -> the files of a firmware project, and the manifest of what was decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from graphopt.analysis.ports import PortQuants
from graphopt.errors import OptionError
from graphopt.lower.mcu.archive import archive
from graphopt.lower.mcu.driver import driver
from graphopt.lower.mcu.elf import read_object, write_object
from graphopt.lower.mcu.render import render
from graphopt.lower.mcu.strip import strip
from graphopt.lower.mcu.text import is_identifier
from graphopt.lower.package import describe
from graphopt.lower.program import Program
from graphopt.runtime.firmware_artifact import FirmwareArtifact

NAME = "model"


def package_firmware(
    program: Program,
    objects: Mapping[str, bytes],
    quants: PortQuants | None = None,
    name: str = NAME,
) -> FirmwareArtifact:
    """Everything that a firmware project needs to run a program.

    Args:
        objects: what `build_objects` made of the program.
        quants: what the integers at the borders of the program stand for.
        name: how the names of files, functions and constants start.

    Raises:
        OptionError: C does not take `name`.
    """
    if not is_identifier(name):
        raise OptionError("name", f"expected letters, digits and single _, found {name!r}")
    kernels = {f: strip(read_object(content), f) for f, content in objects.items()}
    manifest = replace(
        describe(program, quants),
        prefix=name,
        form="library",
        flash_bytes=program.weights.nbytes + sum(file.loaded_bytes for file in kernels.values()),
    )
    members = {f"{function}.o": write_object(file) for function, file in kernels.items()}
    library = archive(members, {f"{f}.o": file.defined() for f, file in kernels.items()})
    texts = render(program, manifest, driver(program, manifest.inputs, manifest.outputs, name))
    starters = {each: texts.pop(each) for each in ("main.c", "CMakeLists.txt")}
    return FirmwareArtifact(manifest, {**texts, f"lib{name}.a": library}, starters)
