"""LSTM, GRU and RNN."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from graphopt.frontend.activations import Activation, read_activations
from graphopt.frontend.call import Call, Import
from graphopt.frontend.compose import Compose
from graphopt.frontend.recurrent import (
    MAX_STEPS,
    Cell,
    State,
    Weights,
    add_biases,
    gru_cell,
    lstm_cell,
    project_inputs,
    rnn_cell,
    run_direction,
)
from graphopt.ir import Value

# What differs between the three: one direction's step, and the bias its projected inputs get.
MakeCell = Callable[[Compose, Weights, Sequence[Activation]], tuple[Cell, Value | None]]
_REVERSED = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}


def lstm(call: Call) -> tuple[Value, ...]:
    input_forget = bool(call.integer("input_forget", 0))

    def make(
        c: Compose, weights: Weights, activations: Sequence[Activation]
    ) -> tuple[Cell, Value | None]:
        return lstm_cell(c, weights, activations, input_forget), add_biases(c, weights)

    return _import(call, 4, ("Sigmoid", "Tanh", "Tanh"), make)


def gru(call: Call) -> tuple[Value, ...]:
    linear_before_reset = bool(call.integer("linear_before_reset", 0))

    def make(
        c: Compose, weights: Weights, activations: Sequence[Activation]
    ) -> tuple[Cell, Value | None]:
        bias = weights.w_bias if linear_before_reset else add_biases(c, weights)
        return gru_cell(c, weights, activations, linear_before_reset), bias

    return _import(call, 3, ("Sigmoid", "Tanh"), make)


def rnn(call: Call) -> tuple[Value, ...]:
    def make(
        c: Compose, weights: Weights, activations: Sequence[Activation]
    ) -> tuple[Cell, Value | None]:
        return rnn_cell(c, weights, activations), add_biases(c, weights)

    return _import(call, 1, ("Tanh",), make)


def _import(call: Call, gates: int, defaults: tuple[str, ...], make: MakeCell) -> tuple[Value, ...]:
    """Y, Y_h and, for an LSTM (4 gates), Y_c.

    Inputs: X, W, R, B?, sequence_lens?, initial_h?, and for an LSTM initial_c?, P?.
    """
    c = Compose(call.builder)
    batch_first = bool(call.integer("layout", 0))
    directions = _directions(call)
    x = call.ranked(0, 3)
    if batch_first:
        x = c.swap(x, 0, 1)
    steps, batch, _ = x.type.dims
    if steps > MAX_STEPS:
        raise call.unsupported(
            f"steps: expected at most {MAX_STEPS}, found {steps}",
            "bind a shorter sequence and carry the state from call to call",
        )
    if steps == 0:
        raise call.unsupported("steps: expected at least 1, found 0")
    hidden = _hidden(call, gates, len(directions))
    activations = _activations(call, defaults, len(directions))
    lengths = _lengths(call, steps)
    outputs, finals = [], []
    for d, reverse in enumerate(directions):
        weights = _weights(call, c, d, gates, hidden)
        initial = State(
            _initial(call, c, 5, d, batch, hidden, batch_first),
            _initial(call, c, 6, d, batch, hidden, batch_first) if gates == 4 else None,
        )
        cell, bias = make(c, weights, activations[d])
        projected = project_inputs(c, x, weights.w, bias)
        y, final = run_direction(c, projected, cell, initial, lengths, reverse)
        outputs.append(y)
        finals.append(final)
    y = c.stack(outputs, 1)
    states = [c.stack([f.h for f in finals], 0)]
    if gates == 4:
        states.append(c.stack([f.c for f in finals if f.c is not None], 0))
    if batch_first:
        return (c.transpose(y, (2, 0, 1, 3)), *(c.swap(s, 0, 1) for s in states))
    return (y, *states)


def _directions(call: Call) -> tuple[bool, ...]:
    """Whether each direction runs backwards."""
    name = call.string("direction", "forward")
    if name not in _REVERSED:
        raise call.invalid(f"direction: expected one of {', '.join(_REVERSED)}, found {name!r}")
    return _REVERSED[name]


def _hidden(call: Call, gates: int, directions: int) -> int:
    w, r = call.ranked(1, 3).type, call.ranked(2, 3).type
    hidden = r.dims[2]
    size = call.input(0).type.dims[2]
    if r.dims != (directions, gates * hidden, hidden) or w.dims != (
        directions,
        gates * hidden,
        size,
    ):
        raise call.invalid(
            f"W and R: expected [{directions},{gates * hidden},{size}] and "
            f"[{directions},{gates * hidden},{hidden}], found {w} and {r}"
        )
    return hidden


def _activations(
    call: Call, defaults: tuple[str, ...], directions: int
) -> list[Sequence[Activation]]:
    names = call.strings("activations", defaults * directions)
    each = len(defaults)
    if len(names) != each * directions:
        raise call.invalid(f"activations: expected {each * directions}, found {len(names)}")
    clip = call.number("clip", 0.0)
    functions = read_activations(
        call.where,
        names,
        call.numbers("activation_alpha", ()),
        call.numbers("activation_beta", ()),
        clip if clip > 0 else None,
    )
    return [functions[d * each : (d + 1) * each] for d in range(directions)]


def _lengths(call: Call, steps: int) -> Value | None:
    """The row lengths, unless all rows are known to have all steps."""
    lengths = call.optional(4)
    if lengths is None:
        return None
    known = call.array(4)
    if known is not None and bool(np.all(known == steps)):
        return None
    return lengths


def _weights(call: Call, c: Compose, direction: int, gates: int, hidden: int) -> Weights:
    def part(index: int) -> Value | None:
        value = call.optional(index)
        return None if value is None else c.index(value, 0, direction)

    bias = part(3)
    rows = gates * hidden
    return Weights(
        w=c.index(call.input(1), 0, direction),
        r=c.index(call.input(2), 0, direction),
        w_bias=None if bias is None else c.slice(bias, 0, 0, rows),
        r_bias=None if bias is None else c.slice(bias, 0, rows, rows),
        peepholes=part(7) if gates == 4 else None,
    )


def _initial(
    call: Call, c: Compose, index: int, direction: int, batch: int, hidden: int, batch_first: bool
) -> Value:
    value = call.optional(index)
    if value is None:
        return c.constant(np.zeros((batch, hidden), call.input(0).type.dtype.numpy))
    return c.index(value, 1 if batch_first else 0, direction)


IMPORTERS: dict[str, Import] = {"LSTM": lstm, "GRU": gru, "RNN": rnn}
