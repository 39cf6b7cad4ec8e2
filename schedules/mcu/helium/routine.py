"""Calls of routines in assembly."""

from __future__ import annotations

from tvm import tirx

from graphopt.schedules.emit import Expr, T


def call(name: str, *arguments: Expr) -> None:
    """Call a routine that returns nothing of interest."""
    T.evaluate(tirx.call_extern("int32", f"graphopt_{name}", *arguments))


def steps(distance: Expr, step: Expr) -> Expr:
    """How many steps cover a distance; 0 where it is negative."""
    return T.truncdiv(T.max(distance, T.int32(0)) + step - 1, step)


def within(x: Expr, low: Expr, high: Expr) -> Expr:
    """x, or the closest of the bounds."""
    return T.max(low, T.min(x, high))
