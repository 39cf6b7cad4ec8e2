"""Whether a board's flash takes a program's code and constants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphopt.errors import BudgetError
from graphopt.ir import DType
from graphopt.lower.mcu.text import short_location
from graphopt.lower.program import Program
from graphopt.lower.steps import Call
from graphopt.targets import Board, McuTarget, boards

_LARGEST = 4
_NARROWER = {DType.F64: DType.I8, DType.F32: DType.I8, DType.I16: DType.I8, DType.I8: DType.I4}


@dataclass(frozen=True)
class LayerWeights:
    """The constants that one call is the first to read, in bytes, and the type of most of them."""

    location: str
    nbytes: int
    dtype: DType

    @property
    def saved(self) -> int:
        """Bytes that the next narrower type of weights would save."""
        bits = self.dtype.bits
        return self.nbytes * (bits - _NARROWER.get(self.dtype, self.dtype).bits) // bits


def layer_weights(program: Program) -> tuple[LayerWeights, ...]:
    """The calls that constants are there for, each constant at its first reader."""
    sizes = {chunk.offset: chunk.nbytes for chunk in program.chunks}
    seen: set[int] = set()
    found: list[LayerWeights] = []
    for call in program.calls:
        own = [a.offset for a in call.arguments if a.space == "weights" and a.offset not in seen]
        seen.update(own)
        if own:
            total = sum(sizes.get(offset, 0) for offset in dict.fromkeys(own))
            found.append(LayerWeights(short_location(call.location), total, _dtype(call)))
    return tuple(found)


def check_flash(program: Program, code_bytes: int) -> None:
    """Refuse a program whose constants and code are larger than its board's flash.

    `code_bytes` are those of kernels and routines. The driver, and what the compiler's own library
    adds, come on top of them.

    Raises:
        BudgetError: by how much, the layers with the most weights, and the least change that
            would fit.
    """
    target = program.target
    board = target.board if isinstance(target, McuTarget) else None
    needed = program.weights.nbytes + code_bytes
    if board is None or needed <= board.flash_bytes:
        return
    excess = needed - board.flash_bytes
    layers = layer_weights(program)
    largest = sorted(layers, key=lambda layer: -layer.nbytes)[:_LARGEST]
    shares = ", ".join(f"{layer.location} {layer.nbytes}" for layer in largest)
    raise BudgetError(
        f"{program.graph.name} on {board.name}",
        f"flash: expected at most {board.flash_bytes} bytes, found {needed}, {excess} too many: "
        f"{program.weights.nbytes} of weights, {code_bytes} of code",
        f"bytes of weights by layer: {shares}\n{_advice(program, needed, excess, layers)}",
        {"flash_bytes": needed},
    )


def _dtype(call: Call) -> DType:
    weights = [
        value.type
        for value, address in zip(call.kernel.plan.region.inputs, call.arguments, strict=False)
        if address.space == "weights"
    ]
    return max(weights, key=lambda type: type.nbytes).dtype


def _advice(program: Program, needed: int, excess: int, layers: Sequence[LayerWeights]) -> str:
    choices: list[str] = []
    narrowed: list[LayerWeights] = []
    for layer in sorted(layers, key=lambda layer: -layer.saved):
        if layer.saved and sum(each.saved for each in narrowed) < excess:
            narrowed.append(layer)
    if narrowed and sum(each.saved for each in narrowed) >= excess:
        by_bits: dict[int, list[str]] = {}
        for each in narrowed:
            by_bits.setdefault(_NARROWER[each.dtype].bits, []).append(each.location)
        for bits, names in by_bits.items():
            choices.append(f"quantize the weights of {', '.join(names)} to {bits} bits")
        choices = [" and ".join(choices)]
    enough = [board for board in boards() if _fits(program, board, needed)]
    if enough:
        smallest = min(enough, key=lambda b: (b.flash_bytes, b.sram_bytes, b.name))
        choices.append(f"compile for {smallest.name}, which has {smallest.flash_bytes} bytes")
    return ", or ".join(choices) or "use a smaller model: no known board has enough flash"


def _fits(program: Program, board: Board, needed: int) -> bool:
    return board.flash_bytes >= needed and board.sram_bytes >= program.arena_bytes
