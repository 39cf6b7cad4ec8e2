"""A model's folder of C and archives, linked to run on the emulator, and alone to be weighed."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from graphopt.targets.mcu.elf import read_symbols, section_bytes
from graphopt.targets.mcu.image import DRIVER, FLAGS, Image, libraries, link
from graphopt.targets.mcu.toolchain import call, compiler
from graphopt.targets.target import McuTarget

_FLAGS = ("-std=c99", "-O2", "-ffreestanding", "-Wall", "-Wextra", "-Werror")
_OBJECT = ".model-source.o"


@dataclass(frozen=True)
class Flash:
    """What a linked model takes of the flash, without anything of the program around it.

    `weights_bytes` are the constants of the model's C file; `code_bytes` are all the rest: driver,
    kernels with their tables, and functions of the compiler's library that they call.
    """

    weights_bytes: int
    code_bytes: int

    @property
    def total_bytes(self) -> int:
        return self.weights_bytes + self.code_bytes


@dataclass(frozen=True)
class ModelImage:
    """A model ready to run. `header_arena_bytes` is what its header says that the arena takes."""

    image: Image
    header_arena_bytes: int
    flash: Flash


def build_model(files: Mapping[str, bytes], prefix: str, target: McuTarget) -> ModelImage:
    """Compile and link the files of C and assembly, and the archives, among `files`.

    Raises:
        ToolchainError: the toolchain is not installed.
        BuildError: the files do not compile or link; says why.
    """
    with tempfile.TemporaryDirectory(prefix="graphopt-") as name:
        work = Path(name)
        for file, content in files.items():
            (work / file).write_bytes(content)
        objects: list[Path] = []
        for source in sorted(work.glob("*.[cS]")):
            suffix = DRIVER if source.name == f"{prefix}.c" else _OBJECT
            objects.append(work / f"{source.name}{suffix}")
            _compile(source, objects[-1], target)
        archives = sorted(work.glob("*.a"))
        flash = _weigh([*objects, *archives], prefix, target, work)
        image = link(target, [*objects, *archives], [f"{prefix}_run"])
        return ModelImage(image, _header_arena_bytes(prefix, target, work), flash)


def _compile(source: Path, to: Path, target: McuTarget) -> None:
    sections = ("-ffunction-sections", "-fdata-sections")
    flags = (*target.toolchain.flags, *_FLAGS, *sections)
    call([compiler(target), *flags, "-c", source, "-o", to], source.name)


def _header_arena_bytes(prefix: str, target: McuTarget, work: Path) -> int:
    """The header's constant, as the compiler sees it: the size of a variable that is as large."""
    source, compiled = work / "header-arena.c", work / "header-arena.o"
    size = f"{prefix.upper()}_ARENA_BYTES"
    source.write_text(f'#include "{prefix}.h"\nchar arena[{size}];\n', "utf-8")
    _compile(source, compiled, target)
    return read_symbols(compiled.read_bytes())["arena"].nbytes


def _weigh(files: Sequence[Path], prefix: str, target: McuTarget, work: Path) -> Flash:
    script, program = work / "alone.ld", work / "alone.elf"
    script.write_text(_layout(), "utf-8")
    how = ["-nostdlib", "-static", "-Wl,--gc-sections", f"-Wl,-T,{script}"]
    silent = ["-Wl,--no-warn-rwx-segments", f"-Wl,--entry={prefix}_run"]
    parts: list[str | Path] = [*how, *silent, *files, *libraries(target), "-o", program]
    call([compiler(target), *target.toolchain.flags, *FLAGS, *parts], "model alone")
    sizes = section_bytes(program.read_bytes())
    code = sum(sizes.get(name, 0) for name in (".text", ".rodata", ".ARM.exidx", ".data"))
    return Flash(sizes.get(".weights", 0), code)


def _layout() -> str:
    """Constants of the model's own file apart from code and what belongs to it."""
    return f"""
SECTIONS {{
  .text : {{ *(.text .text.*) }}
  .weights : {{ *{DRIVER}(.rodata .rodata.* .srodata .srodata.*) }}
  .rodata : {{ *(.rodata .rodata.* .srodata .srodata.* .ARM.extab*) }}
  .ARM.exidx : {{ *(.ARM.exidx*) }}
  .data : {{ *(.data .data.* .sdata .sdata.*) }}
  .bss (NOLOAD) : {{ *(.bss .bss.* .sbss .sbss.* COMMON) }}
  /DISCARD/ : {{ *(.comment .ARM.attributes .riscv.attributes .eh_frame .note.*) }}
}}
"""
