"""Options on memory: limits for patched regions, streams and plans."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from graphopt.errors import OptionError

if TYPE_CHECKING:
    from graphopt.patching.limits import Limits

Sram = Annotated[
    str | None,
    typer.Option(
        "--sram",
        metavar="64KB",
        help="Patch as little as fits into this: B, KB (1000) or KiB (1024), inputs and outputs "
        "included unless they are streamed.",
    ),
]
MaxWork = Annotated[
    float | None,
    typer.Option(
        "--max-work",
        metavar="1.05",
        help="Patch to the least memory within this time, over that without patches.",
    ),
]
MaxMacs = Annotated[
    float | None,
    typer.Option(
        "--max-macs",
        metavar="1.5",
        help="Execute so many times the MACs of the model at most; 1: nothing twice.",
    ),
]
StreamInput = Annotated[
    bool,
    typer.Option("--stream-input", help="Inputs arrive by rows, from a callback; none is held."),
]
Pareto = Annotated[
    bool, typer.Option("--pareto", help="Show memory against latency of other plans, too.")
]
PatchPlan = Annotated[
    Path | None,
    typer.Option("--patch-plan", metavar="PLAN.json", help="Regions as saved, perhaps edited."),
]
_UNITS = {"B": 1, "KB": 1000, "KIB": 1 << 10, "MB": 1000**2, "MIB": 1 << 20}


def limits(sram: str | None, work: float | None, macs: float | None) -> Limits | None:
    """What a plan has to keep; None where nothing was asked for.

    Raises:
        OptionError: a text is no size, or a number is below what any plan takes.
    """
    from graphopt.patching.limits import Limits

    for option, number in (("--max-work", work), ("--max-macs", macs)):
        if number is not None and not number >= 1:
            raise OptionError(option, f"expected 1 or more, found {number:g}")
    if sram is None and work is None and macs is None:
        return None
    return Limits(None if sram is None else nbytes("--sram", sram), work, macs)


def nbytes(option: str, text: str) -> int:
    """Bytes from texts like ``65536``, ``64KB`` (1000), ``64KiB`` (1024) and ``1.5MB``.

    Raises:
        OptionError: a text is not of that form, or stands for less than a byte.
    """
    stripped = text.strip()
    number = stripped.rstrip("BbIiKkMm ")
    try:
        found = int(float(number) * _UNITS[stripped[len(number) :].strip().upper() or "B"])
    except (ValueError, KeyError, OverflowError):
        found = 0
    if found < 1:
        raise OptionError(option, f"expected a size like 65536, 64KB or 64KiB, found {text!r}")
    return found
