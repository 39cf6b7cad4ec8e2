"""From the events of a region to what it does."""

from __future__ import annotations

from collections.abc import Iterator

from graphopt.analysis.receptive_field import Span
from graphopt.ir import Node, Value
from graphopt.lower.choice import Choice
from graphopt.lower.regions.actions import Action, Arrive, Copy, Extent, Leave, Run, Spot
from graphopt.lower.regions.kernels import TileKernels
from graphopt.patching.events import Emit, Fetch, Fire, Slide, Window
from graphopt.patching.firings import Firings
from graphopt.targets import McuTarget

_Pitched = tuple[Spot, int]
"""A place, and how many bytes after a row the next one starts."""


def trace(firings: Firings, kernels: TileKernels) -> Iterator[Action]:
    """What a region does, in order. Tiles that no schedule takes are left out."""
    return _Trace(firings, kernels).run()


class _Trace:
    def __init__(self, firings: Firings, kernels: TileKernels) -> None:
        self.firings, self.kernels = firings, kernels
        op = firings.op
        self.streamed = {
            *(op.body.inputs[i] for i in op.streamed_inputs),
            *(op.body.outputs[i] for i in op.streamed_outputs),
        }
        self.step = {node: i + 1 for i, node in enumerate(op.body.nodes)}
        target = kernels.target
        self.alignment = target.alignment
        # Elsewhere kernels take any element's address.
        self.boundary = target.alignment if isinstance(target, McuTarget) else 1
        self.columns: dict[Value, Span] = {}
        self.arrived: dict[Value, int] = {}

    def run(self) -> Iterator[Action]:
        for event in self.firings.events:
            match event:
                case Slide(window):
                    size = window.rows.size * self._pitch(window.value)
                    first = self._spot(window)
                    yield Copy(0, first, Spot(window.value, 0), size, 1, size, size)
                case Fetch(window):
                    self.columns[window.value] = window.columns
                    yield self._fetch(window)
                case Emit(window) if window.value in self.streamed:
                    yield Leave(window.value, self._spot(window), window.rows.size)
                case Emit(window):
                    yield self._copy(0, window, self._spot(window), self._place(window))
                case Fire():
                    yield from self._fire(event)

    def _fetch(self, window: Window) -> Action:
        value, rows = window.value, window.rows
        if value not in self.streamed:
            return self._copy(0, window, self._place(window), self._spot(window))
        skip = rows.lo - self.arrived.get(value, 0)
        self.arrived[value] = rows.hi
        return Arrive(value, self._spot(window), _nbytes(window), rows.size, skip)

    def _fire(self, event: Fire) -> Iterator[Action]:
        """A kernel on a tile, with copies of what it cannot take where it lies."""
        choice = self.kernels.of(event)
        for written in event.outputs:
            if written.value in self.firings.buffers:
                self.columns[written.value] = written.columns
        adds = event.accumulates and not event.first
        combination = self.kernels.combination(event.node) if adds else None
        if choice is None or (adds and combination is None):
            return
        used = [c.kernel.plan.scratch_bytes for c in (choice, combination) if c is not None]
        scratch = _Scratch(max(used), self.alignment)
        step, node = self.step[event.node], event.node
        before: list[Action] = []
        reads: list[Spot] = []
        for value, window in zip(node.inputs, event.inputs, strict=True):
            spot = Spot(value, 0, whole=True) if window is None else self._spot(window)
            if window is not None and not self._usable(window, spot):
                held, spot = spot, scratch.add(_nbytes(window))
                before.append(self._copy(step, window, (held, self._pitch(value)), spot))
            reads.append(spot)
        writes: list[Extent] = []
        after: list[Action] = []
        if combination is not None:
            size = node.output.type.nbytes
            part = scratch.add(size)
            writes.append((part, size))
            after += self._added(step, node, combination, part, scratch)
        elif event.accumulates:
            writes.append((Spot(node.output, 0, whole=True), node.output.type.nbytes))
        else:
            for written in event.outputs:
                spot = self._spot(written)
                if not self._usable(written, spot):
                    held, spot = spot, scratch.add(_nbytes(written))
                    to = held, self._pitch(written.value)
                    after.append(self._copy(step, written, spot, to))
                writes.append((spot, _nbytes(written)))
        yield from before
        where = tuple(reads), tuple(writes)
        yield Run(step, node, choice, event.macs, *where, scratch.nbytes)
        yield from after

    def _added(
        self, step: int, node: Node, choice: Choice, part: Spot, scratch: _Scratch
    ) -> Iterator[Action]:
        """A part of a reduction comes to those before, in the output."""
        size = node.output.type.nbytes
        total = Spot(node.output, 0, whole=True)
        if (0, 0) in choice.kernel.plan.inplace:
            yield Run(step, node, choice, 0, (total, part), ((total, size),), scratch.nbytes)
            return
        both = scratch.add(size)
        yield Run(step, node, choice, 0, (total, part), ((both, size),), scratch.nbytes)
        yield Copy(step, both, total, size, 1, size, size)

    def _usable(self, window: Window, spot: Spot) -> bool:
        """Whether a kernel can take a window where it lies."""
        dense = window.rows.size == 1 or _row_bytes(window) == self._pitch(window.value)
        return dense and spot.offset % self.boundary == 0

    def _copy(
        self, step: int, window: Window, source: Spot | _Pitched, to: Spot | _Pitched
    ) -> Copy:
        """A window moves between two places, each with its pitch if that is not the window's."""
        nbytes, rows = _row_bytes(window), window.rows.size
        (source, source_pitch), (to, to_pitch) = (
            place if isinstance(place, tuple) else (place, nbytes) for place in (source, to)
        )
        if nbytes == source_pitch == to_pitch:
            nbytes, rows = nbytes * rows, 1
        if rows == 1:
            source_pitch = to_pitch = nbytes
        return Copy(step, source, to, nbytes, rows, source_pitch, to_pitch)

    def _place(self, window: Window) -> tuple[Spot, int]:
        """Where a window lies in the whole map, and the pitch there."""
        pixel, width = _pixel_bytes(window.value), window.value.type.dims[2]
        pixels = window.rows.lo * width + window.columns.lo
        return Spot(window.value, pixels * pixel, whole=True), width * pixel

    def _spot(self, window: Window) -> Spot:
        """Where a window lies in its buffer, or in the whole map."""
        if window.value not in self.firings.buffers:
            return self._place(window)[0]
        held = self.columns[window.value]
        pixels = window.first * held.size + window.columns.lo - held.lo
        return Spot(window.value, pixels * _pixel_bytes(window.value))

    def _pitch(self, value: Value) -> int:
        """Bytes from a row to the next, where the value is held now."""
        held = self.columns.get(value)
        return _pixel_bytes(value) * (held.size if held else value.type.dims[2])


class _Scratch:
    """The scratch of one step: the kernel's own, then what is added."""

    def __init__(self, nbytes: int, alignment: int) -> None:
        self.nbytes, self.alignment = nbytes, alignment

    def add(self, nbytes: int) -> Spot:
        start = -(-self.nbytes // self.alignment) * self.alignment
        self.nbytes = start + nbytes
        return Spot(None, start)


def _pixel_bytes(value: Value) -> int:
    return value.type.dims[3] * value.type.dtype.itemsize


def _row_bytes(window: Window) -> int:
    return window.columns.size * _pixel_bytes(window.value)


def _nbytes(window: Window) -> int:
    return window.rows.size * _row_bytes(window)
