"""The linear transformations of F(2x2, 3x3), times 4, on vectors of integers.

Matrices as in Lavin and Gray (arXiv 1509.09308), section 4.1, those of the weights times 2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from graphopt.schedules.emit import Expr, named

Transform = Callable[[Sequence[Expr]], list[Expr]]
Square = Sequence[Sequence[Expr]]


def of_inputs(d: Sequence[Expr]) -> list[Expr]:
    """4 inputs to 4 points."""
    return [d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]]


def of_weights(g: Sequence[Expr]) -> list[Expr]:
    """3 weights to 4 points, times 2."""
    ends = named(g[0] + g[2])
    return [g[0] + g[0], ends + g[1], ends - g[1], g[2] + g[2]]


def of_sums(m: Sequence[Expr]) -> list[Expr]:
    """4 points to 2 outputs."""
    return [m[0] + m[1] + m[2], m[1] - m[2] - m[3]]


def both_ways(transform: Transform, square: Square) -> list[list[Expr]]:
    """The transformation of all columns of a square of vectors, then of all rows."""
    columns = [[named(each) for each in transform(column)] for column in zip(*square, strict=True)]
    return [[named(each) for each in transform(row)] for row in zip(*columns, strict=True)]
