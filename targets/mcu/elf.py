"""Symbols of linked programs, as the toolchain's `nm` lists them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from graphopt.targets.mcu.toolchain import call, find
from graphopt.targets.target import McuTarget


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

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

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


def read_symbols(program: Path, target: McuTarget) -> SymbolTable:
    """The symbols that `program` defines.

    Raises:
        ToolchainError: `nm` is not installed.
        BuildError: it does not read the file.
    """
    nm = find(f"{target.toolchain.prefix}-nm", target.toolchain.packages)
    listed = call([nm, "--defined-only", "--format=posix", program], "symbols")
    return SymbolTable(_symbol(line) for line in listed.splitlines())


def _symbol(line: str) -> Symbol:
    name, kind, value, *size = line.split()
    is_function = kind in "tTwW"
    address = int(value, 16) & ~1 if is_function else int(value, 16)
    return Symbol(name, address, int(size[0], 16) if size else 0, is_function)
