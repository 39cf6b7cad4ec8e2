"""Gathers and scatters."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from graphopt import ops
from graphopt.ir import Op
from graphopt.lower.dtypes import check_computes
from graphopt.lower.te.elementwise import Inputs, Types
from graphopt.lower.te.tensor import Expr, Index, Program, Slot, Tensor, linear

if TYPE_CHECKING:
    from graphopt.lower.te.emitter import Emitter

Target = Callable[["Emitter", Index], Index]
COMBINE: dict[str, Op] = {"add": ops.Add(), "mul": ops.Mul(), "max": ops.Max(), "min": ops.Min()}


def gather(p: Program, op: ops.Gather, inputs: Inputs, outputs: Types) -> Inputs:
    x, indices = (p.stored(t) for t in inputs)
    axis, rank = op.axis, len(indices.shape)

    def at(e: Emitter, index: Index) -> Expr:
        chosen = e.position(e.at(indices, index[axis : axis + rank]), x.shape[axis])
        return e.at(x, (*index[:axis], chosen, *index[axis + rank :]))

    return (Tensor(x.dtype, outputs[0].dims, at),)


def gather_elements(p: Program, op: ops.GatherElements, inputs: Inputs, outputs: Types) -> Inputs:
    x, indices = (p.stored(t) for t in inputs)
    axis = op.axis

    def at(e: Emitter, index: Index) -> Expr:
        chosen = e.position(e.at(indices, index), x.shape[axis])
        return e.at(x, (*index[:axis], chosen, *index[axis + 1 :]))

    return (Tensor(x.dtype, outputs[0].dims, at),)


def gather_nd(p: Program, op: ops.GatherNd, inputs: Inputs, outputs: Types) -> Inputs:
    x, indices = (p.stored(t) for t in inputs)
    depth, places = indices.shape[-1], len(indices.shape) - 1

    def at(e: Emitter, index: Index) -> Expr:
        outer, inner = index[:places], index[places:]
        chosen = tuple(
            e.position(e.at(indices, (*outer, i)), x.shape[op.batch_dims + i]) for i in range(depth)
        )
        return e.at(x, (*index[: op.batch_dims], *chosen, *inner))

    return (Tensor(x.dtype, outputs[0].dims, at),)


def scatter_elements(p: Program, op: ops.ScatterElements, inputs: Inputs, outputs: Types) -> Inputs:
    x, indices, updates = (p.stored(t) for t in inputs)
    axis = op.axis

    def target(e: Emitter, index: Index) -> Index:
        chosen = e.position(e.at(indices, index), x.shape[axis])
        return (*index[:axis], chosen, *index[axis + 1 :])

    return (_scattered(p, x, updates, op.combine, target),)


def scatter_nd(p: Program, op: ops.ScatterNd, inputs: Inputs, outputs: Types) -> Inputs:
    x, indices, updates = (p.stored(t) for t in inputs)
    depth, places = indices.shape[-1], len(indices.shape) - 1

    def target(e: Emitter, index: Index) -> Index:
        outer, inner = index[:places], index[places:]
        chosen = tuple(e.position(e.at(indices, (*outer, i)), x.shape[i]) for i in range(depth))
        return (*chosen, *inner)

    return (_scattered(p, x, updates, op.combine, target),)


def _scattered(p: Program, x: Tensor, updates: Tensor, combine: str, target: Target) -> Tensor:
    """A copy of x; then the updates one after the other."""
    if combine != "none":
        check_computes(x.dtype)

    def body(e: Emitter, slot: Slot) -> None:
        e.fill(slot, x)
        if not x.elements:
            return
        with e.loops(updates.shape) as index:
            position = linear(target(e, index), x.shape)
            value = e.at(updates, index)
            if combine != "none":
                value = e.apply(COMBINE[combine], e.load(slot, position), value)
            e.store(slot, position, value)

    return p.run(x.shape, x.dtype, body)
