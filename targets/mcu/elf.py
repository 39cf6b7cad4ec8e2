"""What linked programs consist of: symbols and sections."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from graphopt.lower.mcu.elf import read_object

_FUNCTION = 2  # the kind of a symbol


@dataclass(frozen=True)
class Symbol:
    """A name for `nbytes` of memory at `address`; 0 bytes where the program does not say."""

    name: str
    address: int
    nbytes: int
    is_function: bool


class SymbolTable:
    """The symbols of one program, found by name or by an address that they cover."""

    def __init__(self, symbols: Iterable[Symbol]) -> None:
        self._by_name = {symbol.name: symbol for symbol in symbols}
        functions = (s for s in self._by_name.values() if s.is_function)
        self._functions = sorted(functions, key=lambda s: (s.address, s.nbytes))
        self._starts = [symbol.address for symbol in self._functions]

    def __getitem__(self, name: str) -> Symbol:
        return self._by_name[name]

    def address(self, name: str) -> int:
        """Where `name` starts; bit 0, which marks Thumb code, is clear."""
        return self._by_name[name].address

    def function_at(self, address: int) -> Symbol | None:
        """The function that holds `address`, if one does."""
        index = bisect_right(self._starts, address) - 1
        if index < 0:
            return None
        function = self._functions[index]
        return function if address < function.address + max(function.nbytes, 1) else None


def read_symbols(program: bytes) -> SymbolTable:
    """The named places of a linked program or of an object file."""
    return SymbolTable(
        Symbol(
            symbol.name,
            symbol.value & ~1 if symbol.kind == _FUNCTION else symbol.value,
            symbol.size,
            symbol.kind == _FUNCTION,
        )
        for symbol in read_object(program).symbols
        if symbol.name and (symbol.section is not None or symbol.reserved)
    )


def section_bytes(program: bytes) -> dict[str, int]:
    """The bytes of every section, by name."""
    return {section.name: section.size for section in read_object(program).sections}
