"""Calls of routines in assembly."""

from __future__ import annotations

from tvm import tirx

from graphopt.schedules.emit import Buffer, Expr


def call(routine: str, *arguments: Expr | int) -> Expr:
    """What routine `routine` of `schedules/mcu/routines` returns."""
    given = (tirx.IntImm("int32", a) if isinstance(a, int) else a for a in arguments)
    return tirx.call_extern("int32", f"graphopt_{routine}", *given)


def at(buffer: Buffer, index: Expr | int) -> Expr:
    """The address of an element."""
    return tirx.address_of(buffer[index])
