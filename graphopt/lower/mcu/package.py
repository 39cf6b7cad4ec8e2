"""Program -> the files of a firmware project, and the manifest of what was decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from graphopt.analysis.ports import PortQuants
from graphopt.errors import OptionError
from graphopt.lower.mcu.archive import archive
from graphopt.lower.mcu.elf import ObjectFile, write_object
from graphopt.lower.mcu.render import driver_files
from graphopt.lower.mcu.source import KernelSource, linked_name, source_files
from graphopt.lower.mcu.text import is_identifier
from graphopt.lower.package import describe
from graphopt.lower.program import Program
from graphopt.runtime.firmware_artifact import FirmwareArtifact
from graphopt.runtime.manifest import Manifest
from graphopt.targets import McuTarget

NAME = "model"


def package_library(
    program: Program,
    objects: Mapping[str, ObjectFile],
    quants: PortQuants | None = None,
    name: str = NAME,
) -> FirmwareArtifact:
    """Everything that a firmware project needs to run a program, its kernels as machine code.

    Args:
        objects: what `build_objects` made of the program.
        quants: what the integers at the borders of the program stand for.
        name: how the names of files, functions and constants start.

    Raises:
        OptionError: C does not take `name`.
    """
    manifest = replace(
        _manifest(program, quants, name),
        flash_bytes=program.weights.nbytes + sum(o.loaded_bytes for o in objects.values()),
    )
    members = {f"{function}.o": write_object(file) for function, file in objects.items()}
    library = archive(members, {f"{f}.o": file.defined() for f, file in objects.items()})
    return _artifact(program, manifest, {f"lib{name}.a": library})


def package_sources(
    program: Program,
    kernels: Mapping[str, KernelSource],
    quants: PortQuants | None = None,
    name: str = NAME,
) -> FirmwareArtifact:
    """The same with kernels as C, as `build_sources` made them. Raises as `package_library`."""
    assert isinstance(program.target, McuTarget)
    manifest = _manifest(program, quants, name)
    calls = (replace(call, symbol=linked_name(call.symbol, name)) for call in manifest.calls)
    helpers = tuple(linked_name(each.removeprefix("graphopt_"), name) for each in manifest.helpers)
    manifest = replace(
        manifest, calls=tuple(calls), helpers=helpers, flash_bytes=program.weights.nbytes
    )
    files = source_files(manifest, program.target, kernels, program.routines)
    return _artifact(program, manifest, files)


def _manifest(program: Program, quants: PortQuants | None, name: str) -> Manifest:
    if not is_identifier(name):
        raise OptionError("name", f"expected letters, digits and single _, found {name!r}")
    assert isinstance(program.target, McuTarget)
    helpers = tuple(f"graphopt_{routine}" for routine in program.routines)
    form = program.target.form
    return replace(describe(program, quants), prefix=name, form=form, helpers=helpers)


def _artifact(
    program: Program, manifest: Manifest, kernels: Mapping[str, bytes]
) -> FirmwareArtifact:
    files, starters = driver_files(program, manifest, list(kernels))
    return FirmwareArtifact(manifest, {**files, **kernels}, starters)
