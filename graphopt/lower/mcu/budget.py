"""Whether a board has the memory that a program needs."""

from __future__ import annotations

from math import floor, sqrt

from graphopt.errors import BudgetError
from graphopt.lower.mcu.text import short_location
from graphopt.lower.program import Program
from graphopt.solver.memory import SCRATCH_SUFFIX, fullest
from graphopt.targets import Board, McuTarget, boards

_LARGEST = 4
_IMAGE_RANK = 4


def check_sram(program: Program) -> None:
    """Refuse a program whose arena is larger than the SRAM of its board, if it has one.

    Raises:
        BudgetError: by how much, what is live at the peak, and the least change that would fit.
    """
    target = program.target
    board = target.board if isinstance(target, McuTarget) else None
    if board is None or program.arena_bytes <= board.sram_bytes:
        return
    needed, limit = program.arena_bytes, board.sram_bytes
    raise BudgetError(
        f"{program.graph.name} on {board.name}",
        f"arena: expected at most {limit} bytes of SRAM, found {needed}, {needed - limit} too many",
        f"{_at_peak(program)}\n{_advice(program, board)}",
        {"sram_bytes": needed},
    )


def _at_peak(program: Program) -> str:
    """The call that sets the peak, and the largest of what is live there."""
    at = fullest(program.buffers)
    live = [b for b in program.buffers if b.first <= at <= b.last]
    largest = sorted(live, key=lambda b: -b.nbytes)
    named = [f"%{_short_name(b.name)} {b.nbytes}" for b in largest[:_LARGEST]]
    if len(largest) > _LARGEST:
        rest = sum(b.nbytes for b in largest[_LARGEST:])
        named.append(f"{len(largest) - _LARGEST} more {rest}")
    call = program.calls[at]
    proof = "no order and no placement needs" if _optimal(program) else "none was found to need"
    where = short_location(call.location)
    return f"bytes live in call {at} ({where}): {', '.join(named)}; {proof} less"


def _short_name(name: str) -> str:
    value = name.removesuffix(SCRATCH_SUFFIX)
    return short_location(value) + name[len(value) :]


def _optimal(program: Program) -> bool:
    return program.arena_bytes <= program.arena_lower_bound


def _advice(program: Program, board: Board) -> str:
    needed = program.arena_bytes
    choices: list[str] = []
    weights = program.weights.nbytes
    enough = [b for b in boards() if b.sram_bytes >= needed and b.flash_bytes >= weights]
    if enough:
        smallest = min(enough, key=lambda b: (b.sram_bytes, b.name))
        choices.append(f"compile for {smallest.name}, which has {smallest.sram_bytes} bytes")
    if any(v.type.rank == _IMAGE_RANK for v in program.graph.inputs):
        scale = floor(100 * sqrt(board.sram_bytes / needed))
        choices.append(f"scale height and width of the input to about {scale} %")
    if not choices:
        choices.append("use a smaller model: no known board has enough SRAM")
    return ", or ".join(choices)
