"""Loops that pack the second matrix of a product while the kernel runs."""

from __future__ import annotations

from dataclasses import dataclass

from graphopt.ir import DType
from graphopt.lower.casts import unpack
from graphopt.lower.lanes import cast, shuffle
from graphopt.schedules.cpu.tiling import Panel, Panels
from graphopt.schedules.emit import (
    Buffer,
    Expr,
    T,
    channel_vectors,
    const,
    count,
    load,
    loop,
    store,
)


@dataclass(frozen=True)
class Packer:
    """Packs matrices of b, [depth, channels] or `transposed`, into `memory`, as `Panels.pack`."""

    panels: Panels
    b: Buffer
    dtype: DType
    transposed: bool
    memory: Buffer

    @property
    def element(self) -> str:
        """The type of a packed weight."""
        return "float32" if self.panels.unit.terms == 1 else "int16"

    def pack(self, start: Expr, slot: Expr) -> None:
        """Pack the matrix that starts at `start` to the offset `slot`."""
        for panel in self.panels.shapes():
            with count(T.int32(panel.group.first), T.int32(panel.group.end)) as p:
                vector = panel.group.start + (p - panel.group.first) * panel.group.size
                to = slot + vector * self.panels.vector_elements
                self._panel(panel, start, to, vector * self.panels.lanes)

    def _panel(self, panel: Panel, start: Expr, to: Expr, column: Expr) -> None:
        panels, terms = self.panels, self.panels.unit.terms
        wide = panel.group.size * panels.lanes
        channels = wide - panels.lanes + panel.tail
        whole, rest = divmod(panels.depth, terms)
        if panel.tail < panels.lanes:
            with loop(panels.unit.steps(panels.depth)) as step:
                self._clear(to + (step * wide + wide - panels.lanes) * terms, panels.lanes * terms)
        if rest:
            self._clear(to + whole * wide * terms, wide * terms)
        if self.transposed:
            with loop(channels) as c:
                row = start + (column + c) * panels.depth
                with loop(whole) as step:
                    self._copy(row + step * terms, to + (step * wide + c) * terms, terms)
                if rest:
                    self._copy(row + whole * terms, to + (whole * wide + c) * terms, rest)
            return
        with loop(whole) as step:
            self._rows(start + column, to + step * wide * terms, step * terms, channels, terms)
        if rest:
            last = T.int32(whole * terms)
            self._rows(start + column, to + whole * wide * terms, last, channels, rest)

    def _rows(self, start: Expr, to: Expr, first: Expr, channels: int, rows: int) -> None:
        """The products of one step: `rows` rows of the matrix from `first` on, side by side."""
        terms = self.panels.unit.terms

        def some(c: Expr, lanes: int) -> None:
            parts = [
                self._load(start + (first + row) * self.panels.channels + c, lanes)
                for row in range(rows)
            ]
            if terms == 1:
                store(self.memory, to + c, parts[0], lanes)
            elif lanes == 1:
                for term, part in enumerate(parts):
                    store(self.memory, to + c * terms + term, part, 1)
            else:
                parts += [const(0, lanes, self.element)] * (terms - rows)
                order = [term * lanes + lane for lane in range(lanes) for term in range(terms)]
                store(self.memory, to + c * terms, shuffle(parts, order), lanes * terms)

        channel_vectors(channels, self.panels.lanes, some)

    def _copy(self, source: Expr, to: Expr, elements: int) -> None:
        store(self.memory, to, self._load(source, elements), elements)

    def _load(self, offset: Expr, lanes: int) -> Expr:
        return cast(unpack(load(self.b, offset, lanes), self.dtype), self.element)

    def _clear(self, to: Expr, elements: int) -> None:
        def some(offset: Expr, lanes: int) -> None:
            store(self.memory, to + offset, const(0, lanes, self.element), lanes)

        channel_vectors(elements, self.panels.lanes * self.panels.unit.terms, some)
