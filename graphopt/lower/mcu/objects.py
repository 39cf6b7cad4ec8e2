"""What an object file of a microcontroller defines and how much of it goes into flash."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection


@dataclass(frozen=True)
class ObjectFacts:
    """The functions and variables that a file defines for others, and its bytes of flash."""

    defined: tuple[str, ...]
    flash_bytes: int


def object_facts(content: bytes) -> ObjectFacts:
    """Read an object file that LLVM wrote."""
    file = ELFFile(BytesIO(content))
    loaded = sum(s.data_size for s in file.iter_sections() if s["sh_flags"] & SH_FLAGS.SHF_ALLOC)
    table = file.get_section_by_name(".symtab")
    assert isinstance(table, SymbolTableSection)
    defined = tuple(
        symbol.name
        for symbol in table.iter_symbols()
        if symbol["st_info"]["bind"] == "STB_GLOBAL" and symbol["st_shndx"] != "SHN_UNDEF"
    )
    return ObjectFacts(defined, loaded)
