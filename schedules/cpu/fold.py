"""Folding a row of elements into one: several chains of vectors, then across the lanes."""

from __future__ import annotations

from collections.abc import Callable

from graphopt.schedules.emit import Expr, Registers, T, const, loop, named

# As many independent chains as hide the latency of an addition.
CHAINS = 4

Join = Callable[[Expr, Expr], Expr]


def add(a: Expr, b: Expr) -> Expr:
    """a + b"""
    return a + b


def fold_row(
    length: int,
    lanes: int,
    start: float,
    value: Callable[[Expr, int], Expr],
    join: Join,
    dtype: str = "float32",
) -> Expr:
    """Join `value(column, lanes)` over all columns and lanes; returns a bound scalar.

    `start` is the neutral element of `join`, `dtype` the type of the values. `value` is emitted
    once for each place.
    """
    vectors, rest = divmod(length, lanes)
    chains = max(1, min(CHAINS, vectors))
    totals = Registers(chains, lanes, dtype)
    for chain in range(chains):
        totals.set(chain, const(start, lanes, dtype))
    with loop(vectors // chains) as step:
        for chain in range(chains):
            column = (step * chains + chain) * lanes
            totals.set(chain, join(totals.get(chain), value(column, lanes)))
    for chain in range(vectors % chains):
        column = T.int32((vectors - vectors % chains + chain) * lanes)
        totals.set(chain, join(totals.get(chain), value(column, lanes)))
    for chain in range(1, chains):
        totals.set(0, join(totals.get(0), totals.get(chain)))
    scalars = [totals.lane(0, lane) for lane in range(lanes)]
    if rest:
        tail = Registers(1, rest, dtype)
        tail.set(0, value(T.int32(vectors * lanes), rest))
        scalars += [tail.lane(0, lane) for lane in range(rest)]
    return named(_tree(scalars, join))


def _tree(scalars: list[Expr], join: Join) -> Expr:
    while len(scalars) > 1:
        pairs = [join(a, b) for a, b in zip(scalars[::2], scalars[1::2], strict=False)]
        scalars = pairs + scalars[len(pairs) * 2 :]
    return scalars[0]
