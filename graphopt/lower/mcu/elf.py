"""Relocatable ELF files of 32-bit processors (System V ABI, chapter 4): read and written."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from graphopt.errors import BuildError

_HEADER_BYTES, _SECTION_BYTES = 52, 40
_SYMTAB, _STRTAB, _RELA, _NOBITS, _REL = 2, 3, 4, 8, 9
_SYMBOL = "<IIIBBH"
_ALLOCATED = 2
_RESERVED = 0xFF00  # from here on, section numbers of symbols mean something else


@dataclass(eq=False)
class Symbol:
    """A name for a place in a section; `section` is None where another file defines it.

    `kind` is the symbol's type; `reserved` is what stands for the section of a symbol without one.
    """

    name: str
    section: Section | None
    value: int
    size: int
    is_local: bool
    is_weak: bool
    kind: int
    reserved: int = 0


@dataclass(frozen=True)
class Relocation:
    """A place in a section that needs the address of a symbol."""

    offset: int
    kind: int
    symbol: Symbol
    addend: int | None


@dataclass(eq=False)
class Section:
    """A section that is no table of symbols, names or relocations."""

    name: str
    kind: int
    flags: int
    alignment: int
    entry_size: int
    size: int
    content: bytes
    relocations: list[Relocation] = field(default_factory=list[Relocation])

    @property
    def is_loaded(self) -> bool:
        """Whether it takes part in the running program."""
        return bool(self.flags & _ALLOCATED)


@dataclass
class ObjectFile:
    """One file; `header` says the processor and its ABI."""

    header: bytes
    sections: list[Section]
    symbols: list[Symbol]

    @property
    def loaded_bytes(self) -> int:
        """Bytes of the sections that take part in the running program."""
        return sum(section.size for section in self.sections if section.is_loaded)

    def defined(self) -> tuple[str, ...]:
        """The functions and variables that the file gives to others."""
        return tuple(s.name for s in self.symbols if s.section is not None and not s.is_local)


def read_object(content: bytes) -> ObjectFile:
    """Parse an object file, or a program that was linked of some.

    Raises:
        BuildError: it is neither of those as a little-endian ELF file for 32 bits.
    """
    if content[:6] != b"\x7fELF\x01\x01" or content[16:18] not in (b"\x01\x00", b"\x02\x00"):
        raise BuildError("archive", "expected an object file of 32 bits, found something else")
    (start,) = struct.unpack_from("<I", content, 32)
    count, names_index = struct.unpack_from("<HH", content, 48)
    headers: list[tuple[int, ...]] = [
        struct.unpack_from("<10I", content, start + _SECTION_BYTES * i) for i in range(count)
    ]

    def data(header: Sequence[int]) -> bytes:
        return b"" if header[1] == _NOBITS else content[header[4] : header[4] + header[5]]

    names = data(headers[names_index])
    sections: dict[int, Section] = {}
    for i, header in enumerate(headers):
        kind = header[1]
        if kind not in (0, _SYMTAB, _STRTAB, _REL, _RELA):
            name, flags, size, alignment, entry = (header[n] for n in (0, 2, 5, 8, 9))
            sections[i] = Section(
                _string(names, name), kind, flags, alignment, entry, size, data(header)
            )
    symbols: list[Symbol] = []
    for header in headers:
        if header[1] == _SYMTAB:
            symbols = _read_symbols(data(header), data(headers[header[6]]), sections)
    for header in headers:
        if header[1] in (_REL, _RELA) and header[7] in sections:
            relocations = _read_relocations(data(header), header[1] == _RELA, symbols)
            sections[header[7]].relocations = list(relocations)
    return ObjectFile(content[:_HEADER_BYTES], list(sections.values()), symbols[1:])


def write_object(file: ObjectFile) -> bytes:
    """The file as bytes; sections and symbols in their order, local symbols first."""
    number = {section: i for i, section in enumerate(file.sections, start=1)}
    symbols = sorted(file.symbols, key=lambda symbol: not symbol.is_local)
    index = {symbol: i for i, symbol in enumerate(symbols, start=1)}
    symbols_at, names_at = len(number) + 1, len(number) + 2
    image = _Image(file.header)
    for section in file.sections:
        image.add(section, section.content)
    names, table = bytearray(1), bytearray(16)
    for symbol in symbols:
        bind = 0 if symbol.is_local else 2 if symbol.is_weak else 1
        place = number[symbol.section] if symbol.section is not None else symbol.reserved
        fields = (symbol.value, symbol.size, bind << 4 | symbol.kind, 0, place)
        table += struct.pack(_SYMBOL, len(names) if symbol.name else 0, *fields)
        names += symbol.name.encode() + b"\0" if symbol.name else b""
    local = 1 + sum(symbol.is_local for symbol in symbols)
    image.add(_table(".symtab", _SYMTAB, 4, 16), bytes(table), names_at, local)
    image.add(_table(".strtab", _STRTAB, 1, 0), bytes(names))
    for section in file.sections:
        if section.relocations:
            with_addend = section.relocations[0].addend is not None
            name = f".rel{'a' if with_addend else ''}{section.name}"
            kind, size = (_RELA, 12) if with_addend else (_REL, 8)
            entries = (_entry(relocation, index) for relocation in section.relocations)
            table_of = _table(name, kind, 4, size)
            image.add(table_of, b"".join(entries), symbols_at, number[section])
    return image.encode()


class _Image:
    """A file that grows section by section."""

    def __init__(self, header: bytes) -> None:
        self.body = bytearray(header)
        self.headers = [bytes(_SECTION_BYTES)]
        self.names = bytearray(1)

    def add(self, section: Section, content: bytes, link: int = 0, info: int = 0) -> None:
        self.body += bytes(-len(self.body) % max(section.alignment, 1))
        size = len(content) or section.size
        fields = (section.flags, 0, len(self.body), size, link, info)
        shape = (section.alignment, section.entry_size)
        self.headers.append(struct.pack("<10I", len(self.names), section.kind, *fields, *shape))
        self.names += section.name.encode() + b"\0"
        self.body += content

    def encode(self) -> bytes:
        name = b".shstrtab\0"
        table = _table(name[:-1].decode(), _STRTAB, 1, 0)
        self.add(table, bytes(self.names + name))
        self.body += bytes(-len(self.body) % 4)
        struct.pack_into("<I", self.body, 32, len(self.body))
        struct.pack_into("<HH", self.body, 48, len(self.headers), len(self.headers) - 1)
        return bytes(self.body) + b"".join(self.headers)


def _table(name: str, kind: int, alignment: int, entry_size: int) -> Section:
    return Section(name, kind, 0, alignment, entry_size, 0, b"")


def _entry(relocation: Relocation, index: dict[Symbol, int]) -> bytes:
    info = index[relocation.symbol] << 8 | relocation.kind
    entry = struct.pack("<II", relocation.offset, info)
    return entry if relocation.addend is None else entry + struct.pack("<i", relocation.addend)


def _read_symbols(table: bytes, names: bytes, sections: dict[int, Section]) -> list[Symbol]:
    found: list[Symbol] = []
    for name, value, size, info, _, place in struct.iter_unpack(_SYMBOL, table):
        section = sections.get(place) if place < _RESERVED else None
        bind = info >> 4
        found.append(
            Symbol(
                _string(names, name),
                section,
                value,
                size,
                is_local=bind == 0,
                is_weak=bind == 2,
                kind=info & 15,
                reserved=place if place >= _RESERVED else 0,
            )
        )
    return found


def _read_relocations(
    table: bytes, with_addend: bool, symbols: list[Symbol]
) -> Iterable[Relocation]:
    for entry in struct.iter_unpack("<IIi" if with_addend else "<II", table):
        addend = entry[2] if with_addend else None
        yield Relocation(entry[0], entry[1] & 0xFF, symbols[entry[1] >> 8], addend)


def _string(table: bytes, start: int) -> str:
    return table[start : table.index(0, start)].decode()
