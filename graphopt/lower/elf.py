"""Reading the relocatable x86-64 ELF files that LLVM writes (System V ABI, AMD64 supplement)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from graphopt.errors import BuildError

Segment = Literal["rodata", "text", "data"]

_WRITE, _ALLOC, _EXECUTE = 1, 2, 4
# Without optimization TVM leaves a constructor in each object that does nothing.
_UNUSED = (".eh_frame", ".init_array")
_PROGBITS, _SYMTAB, _RELA, _NOBITS, _X86_64_UNWIND = 1, 2, 4, 8, 0x70000001
_CODE_AND_DATA = (_PROGBITS, _NOBITS)
_UNDEFINED, _ABSOLUTE = 0, 0xFFF1


class Relocation(NamedTuple):
    """A place in a section that needs the address of a symbol."""

    offset: int
    kind: int
    symbol: int
    addend: int


class Symbol(NamedTuple):
    """A name for a place in a section; `section` is None where another file defines it."""

    name: str
    section: int | None
    value: int
    is_local: bool
    is_weak: bool


@dataclass
class Section:
    """Bytes that the running program needs, in the segment they belong to."""

    segment: Segment
    content: bytes
    alignment: int
    relocations: list[Relocation] = field(default_factory=list[Relocation])


@dataclass(frozen=True)
class ObjectFile:
    """The loaded sections of one file by index, and all of its symbols."""

    sections: dict[int, Section]
    symbols: list[Symbol]


class _Header(NamedTuple):
    name: int
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    alignment: int
    entry_size: int


def read_object(content: bytes) -> ObjectFile:
    """Parse an object file. Debug and unwind tables are left out.

    Raises:
        BuildError: it is no x86-64 object file, or has a section of an unknown kind.
    """
    if content[:6] != b"\x7fELF\x02\x01" or struct.unpack_from("<HH", content, 16) != (1, 62):
        raise BuildError("link", "expected an x86-64 object file, found something else")
    (start,) = struct.unpack_from("<Q", content, 40)
    count, names_index = struct.unpack_from("<HH", content, 60)
    headers = [
        _Header(*struct.unpack_from("<IIQQQQIIQQ", content, start + 64 * i)) for i in range(count)
    ]
    sections: dict[int, Section] = {}
    symbols: list[Symbol] = []
    for index, header in enumerate(headers):
        name = _string(content, headers[names_index].offset + header.name)
        if header.type == _SYMTAB:
            symbols = _symbols(content, header, headers[header.link])
        elif header.flags & _ALLOC and not (name in _UNUSED or header.type == _X86_64_UNWIND):
            if header.type not in _CODE_AND_DATA:
                raise BuildError("link", f"section {name}: expected code or data, found another")
            sections[index] = _section(content, header)
    for header in headers:
        if header.type == _RELA and header.info in sections:
            sections[header.info].relocations = [
                Relocation(place, info & 0xFFFFFFFF, info >> 32, addend)
                for place, info, addend in struct.iter_unpack("<QQq", _bytes(content, header))
            ]
    return ObjectFile(sections, symbols)


def _section(content: bytes, header: _Header) -> Section:
    if header.flags & _EXECUTE:
        segment: Segment = "text"
    else:
        segment = "data" if header.flags & _WRITE else "rodata"
    data = bytes(header.size) if header.type == _NOBITS else _bytes(content, header)
    return Section(segment, data, max(header.alignment, 1))


def _symbols(content: bytes, table: _Header, strings: _Header) -> list[Symbol]:
    found: list[Symbol] = []
    for name, info, _, section, value, _ in struct.iter_unpack("<IBBHQQ", _bytes(content, table)):
        text = _string(content, strings.offset + name)
        place = None if section in (_UNDEFINED, _ABSOLUTE) else section
        found.append(Symbol(text, place, value, info >> 4 == 0, info >> 4 == 2))
    return found


def _bytes(content: bytes, header: _Header) -> bytes:
    return content[header.offset : header.offset + header.size]


def _string(content: bytes, start: int) -> str:
    return content[start : content.index(0, start)].decode()
