"""Object files without what flash and debuggers have no use for."""

from __future__ import annotations

from graphopt.lower.mcu.elf import ObjectFile, Section

# What linkers read besides code and data: the ABI, and that no stack is executable.
_KEPT = (".ARM.attributes", ".riscv.attributes", ".note.GNU-stack")


def strip(file: ObjectFile, function: str) -> ObjectFile:
    """The part of an object file that `function` needs; nothing else in it is seen by others.

    LLVM writes unwinding and debug tables into every object, and TVM adds functions that convert
    16-bit floats, needed or not.
    """
    (root,) = (s.section for s in file.symbols if s.name == function and s.section is not None)
    needed = {root}
    pending: list[Section] = [root]
    while pending:
        for relocation in pending.pop().relocations:
            section = relocation.symbol.section
            if section is not None and section not in needed:
                needed.add(section)
                pending.append(section)
    sections = [s for s in file.sections if s in needed or s.name in _KEPT]
    used = {relocation.symbol for section in sections for relocation in section.relocations}
    symbols = [s for s in file.symbols if s in used or s.section in needed]
    for symbol in symbols:
        symbol.is_local |= symbol.section is not None and symbol.name != function
    return ObjectFile(file.header, sections, symbols)
