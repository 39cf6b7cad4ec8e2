"""ONNX LSTM, GRU and RNN, unrolled: one product for the inputs of all steps, then step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from graphopt.frontend.activations import Activation
from graphopt.frontend.compose import Compose
from graphopt.ir import Value
from graphopt.ops import Greater

# About 20 nodes a step: beyond this, importing and planning take longer than anyone waits.
MAX_STEPS = 1024


@dataclass(frozen=True)
class Weights:
    """One direction: w [gates*hidden, input], r [gates*hidden, hidden], biases of the same rows.

    `peepholes` [3*hidden] are those of an LSTM (input, output, forget).
    """

    w: Value
    r: Value
    w_bias: Value | None = None
    r_bias: Value | None = None
    peepholes: Value | None = None


@dataclass(frozen=True)
class State:
    """What goes from step to step, each [batch, hidden]; only an LSTM has a cell state."""

    h: Value
    c: Value | None = None


# Runs one step: (its part of the input product, previous state) -> next state.
Cell = Callable[[Value, State], State]


def run_direction(
    c: Compose,
    projected: Value,
    cell: Cell,
    initial: State,
    lengths: Value | None,
    reverse: bool,
) -> tuple[Value, State]:
    """All steps of one direction.

    Args:
        projected: [steps, batch, gates*hidden], the input part of all gates.
        lengths: i32 [batch]; rows stop there: their outputs are zero, their state stays.

    Returns:
        The outputs [steps, batch, hidden] in input order, and the last state.
    """
    steps = projected.type.dims[0]
    running = None if lengths is None else _running(c, lengths, steps)
    state = initial
    outputs: dict[int, Value] = {}
    for step in reversed(range(steps)) if reverse else range(steps):
        after = cell(c.element(projected, 0, step), state)
        outputs[step] = after.h
        if running is not None:
            active = c.element(running, 0, step)
            outputs[step] = c.where(active, after.h, 0)
            held = None
            if after.c is not None and state.c is not None:
                held = c.where(active, after.c, state.c)
            after = State(c.where(active, after.h, state.h), held)
        state = after
    return c.stack([outputs[step] for step in range(steps)], 0), state


def _running(c: Compose, lengths: Value, steps: int) -> Value:
    """bool [steps, batch, 1]: whether a row has not ended before a step."""
    batch = lengths.type.dims[0]
    numbers = c.constant(np.arange(steps).reshape(steps, 1, 1).astype(lengths.type.dtype.numpy))
    return c.binary(Greater(), c.reshape(lengths, (1, batch, 1)), numbers)


def project_inputs(c: Compose, x: Value, w: Value, bias: Value | None) -> Value:
    """x [steps, batch, input] times w transposed, plus the bias, for all steps at once."""
    steps, batch, size = x.type.dims
    y = c.matmul(c.reshape(x, (steps * batch, size)), w, transpose_b=True)
    if bias is not None:
        y = c.add(y, bias)
    return c.reshape(y, (steps, batch, w.type.dims[0]))


def add_biases(c: Compose, weights: Weights) -> Value | None:
    """The sum of both biases, which most gates only ever see as a sum."""
    if weights.w_bias is None or weights.r_bias is None:
        return weights.w_bias
    return c.add(weights.w_bias, weights.r_bias)


def split_gates(c: Compose, x: Value, hidden: int) -> list[Value]:
    """Consecutive blocks of `hidden` along the last axis."""
    return [c.slice(x, -1, start, hidden) for start in range(0, x.type.dims[-1], hidden)]


def lstm_cell(
    c: Compose,
    weights: Weights,
    activations: Sequence[Activation],
    input_forget: bool,
) -> Cell:
    """Gates in the order input, output, forget, cell (ONNX LSTM)."""
    f, g, h = activations
    hidden = weights.r.type.dims[1]
    peepholes = split_gates(c, weights.peepholes, hidden) if weights.peepholes else None

    def peep(gate: Value, which: int, cell: Value) -> Value:
        return gate if peepholes is None else c.add(gate, c.mul(peepholes[which], cell))

    def step(projected: Value, state: State) -> State:
        assert state.c is not None
        gates = c.add(projected, c.matmul(state.h, weights.r, transpose_b=True))
        i, o, forget, cell = split_gates(c, gates, hidden)
        i = f(c, peep(i, 0, state.c))
        forget = c.sub(1, i) if input_forget else f(c, peep(forget, 2, state.c))
        kept = c.add(c.mul(forget, state.c), c.mul(i, g(c, cell)))
        o = f(c, peep(o, 1, kept))
        return State(c.mul(o, h(c, kept)), kept)

    return step


def gru_cell(
    c: Compose,
    weights: Weights,
    activations: Sequence[Activation],
    linear_before_reset: bool,
) -> Cell:
    """Gates in the order update, reset, hidden (ONNX GRU).

    With `linear_before_reset` the recurrent bias of the hidden gate is inside the reset product,
    so the projected inputs must not contain it.
    """
    f, g = activations
    hidden = weights.r.type.dims[1]
    r_update_reset = c.slice(weights.r, 0, 0, 2 * hidden)
    r_hidden = c.slice(weights.r, 0, 2 * hidden, hidden)

    def step(projected: Value, state: State) -> State:
        x_update, x_reset, x_hidden = split_gates(c, projected, hidden)
        if linear_before_reset:
            recurrent = c.matmul(state.h, weights.r, transpose_b=True)
            if weights.r_bias is not None:
                recurrent = c.add(recurrent, weights.r_bias)
            h_update, h_reset, h_hidden = split_gates(c, recurrent, hidden)
            update, reset = f(c, c.add(x_update, h_update)), f(c, c.add(x_reset, h_reset))
            candidate = g(c, c.add(x_hidden, c.mul(reset, h_hidden)))
        else:
            recurrent = c.matmul(state.h, r_update_reset, transpose_b=True)
            h_update, h_reset = split_gates(c, recurrent, hidden)
            update, reset = f(c, c.add(x_update, h_update)), f(c, c.add(x_reset, h_reset))
            product = c.matmul(c.mul(reset, state.h), r_hidden, transpose_b=True)
            candidate = g(c, c.add(x_hidden, product))
        return State(c.add(c.mul(c.sub(1, update), candidate), c.mul(update, state.h)))

    return step


def rnn_cell(c: Compose, weights: Weights, activations: Sequence[Activation]) -> Cell:
    """h = f(x W' + h R' + biases) (ONNX RNN)."""
    (f,) = activations

    def step(projected: Value, state: State) -> State:
        recurrent = c.matmul(state.h, weights.r, transpose_b=True)
        return State(f(c, c.add(projected, recurrent)))

    return step
