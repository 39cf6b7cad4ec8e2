"""Einsum, as transposes, matrix products and sums."""

from __future__ import annotations

import math
import string
from collections import Counter
from dataclasses import dataclass

from graphopt.frontend.call import Call, Import
from graphopt.frontend.compose import Compose
from graphopt.ir import Value


@dataclass(frozen=True)
class Term:
    """A tensor and the letter of each of its dimensions, all different."""

    value: Value
    letters: str

    def size(self, letter: str) -> int:
        return self.value.type.dims[self.letters.index(letter)]


def einsum(call: Call) -> Value:
    """Einsum: the inputs are contracted from left to right, two at a time."""
    c = Compose(call.builder)
    values = call.tensors()
    inputs, output = parse_equation(call, call.string("equation"), [v.type.rank for v in values])
    terms = [
        _without_repeats(c, value, letters) for value, letters in zip(values, inputs, strict=True)
    ]
    total = terms[0]
    for index, term in enumerate(terms[1:], start=1):
        needed = output + "".join(t.letters for t in terms[index + 1 :])
        total = _contract(c, total, term, needed)
    total = _sum_out(c, total, output)
    return c.transpose(total.value, [total.letters.index(letter) for letter in output])


def parse_equation(call: Call, equation: str, ranks: list[int]) -> tuple[list[str], str]:
    """The letters of each input and of the output; an ellipsis becomes letters of its own.

    Raises:
        ModelError: the equation does not fit the inputs.
    """
    left, arrow, right = equation.replace(" ", "").partition("->")
    inputs = left.split(",")
    if len(inputs) != len(ranks):
        raise call.invalid(f"equation {equation!r}: expected {len(ranks)} inputs")
    free = [letter for letter in string.ascii_letters if letter not in equation]
    dots = [rank - len(i.replace("...", "")) for i, rank in zip(inputs, ranks, strict=True)]
    widest = max((d for d, i in zip(dots, inputs, strict=True) if "..." in i), default=0)
    if len(free) < widest:
        raise call.unsupported(f"equation {equation!r}: expected fewer dimensions")
    hidden = "".join(free[:widest])
    expanded = []
    for text, count, rank in zip(inputs, dots, ranks, strict=True):
        letters = text.replace("...", hidden[widest - count :] if count > 0 else "")
        if len(letters) != rank:
            raise call.invalid(f"equation {equation!r}: expected rank {len(letters)}, found {rank}")
        expanded.append(letters)
    if arrow:
        return expanded, right.replace("...", hidden)
    once = Counter("".join(text.replace("...", "") for text in inputs))
    return expanded, hidden + "".join(sorted(k for k, n in once.items() if n == 1))


def _without_repeats(c: Compose, value: Value, letters: str) -> Term:
    """The diagonal over dimensions that share a letter."""
    for letter in letters:
        while letters.count(letter) > 1:
            first, second = letters.index(letter), letters.rindex(letter)
            rest = [i for i in range(len(letters)) if i not in (first, second)]
            size = value.type.dims[first]
            moved = c.transpose(value, (*rest, first, second))
            outer = moved.type.dims[:-2]
            flat = c.reshape(moved, (*outer, size * size))
            value = c.slice(flat, len(outer), 0, size, size + 1)
            letters = "".join(letters[i] for i in rest) + letter
    return Term(value, letters)


def _sum_out(c: Compose, term: Term, needed: str) -> Term:
    """The term summed over the letters that nothing needs."""
    axes = [i for i, letter in enumerate(term.letters) if letter not in needed]
    if not axes:
        return term
    kept = "".join(letter for letter in term.letters if letter in needed)
    return Term(c.reduce("sum", term.value, axes), kept)


def _contract(c: Compose, a: Term, b: Term, needed: str) -> Term:
    """Both terms multiplied, and summed over their common letters that nothing else needs."""
    a, b = _sum_out(c, a, needed + b.letters), _sum_out(c, b, needed + a.letters)
    common = [letter for letter in a.letters if letter in b.letters]
    # A dimension of size 1 broadcasts, so only equal sizes can be contracted as a product.
    summed = [k for k in common if k not in needed and a.size(k) == b.size(k)]
    batch = [k for k in common if k not in summed]
    rows = [k for k in a.letters if k not in common]
    columns = [k for k in b.letters if k not in common]
    sizes = [max(a.size(k), b.size(k)) for k in batch]
    sizes += [a.size(k) for k in rows] + [b.size(k) for k in columns]
    left = _arrange(c, a, batch, rows, summed)
    right = _arrange(c, b, batch, summed, columns)
    product = c.mul(left, right) if not summed else c.matmul(left, right)
    letters = "".join(batch + rows + columns)
    return _sum_out(c, Term(c.reshape(product, sizes), letters), needed)


def _arrange(
    c: Compose, term: Term, batch: list[str], rows: list[str], columns: list[str]
) -> Value:
    """The term as [*batch, rows, columns], each group of letters made one dimension."""
    order = [term.letters.index(k) for k in (*batch, *rows, *columns)]
    shape = [term.size(k) for k in batch]
    shape += [math.prod(term.size(k) for k in group) for group in (rows, columns)]
    return c.reshape(c.transpose(term.value, order), shape)


IMPORTERS: dict[str, Import] = {"Einsum": einsum}
