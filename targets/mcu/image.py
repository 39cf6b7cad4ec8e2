"""Programs for the emulator: a model or kernels, linked with the monitor that calls them."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from graphopt.errors import BuildError
from graphopt.targets.mcu.elf import SymbolTable, read_symbols
from graphopt.targets.mcu.toolchain import call, compiler
from graphopt.targets.target import Emulator, McuTarget

_SUPPORT = Path(__file__).parent / "support"
_COMMON = ("monitor.c", "stream.c")
_OF_FAMILY = {"arm": ("arm.S", "arm.c"), "riscv32": ("riscv.S",)}
FLAGS = ("-std=c11", "-O2", "-ffreestanding", "-Wall", "-Wextra", "-Werror")
# More than any kernel uses; what a call really uses is measured.
STACK_BYTES = 64 * 1024
# How the name of an object file ends that holds what calls the kernels of a model: it lies between
# the symbols driver_begin and driver_end.
DRIVER = ".driver.o"
_MONITOR_STACK_BYTES = 4096


@dataclass(frozen=True)
class Image:
    """A linked program. From `free_start` to `free_end` the machine's memory is unused."""

    content: bytes
    symbols: SymbolTable
    emulator: Emulator

    @property
    def stack(self) -> tuple[int, int]:
        """First address of the stack that functions are called on, and the one behind it."""
        return self.symbols.address("call_stack"), self.symbols.address("call_stack_top")

    @property
    def driver(self) -> range:
        """The addresses of what calls the kernels of a model."""
        return range(self.symbols.address("driver_begin"), self.symbols.address("driver_end"))

    @property
    def free(self) -> tuple[int, int]:
        """First address of memory that nothing of the program lies in, and the one behind it."""
        end = self.emulator.bulk_origin + self.emulator.bulk_bytes
        return self.symbols.address("free_memory"), end


def link(target: McuTarget, inputs: Sequence[Path], roots: Sequence[str]) -> Image:
    """Link object files and archives with the monitor.

    Of archives only what is needed is taken; `roots` are the functions that will be called.

    Raises:
        ToolchainError: the toolchain is not installed, or no emulator is known for the target.
        BuildError: a symbol is missing, or the program does not fit the machine.
    """
    machine = machine_of(target)
    gcc, flags = compiler(target), target.toolchain.flags
    with tempfile.TemporaryDirectory(prefix="graphopt-") as name:
        folder = Path(name)
        script, program = folder / "link.ld", folder / "image.elf"
        script.write_text(_script(machine), "utf-8")
        support = [_SUPPORT / source for source in (*_COMMON, *_OF_FAMILY[machine.system])]
        needed = [f"-Wl,--undefined={root}" for root in roots]
        how = ["-nostdlib", "-static", f"-Wl,-T,{script}", "-Wl,--no-warn-rwx-segments"]
        files: list[str | Path] = [*support, *inputs, *libraries(target), "-o", program]
        call([gcc, *flags, *FLAGS, *how, *needed, *files], f"image for {machine.machine}")
        content = program.read_bytes()
        return Image(content, read_symbols(content), machine)


def libraries(target: McuTarget) -> tuple[str | Path, ...]:
    """What to link for the functions that the code of kernels may call besides itself."""
    if machine_of(target).system == "arm":
        return ("-Wl,--start-group", "-lc", "-lm", "-lgcc", "-Wl,--end-group")
    return (_SUPPORT / "memory.c", "-lgcc")


def machine_of(target: McuTarget) -> Emulator:
    """The machine that executes the code of `target`.

    Raises:
        BuildError: there is none, or nothing here starts its processor.
    """
    machine = target.emulator
    if machine is None or machine.system not in _OF_FAMILY:
        found = machine.system if machine else "none"
        raise BuildError(
            f"target {target.name}",
            f"emulator: expected one of {', '.join(_OF_FAMILY)}, found {found}",
        )
    return machine


def _script(machine: Emulator) -> str:
    """Code in the flash, constants in the bulk memory: QEMU has no caches or wait states to tell
    them apart, and some machines have less flash than a model needs."""
    return f"""
MEMORY {{
  code (rx) : ORIGIN = {machine.flash_origin:#x}, LENGTH = {machine.flash_bytes}
  sram (rw) : ORIGIN = {machine.sram_origin:#x}, LENGTH = {machine.sram_bytes}
  bulk (rw) : ORIGIN = {machine.bulk_origin:#x}, LENGTH = {machine.bulk_bytes}
}}
ENTRY(reset)
SECTIONS {{
  .text : {{
    KEEP(*(.vectors))
    driver_begin = .; *{DRIVER}(.text .text.*) driver_end = .;
    *(.text .text.*)
  }} > code
  .ARM.exidx : {{ *(.ARM.exidx* .ARM.extab*) }} > code
  .stack (NOLOAD) : {{
    . = ALIGN(8); call_stack = .; . += {STACK_BYTES}; call_stack_top = .;
    . += {_MONITOR_STACK_BYTES}; monitor_stack_top = .;
  }} > sram
  .data : {{ *(.data .data.* .sdata .sdata.*) }} > sram
  .bss : {{ *(.bss .bss.* .sbss .sbss.* COMMON) }} > sram
  .rodata : {{ *(.rodata .rodata.* .srodata .srodata.*) . = ALIGN(16); }} > bulk
  free_memory = .;
  /DISCARD/ : {{ *(.comment .ARM.attributes .riscv.attributes .eh_frame .note.*) }}
}}
"""
