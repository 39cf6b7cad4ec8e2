"""Object files -> one shared library, so that compiling a model needs no C compiler installed.

Kernels need little of a linker: code, constants, calls to each other and to the C library.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from graphopt.errors import BuildError
from graphopt.lower.elf import ObjectFile, Relocation, Section, Symbol, read_object

_PAGE = 4096
_HEADERS = 64 + 56 * 5
_ABSOLUTE_64, _GLOBAL_DATA, _RELATIVE = 1, 6, 8
_PC_RELATIVE = (2, 4)  # PC32, PLT32
_THROUGH_TABLE = (9, 41, 42)  # GOTPCREL, GOTPCRELX, REX_GOTPCRELX
_READ, _READ_EXECUTE, _READ_WRITE = 4, 5, 6
_NEEDED = ("libm.so.6", "libc.so.6")
_STUB_BYTES = 8


def link(objects: Sequence[bytes]) -> bytes:
    """An x86-64 ELF shared library that exports every function of `objects`.

    Symbols that no object defines are looked up in the C library when it is loaded. Of several
    weak definitions the first one counts.

    Raises:
        BuildError: a symbol is defined twice, or a file needs more than this linker can do.
    """
    return _Linker([read_object(content) for content in objects]).link()


class _Linker:
    def __init__(self, files: Sequence[ObjectFile]) -> None:
        self.files = files
        self.defined: dict[str, tuple[ObjectFile, Symbol]] = {}
        for file in files:
            for symbol in file.symbols:
                if not symbol.is_local and symbol.section is not None:
                    self._define(file, symbol)
        self.table: dict[str, int] = {}  # slot in the global offset table, by symbol
        self.stubs: dict[str, int] = {}  # jump through a slot, by function of another library
        self.pointers = 0
        for file in files:
            for section in file.sections.values():
                for relocation in section.relocations:
                    self._scan(file, relocation)
        imported = [name for name in self.table if name not in self.defined]
        self.exported = [*imported, *self.defined]
        self.addresses: dict[int, int] = {}
        self.dynamic_relocations: list[tuple[int, int, int]] = []

    def _define(self, file: ObjectFile, symbol: Symbol) -> None:
        if symbol.section not in file.sections:
            return
        earlier = self.defined.get(symbol.name)
        if earlier is None or (earlier[1].is_weak and not symbol.is_weak):
            self.defined[symbol.name] = (file, symbol)
        elif not symbol.is_weak:
            raise BuildError("link", f"symbol {symbol.name}: defined twice")

    def _scan(self, file: ObjectFile, relocation: Relocation) -> None:
        symbol = file.symbols[relocation.symbol]
        external = not symbol.is_local and symbol.name not in self.defined
        if relocation.kind in _THROUGH_TABLE and not symbol.is_local:
            self.table.setdefault(symbol.name, len(self.table))
        elif relocation.kind in _PC_RELATIVE:
            if external:
                self.table.setdefault(symbol.name, len(self.table))
                self.stubs.setdefault(symbol.name, len(self.stubs))
        elif relocation.kind == _ABSOLUTE_64 and not external:
            self.pointers += 1
        else:
            raise BuildError("link", f"{symbol.name}: relocation type {relocation.kind}")

    def link(self) -> bytes:
        strings, name_at = _string_table([*_NEEDED, *self.exported])
        hashes = _hash_table(self.exported)
        image = _Image(_HEADERS)
        self.hash_at = image.reserve(len(hashes), 8)
        self.symbols_at = image.reserve(24 * (1 + len(self.exported)), 8)
        self.strings_at = image.reserve(len(strings), 1)
        count = len(self.table) + self.pointers
        self.relocations_at = image.reserve(24 * count, 8)
        self._place(image, "rodata")
        code = image.new_page()
        self._place(image, "text")
        self.stubs_at = image.reserve(_STUB_BYTES * len(self.stubs), 16)
        data = image.new_page()
        self.table_at = image.reserve(8 * len(self.table), 8)
        dynamic = self._dynamic(len(strings), count, name_at)
        dynamic_at = image.reserve(len(dynamic), 8)
        self._place(image, "data")

        memory = bytearray(image.size)
        for file in self.files:
            for section in file.sections.values():
                start = self.addresses[id(section)]
                memory[start : start + len(section.content)] = section.content
        for file in self.files:
            for section in file.sections.values():
                for relocation in section.relocations:
                    self._relocate(memory, file, section, relocation)
        self._write_table(memory)
        memory[self.hash_at : self.hash_at + len(hashes)] = hashes
        memory[self.strings_at : self.strings_at + len(strings)] = strings
        self._write_symbols(memory, name_at)
        for i, entry in enumerate(self.dynamic_relocations):
            struct.pack_into("<QQq", memory, self.relocations_at + 24 * i, *entry)
        memory[dynamic_at : dynamic_at + len(dynamic)] = dynamic
        _write_headers(memory, code, data, dynamic_at, len(dynamic))
        return bytes(memory)

    def _place(self, image: _Image, segment: str) -> None:
        for file in self.files:
            for section in file.sections.values():
                if section.segment == segment:
                    place = image.reserve(len(section.content), section.alignment)
                    self.addresses[id(section)] = place

    def _address(self, file: ObjectFile, symbol: Symbol) -> int:
        if not symbol.is_local and symbol.name in self.defined:
            file, symbol = self.defined[symbol.name]
        if symbol.section is None:
            raise BuildError("link", f"symbol {symbol.name}: expected a definition, found none")
        return self.addresses[id(file.sections[symbol.section])] + symbol.value

    def _relocate(
        self, memory: bytearray, file: ObjectFile, section: Section, relocation: Relocation
    ) -> None:
        symbol = file.symbols[relocation.symbol]
        place = self.addresses[id(section)] + relocation.offset
        if relocation.kind == _ABSOLUTE_64:
            target = self._address(file, symbol) + relocation.addend
            self.dynamic_relocations.append((place, _RELATIVE, target))
            return
        if relocation.kind in _THROUGH_TABLE:
            target = self.table_at + 8 * self.table[symbol.name]
        elif not symbol.is_local and symbol.name not in self.defined:
            target = self.stubs_at + _STUB_BYTES * self.stubs[symbol.name]
        else:
            target = self._address(file, symbol)
        struct.pack_into("<i", memory, place, target + relocation.addend - place)

    def _write_table(self, memory: bytearray) -> None:
        for name, slot in self.table.items():
            place = self.table_at + 8 * slot
            if name in self.defined:
                target = self._address(*self.defined[name])
                self.dynamic_relocations.append((place, _RELATIVE, target))
            else:
                index = 1 + self.exported.index(name)
                self.dynamic_relocations.append((place, index << 32 | _GLOBAL_DATA, 0))
        for name, stub in self.stubs.items():
            place = self.stubs_at + _STUB_BYTES * stub
            slot_at = self.table_at + 8 * self.table[name]
            struct.pack_into("<2sixx", memory, place, b"\xff\x25", slot_at - place - 6)

    def _write_symbols(self, memory: bytearray, name_at: dict[str, int]) -> None:
        for i, name in enumerate(self.exported, start=1):
            section, value = 0, 0
            if name in self.defined:
                section, value = 1, self._address(*self.defined[name])
            entry = (name_at[name], 1 << 4, 0, section, value, 0)
            struct.pack_into("<IBBHQQ", memory, self.symbols_at + 24 * i, *entry)

    def _dynamic(self, strings_size: int, relocations: int, name_at: dict[str, int]) -> bytes:
        entries = [(1, name_at[library]) for library in _NEEDED]
        entries += [(4, self.hash_at), (5, self.strings_at), (6, self.symbols_at)]
        entries += [(10, strings_size), (11, 24)]
        entries += [(7, self.relocations_at), (8, 24 * relocations), (9, 24), (0, 0)]
        return b"".join(struct.pack("<QQ", *entry) for entry in entries)


class _Image:
    """A growing file that is also a growing address space: offset and address are the same."""

    def __init__(self, size: int) -> None:
        self.size = size

    def reserve(self, size: int, alignment: int) -> int:
        start = -(-self.size // alignment) * alignment
        self.size = start + size
        return start

    def new_page(self) -> int:
        return self.reserve(0, _PAGE)


def _string_table(names: Sequence[str]) -> tuple[bytes, dict[str, int]]:
    table, name_at = bytearray(1), dict[str, int]()
    for name in names:
        name_at[name] = len(table)
        table += name.encode() + b"\0"
    return bytes(table), name_at


def _hash_table(names: Sequence[str]) -> bytes:
    """DT_HASH: buckets of chained symbol indices; index 0 ends a chain."""
    buckets, chains = [0] * max(len(names), 1), [0] * (1 + len(names))
    for index, name in enumerate(names, start=1):
        bucket = _hash(name) % len(buckets)
        chains[index], buckets[bucket] = buckets[bucket], index
    words = [len(buckets), len(chains), *buckets, *chains]
    return struct.pack(f"<{len(words)}I", *words)


def _hash(name: str) -> int:
    value = 0
    for byte in name.encode():
        value = (value << 4) + byte
        high = value & 0xF0000000
        value = (value ^ high >> 24) & ~high
    return value


def _write_headers(
    memory: bytearray, code: int, data: int, dynamic: int, dynamic_size: int
) -> None:
    size = len(memory)
    segments = [
        (1, _READ, 0, code, _PAGE),
        (1, _READ_EXECUTE, code, data, _PAGE),
        (1, _READ_WRITE, data, size, _PAGE),
        (2, _READ_WRITE, dynamic, dynamic + dynamic_size, 8),
        (0x6474E551, _READ_WRITE, 0, 0, 16),  # a stack that is not executable
    ]
    identity = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = (identity, 3, 62, 1, 0, 64, 0, 0, 64, 56, len(segments), 0, 0, 0)
    struct.pack_into("<16sHHIQQQIHHHHHH", memory, 0, *header)
    for i, (kind, flags, start, end, alignment) in enumerate(segments):
        entry = (kind, flags, start, start, start, end - start, end - start, alignment)
        struct.pack_into("<IIQQQQQQ", memory, 64 + 56 * i, *entry)
