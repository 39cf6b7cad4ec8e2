"""Where the halos of a region come from, and what another window there would save.

A layer whose windows overlap makes the layers before it compute more than a tile's share, or keep
rows between tiles. Which one costs most is for the network's author to know (redistribution of the
receptive field in MCUNetV2, arXiv 2110.15352).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graphopt.analysis.receptive_field import NotSpatial, Reach, Span, spatial_reach
from graphopt.errors import PlanError
from graphopt.ir import Graph, Node, Value
from graphopt.ops import Patched
from graphopt.patching.events import Fire
from graphopt.patching.firings import Firings, fire
from graphopt.patching.redesign import Layer, Pair, later_stride, layer, smaller_kernel


@dataclass(frozen=True)
class Halo:
    """What the overlap of a layer's windows costs.

    Attributes:
        recomputed_macs: multiply-accumulates before the layer that are repeated because of it: of
            all that each node before it executes, the part by which its own inputs are computed
            more often than its outputs.
        held_bytes: of its inputs that are held in part, the rows that the windows of one row of
            its outputs share with those of the next.
    """

    layer: Layer
    recomputed_macs: int
    held_bytes: int


@dataclass(frozen=True)
class Saving:
    """What the region would cost less with another window, its plan unchanged.

    Attributes:
        what: the change, in words.
        recomputed_macs: of those that are executed more than once.
        macs: of all that are executed.
        buffer_bytes: of all line buffers and tiles together.
    """

    what: str
    recomputed_macs: int
    macs: int
    buffer_bytes: int


@dataclass(frozen=True)
class Advice:
    """The layer of a region with the most halo, and the changes of it that save something."""

    halo: Halo
    savings: tuple[Saving, ...]


def halos(firings: Firings) -> tuple[Halo, ...]:
    """The layers whose windows overlap, the one that costs most first.

    Multiply-accumulates that are repeated count before bytes.
    """
    body = firings.op.body
    factors = repetitions(firings)
    found: list[Halo] = []
    for node in body.nodes:
        windowed = layer(node)
        if windowed is not None and windowed.overlaps:
            repeated = _repeated_macs(body, node, factors)
            found.append(Halo(windowed, repeated, _shared_bytes(firings, node)))
    costly = [halo for halo in found if halo.recomputed_macs or halo.held_bytes]
    return tuple(sorted(costly, key=lambda h: (-h.recomputed_macs, -h.held_bytes)))


def repetitions(firings: Firings) -> dict[Node, float]:
    """By node, how often an element of its outputs is computed on average; 1: each once."""
    computed = dict.fromkeys(firings.op.body.nodes, 0)
    area = dict.fromkeys(firings.op.body.nodes, 0)
    for event in firings.events:
        if isinstance(event, Fire):
            window = event.outputs[0]
            computed[event.node] += window.rows.size * window.columns.size
            whole = event.node.outputs[0].type.dims
            area[event.node] = whole[1] * whole[2]
            if event.accumulates:  # the outputs are not the map whose rectangles are counted
                area[event.node] = computed[event.node]
    return {node: computed[node] / area[node] if area[node] else 1.0 for node in computed}


def advise(firings: Firings) -> Advice | None:
    """Advice on the layer with the most halo; None where no windows overlap.

    The figures of a change are those of the region with that layer, run in thought.
    """
    ranked = halos(firings)
    if not ranked:
        return None
    worst = ranked[0]
    op, changed = firings.op, worst.layer
    savings: list[Saving | None] = []
    smaller = smaller_kernel(op, changed)
    if smaller is not None:
        redesigned, kernel = smaller
        what = f"a kernel of {size(kernel)} instead of {size(changed.kernel)}"
        savings.append(_saving(firings, redesigned, what))
    strided = _last_strided(op.body, changed)
    later = later_stride(op, strided) if strided is not None else None
    if strided is not None and later is not None:
        redesigned, following = later
        whose = "its stride" if strided is changed else f"the stride of {named(strided.node)}"
        what = f"{whose} ({size(strided.strides)}) in {named(following.node)} instead"
        savings.append(_saving(firings, redesigned, what))
    return Advice(worst, tuple(each for each in savings if each is not None))


def named(node: Node) -> str:
    """A node by the last of its places in the model, which is one of its own.

    TFLite's converter joins the names of what it fuses with semicolons; the last is one too.
    """
    name = node.location.names[-1] if node.location.names else node.outputs[0].name
    return name.split(";")[-1]


def size(pair: Pair) -> str:
    """3x5"""
    return f"{pair[0]}x{pair[1]}"


def _saving(firings: Firings, redesigned: Patched, what: str) -> Saving | None:
    """The difference of two runs; None where the second repeats and holds no less."""
    try:
        other = fire(redesigned)
    except PlanError:
        return None
    saving = Saving(
        what,
        _extra(firings) - _extra(other),
        firings.macs - other.macs,
        _held(firings) - _held(other),
    )
    if _extra(firings):
        return saving if saving.recomputed_macs > 0 else None
    return saving if saving.buffer_bytes > 0 else None


def _extra(firings: Firings) -> int:
    return firings.macs - firings.op.body.macs


def _held(firings: Firings) -> int:
    return sum(buffer.nbytes for buffer in firings.buffers.values())


def _repeated_macs(body: Graph, node: Node, factors: Mapping[Node, float]) -> int:
    """What the nodes before `node` execute because its windows overlap."""
    producers = body.producers()
    direct = [producers[value] for value in node.inputs if value in producers]
    growth = max((factors[each] / factors[node] for each in direct), default=1.0)
    executed = sum(each.macs * factors[each] for each in _before(node, producers))
    return max(0, round(executed * (1 - 1 / growth)))


def _before(node: Node, producers: Mapping[Value, Node]) -> tuple[Node, ...]:
    """All nodes that `node` depends on."""
    found: dict[Node, None] = {}
    waiting = [node]
    while waiting:
        for value in waiting.pop().inputs:
            producer = producers.get(value)
            if producer is not None and producer not in found:
                found[producer] = None
                waiting.append(producer)
    return tuple(found)


def _shared_bytes(firings: Firings, node: Node) -> int:
    """Rows that neighbouring windows share, of the inputs whose rows are carried in a buffer."""
    reaches = spatial_reach(node)
    if isinstance(reaches, NotSpatial):
        return 0
    middle = node.outputs[0].type.dims[1] // 2
    shared = 0
    for value, reach in zip(node.inputs, reaches, strict=True):
        buffer = firings.buffers.get(value)
        if buffer is None or not buffer.carried or not isinstance(reach, Reach) or not middle:
            continue
        before, after = (reach.rows.pull(Span(row, row + 1)) for row in (middle - 1, middle))
        shared += max(0, before.hi - after.lo) * buffer.row_bytes
    return shared


def _last_strided(body: Graph, changed: Layer) -> Layer | None:
    """The layer itself if it has a stride, else the last one before it that has."""
    before = {*_before(changed.node, body.producers()), changed.node}
    layers = [found for node in body.nodes if node in before for found in [layer(node)] if found]
    return next((each for each in reversed(layers) if each.strides != (1, 1)), None)
