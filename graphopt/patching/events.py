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
        macs: multiply-accumulates of the rectangle.
        accumulates: the output is a reduction of a map; the rectangle is one of that map, and its
            reduction is added to those of the rectangles before.
    """

    node: Node
    outputs: tuple[Window, ...]
    inputs: tuple[Window | None, ...]
    macs: int
    accumulates: bool = False

    @property
    def first(self) -> bool:
        """Whether it is the first rectangle of a map."""
        return self.outputs[0].rows.lo == self.outputs[0].columns.lo == 0


@dataclass(frozen=True)
class Emit:
    """Rows of an output leave its buffer: to the caller, or into the whole map."""

    window: Window


Event = Slide | Fetch | Fire | Emit
