"""Steps that recur are written down once, as parts that run from several places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from graphopt.lower.loops import Numbered
from graphopt.lower.steps import (
    Advance,
    Call,
    Loop,
    Move,
    Part,
    Point,
    Receive,
    Section,
    Send,
    Step,
)

# Bytes of code on ARMv7-M: of a step, of a function around some, of a call of it.
_CALL, _MOVE, _STREAM, _CURSOR, _LOOP = 76, 26, 26, 8, 10
_FUNCTION, _REFERENCE = 10, 6


def shared(steps: Sequence[Step], first: int = 0) -> tuple[Step, ...]:
    """The same steps, with what recurs as parts, where that makes less code.

    Parts are numbered from `first` on.

    Pairs of neighbours that save the most become a part, again and again (Re-Pair: Larsson and
    Moffat, "Off-line dictionary-based compression", 2000); so do single steps.
    """
    grammar = _Grammar(first)
    return grammar.steps(grammar.compress(grammar.read(steps)))


class _Grammar:
    """Steps as symbols; loops and sections hold sequences of their own.

    Attributes:
        sequences: by number, what stands in a loop, a section or a part.
        inside: by symbol, the number of the sequence of a loop or a section.
        parts: by symbol, the number of the sequence of a part.
    """

    def __init__(self, first: int) -> None:
        self.first = first
        self.names = Numbered()
        self.sequences: list[list[int]] = []
        self.inside: dict[int, int] = {}
        self.parts: dict[int, int] = {}
        self.costs: dict[int, int] = {}
        self.made: dict[int, Part] = {}

    def read(self, steps: Sequence[Step]) -> int:
        """Take a sequence in; returns its number."""
        number = len(self.sequences)
        self.sequences.append([])
        self.sequences[number] = [self._symbol(step) for step in steps]
        return number

    def _symbol(self, step: Step) -> int:
        symbol = self.names.of(step)
        if symbol not in self.costs:
            self.costs[symbol] = _cost(step)
            if isinstance(step, Loop | Section):
                self.inside[symbol] = self.read(step.body)
        return symbol

    def compress(self, root: int) -> int:
        while True:
            saved, sequence = self._best()
            if saved <= 0:
                return root
            symbol = self.names.further()
            self.sequences = [_replaced(each, sequence, symbol) for each in self.sequences]
            self.parts[symbol] = len(self.sequences)
            self.sequences.append(list(sequence))
            self.costs[symbol] = _REFERENCE

    def _best(self) -> tuple[int, tuple[int, ...]]:
        """What saves most as a part, and how many bytes."""
        bodies = {number for number in self.parts.values()}
        singles = Counter[int]()
        pairs = Counter[tuple[int, int]]()
        for number, sequence in enumerate(self.sequences):
            if number not in bodies or len(sequence) > 1:
                singles.update(sequence)
            pairs.update(_pairs(sequence))
        best = max(
            ((self._saved((s,), n), (s,)) for s, n in singles.items() if s not in self.parts),
            default=(0, ()),
        )
        return max([best, *((self._saved(pair, n), pair) for pair, n in pairs.items())])

    def _saved(self, sequence: tuple[int, ...], times: int) -> int:
        cost = sum(self.costs[symbol] for symbol in sequence)
        return times * cost - (cost + _FUNCTION + times * _REFERENCE)

    def steps(self, number: int) -> tuple[Step, ...]:
        """A sequence as steps again."""
        found: list[Step] = []
        for symbol in self.sequences[number]:
            if symbol in self.parts:
                if symbol not in self.made:
                    body = self.steps(self.parts[symbol])
                    self.made[symbol] = Part(self.first + len(self.made), body)
                found.append(self.made[symbol])
                continue
            step = self.names.steps[symbol]
            if isinstance(step, Loop | Section):
                step = replace(step, body=self.steps(self.inside[symbol]))
            found.append(step)
        return tuple(found)


def _cost(step: Step) -> int:
    match step:
        case Call():
            return _CALL
        case Move():
            return _MOVE
        case Receive() | Send():
            return _STREAM
        case Loop():
            return _LOOP
        case Advance():
            return _CURSOR
        case Point() | Section() | Part():
            return 0


def _pairs(sequence: Sequence[int]) -> Counter[tuple[int, int]]:
    """Neighbours, without those that overlap the same pair before them."""
    found = Counter[tuple[int, int]]()
    last: tuple[tuple[int, int], int] | None = None
    for at, pair in enumerate(pairwise(sequence)):
        if last == (pair, at - 1):
            last = None
            continue
        found[pair] += 1
        last = pair, at
    return found


def _replaced(sequence: list[int], part: tuple[int, ...], symbol: int) -> list[int]:
    found: list[int] = []
    at = 0
    while at < len(sequence):
        if tuple(sequence[at : at + len(part)]) == part:
            found.append(symbol)
            at += len(part)
        else:
            found.append(sequence[at])
            at += 1
    return found
