"""What happens, one after the other, while a patched region runs."""

from __future__ import annotations

from dataclasses import dataclass

from graphopt.analysis.receptive_field import Span
from graphopt.ir import Node, Value


@dataclass(frozen=True)
class Window:
    """A rectangle of a map, in the map's coordinates.

    Attributes:
        base: the row of the map that lies at the start of its buffer; 0 for a map that is held
            whole.
    """

    value: Value
    rows: Span
    columns: Span
    base: int = 0

    @property
    def first(self) -> int:
        """Its first row, counted from the start of the buffer."""
        return self.rows.lo - self.base


@dataclass(frozen=True)
class Slide:
    """Rows that are still needed move to the start of their buffer.

    Attributes:
        window: where they lie until now.
    """

    window: Window


@dataclass(frozen=True)
class Fetch:
    """Rows of an input come into its buffer: from the caller, or from the whole map."""

    window: Window


@dataclass(frozen=True)
class Fire:
    """A node computes the same rectangle of each of its outputs.

    Attributes:
        inputs: by input of the node, the rectangle that it reads; None for the whole value.
    """

    node: Node
    outputs: tuple[Window, ...]
    inputs: tuple[Window | None, ...]

    @property
    def macs(self) -> int:
        """Multiply-accumulates: those of the node, in proportion to the rectangle."""
        window = self.outputs[0]
        _, height, width, _ = window.value.type.dims
        return self.node.macs * window.rows.size * window.columns.size // (height * width)


@dataclass(frozen=True)
class Emit:
    """Rows of an output leave its buffer: to the caller, or into the whole map."""

    window: Window


Event = Slide | Fetch | Fire | Emit
