"""How kernels read the packed weights of integer products."""

from __future__ import annotations

from graphopt.lower.lanes import cast, const
from graphopt.schedules.cpu.integer_weights import IntegerWeights
from graphopt.schedules.cpu.tiling import Panel
from graphopt.schedules.emit import Buffer, Expr, load, loop, named, store, view


class WeightReader:
    """Gives the weights of a panel as steps read them: those of few bits are unpacked first.

    `buffer` is where steps read them. Workers unpack into `scratch` from byte `first` on.
    """

    def __init__(
        self, weights: IntegerWeights, packed: Buffer, scratch: Buffer | None, first: int
    ) -> None:
        self.weights = weights
        self.packed = packed
        self.first = first
        self.buffer = packed if weights.fields == 1 else view(scratch, weights.held.name)

    @property
    def starts(self) -> tuple[Buffer, ...]:
        """What sums start from, beside a bias."""
        return (view(self.packed, "int32"),) if self.weights.bias else ()

    def panel(self, panel: Panel, vector: Expr, worker: Expr, group: Expr) -> Expr:
        """Where the weights of a panel start, for a group of the convolution."""
        weights = self.weights
        stored = weights.first + group * weights.group_elements + vector * weights.vector_elements
        if weights.fields == 1:
            return stored
        to = self.first + worker * weights.room
        chunk, bits = weights.chunk, weights.dtype.bits
        used = weights.panels.vector_elements * panel.group.size
        with loop(-(-used // (chunk * weights.fields))) as number:
            shared = named(load(self.packed, stored + number * chunk, chunk))
            for field in range(weights.fields):
                low = (shared >> const(bits * field, shared)) & const((1 << bits) - 1, shared)
                held = cast(low, weights.held.name)
                lifted = held - const(weights.lift, held)
                at = to + (number * weights.fields + field) * chunk
                store(self.buffer, at, lifted, chunk)
        return to
