"""If, Loop and Scan. Their structure must be known at import; iterations are written out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from onnx import GraphProto

from graphopt.frontend.builder import Operand, TensorList
from graphopt.frontend.call import Call, Import
from graphopt.frontend.compose import Compose
from graphopt.frontend.invariant import hoist_invariants
from graphopt.ir import TensorType, Value
from graphopt.ops import And

if TYPE_CHECKING:
    from graphopt.frontend.importer import Scope

# A loop of more iterations than this makes a graph that nobody wants to wait for.
MAX_ITERATIONS = 1024


def if_(call: Call) -> tuple[Operand, ...]:
    """The branch taken; when the condition is computed, both branches and a choice."""
    condition = call.input(0)
    if condition.type.elements != 1:
        raise call.invalid(f"condition: expected one boolean, found {condition.type}")
    known = call.array(0)
    if known is not None:
        branch = call.graph("then_branch" if bool(known.reshape(-1)[0]) else "else_branch")
        return call.importer.import_graph(branch, (), call.scope)
    taken = call.importer.import_graph(call.graph("then_branch"), (), call.scope)
    other = call.importer.import_graph(call.graph("else_branch"), (), call.scope)
    if len(taken) != len(other):
        raise call.invalid(f"branches: {len(taken)} outputs and {len(other)}")
    flag = Compose(call.builder).reshape(condition, ())
    return tuple(choose(call, flag, a, b) for a, b in zip(taken, other, strict=True))


def choose(call: Call, flag: Value, a: Operand, b: Operand) -> Operand:
    """a where `flag` (bool, rank 0) holds, else b.

    Raises:
        NotConstant: their types differ, so that the result has no static type.
    """
    if a is b:
        return a
    if isinstance(a, TensorList) and isinstance(b, TensorList) and len(a.items) == len(b.items):
        pairs = zip(a.items, b.items, strict=True)
        return TensorList(tuple(choose(call, flag, x, y) for x, y in pairs))
    if isinstance(a, Value) and isinstance(b, Value) and a.type == b.type:
        return Compose(call.builder).where(flag, a, b)
    raise call.not_constant(flag, f"condition that decides between {describe(a)} and {describe(b)}")


def describe(operand: Operand) -> str:
    """The type of a tensor, or how long a sequence is."""
    if isinstance(operand, Value):
        return str(operand.type)
    return f"a sequence of {len(operand.items)}"


def loop(call: Call) -> tuple[Operand, ...]:
    """The iterations one after the other.

    The condition may be computed when the trip count is known and nothing is collected: then
    the carried values stay as they are once it has failed.
    """
    c = Compose(call.builder)
    trips = _trip_count(call)
    condition = call.optional(1) or c.constant(np.asarray(True))
    carried = tuple(_operand(call, i) for i in range(2, len(call.inputs)))
    body, scope = hoist_invariants(call, call.graph("body"))
    collected = len(body.output) - 1 - len(carried)
    if collected < 0 or len(body.input) != 2 + len(carried):
        raise call.invalid("the body's inputs and outputs do not fit the carried values")
    rows: list[list[Value]] = [[] for _ in range(collected)]
    active: Value | None = None  # None: known to run
    iteration = 0
    while trips is None or iteration < trips:
        known = call.builder.array(condition)
        if known is not None and not bool(known.reshape(-1)[0]):
            break
        if known is None:
            if trips is None or trips > MAX_ITERATIONS or collected:
                raise call.not_constant(condition, "condition that decides how often the loop runs")
            flag = c.reshape(condition, ())
            active = flag if active is None else c.apply(And(), active, flag)
        if iteration >= MAX_ITERATIONS:
            raise call.unsupported(f"iterations: expected at most {MAX_ITERATIONS}, found more")
        number = c.constant(np.asarray(iteration, np.int64))
        results = call.importer.import_graph(body, (number, condition, *carried), scope)
        after = results[1 : 1 + len(carried)]
        if active is not None:
            after = tuple(
                choose(call, active, new, old) for new, old in zip(after, carried, strict=True)
            )
        condition, carried = _tensor(call, results[0], "condition"), after
        for row, item in zip(rows, results[1 + len(carried) :], strict=True):
            row.append(_tensor(call, item, "scan output"))
        iteration += 1
    if iteration == 0 and collected:
        return (*carried, *_no_rows(call, body, scope, carried, collected))
    return (*carried, *(_stack(call, row, 0) for row in rows))


def _trip_count(call: Call) -> int | None:
    if not call.has(0):
        return None
    return int(call.known(0, "trip count").reshape(-1)[0])


def _operand(call: Call, index: int) -> Operand:
    operand = call.inputs[index]
    if operand is None:
        raise call.invalid(f"input {index}: expected a value, found none")
    return operand


def _tensor(call: Call, operand: Operand, what: str) -> Value:
    if not isinstance(operand, Value):
        raise call.unsupported(f"{what}: expected a tensor, found {describe(operand)}")
    return operand


def _stack(call: Call, items: Sequence[Value], axis: int) -> Value:
    types = {item.type for item in items}
    if len(types) > 1:
        raise call.invalid(f"scan output: expected one type, found {', '.join(map(str, types))}")
    return Compose(call.builder).stack(items, axis)


def _no_rows(
    call: Call, body: GraphProto, scope: Scope, carried: Sequence[Operand], collected: int
) -> list[Value]:
    """Empty scan outputs: the body is imported for their types and then forgotten."""
    c = Compose(call.builder)
    since = len(call.builder.nodes)
    number, run = c.constant(np.asarray(0, np.int64)), c.constant(np.asarray(True))
    results = call.importer.import_graph(body, (number, run, *carried), scope)
    del call.builder.nodes[since:]
    types: list[TensorType] = [
        _tensor(call, item, "scan output").type for item in results[len(results) - collected :]
    ]
    return [c.constant(np.zeros((0, *t.dims), t.dtype.numpy)) for t in types]


def scan(call: Call) -> tuple[Operand, ...]:
    """The steps one after the other. Opset 8 has a batch dimension in front of everything."""
    if call.opset >= 9:
        return _scan(call, tuple(_operand(call, i) for i in range(len(call.inputs))), ())
    if call.has(0):
        raise call.unsupported("sequence_lens: expected none, found an input")
    c = Compose(call.builder)
    inputs = [call.input(i) for i in range(1, len(call.inputs))]
    backwards = call.integers("directions", ())
    rows = [
        _scan(call, tuple(c.index(v, 0, b) for v in inputs), backwards)
        for b in range(inputs[0].type.dims[0])
    ]
    return tuple(
        _stack(call, [_tensor(call, item, "output") for item in items], 0)
        for items in zip(*rows, strict=True)
    )


def _scan(
    call: Call, inputs: tuple[Operand, ...], old_directions: tuple[int, ...]
) -> tuple[Operand, ...]:
    """One scan. Inputs: initial states, then the sequences."""
    c = Compose(call.builder)
    count = call.integer("num_scan_inputs")
    if not 0 < count <= len(inputs):
        raise call.invalid(f"num_scan_inputs: expected 1 to {len(inputs)}, found {count}")
    states = inputs[: len(inputs) - count]
    sequences = [_tensor(call, v, "scan input") for v in inputs[len(inputs) - count :]]
    body, scope = hoist_invariants(call, call.graph("body"))
    collected = len(body.output) - len(states)
    if collected < 0:
        raise call.invalid(f"body: expected at least {len(states)} outputs")
    axes = _per_item(call, "scan_input_axes", count)
    axes = tuple(call.axis(a, s.type.rank) for a, s in zip(axes, sequences, strict=True))
    backwards = old_directions or _per_item(call, "scan_input_directions", count)
    out_axes = _per_item(call, "scan_output_axes", collected)
    out_backwards = _per_item(call, "scan_output_directions", collected)
    lengths = {s.type.dims[axis] for s, axis in zip(sequences, axes, strict=True)}
    if len(lengths) != 1:
        raise call.invalid(f"scan inputs: expected one length, found {sorted(lengths)}")
    (steps,) = lengths
    if not 0 < steps <= MAX_ITERATIONS:
        raise call.unsupported(f"steps: expected 1 to {MAX_ITERATIONS}, found {steps}")
    rows: list[list[Value]] = [[] for _ in range(collected)]
    for step in range(steps):
        items = [
            c.element(s, axis, steps - 1 - step if back else step)
            for s, axis, back in zip(sequences, axes, backwards, strict=True)
        ]
        results = call.importer.import_graph(body, (*states, *items), scope)
        states = results[: len(states)]
        for row, item in zip(rows, results[len(states) :], strict=True):
            row.append(_tensor(call, item, "scan output"))
    stacked = [
        _stack(call, row[::-1] if back else row, call.axis(axis, row[0].type.rank + 1))
        for row, axis, back in zip(rows, out_axes, out_backwards, strict=True)
    ]
    return (*states, *stacked)


def _per_item(call: Call, name: str, count: int) -> tuple[int, ...]:
    """An attribute with one number for each of `count` tensors; zeros when left out."""
    numbers = call.integers(name, (0,) * count)
    if len(numbers) != count:
        raise call.invalid(f"{name}: expected {count} numbers, found {numbers}")
    return numbers


IMPORTERS: dict[str, Import] = {"If": if_, "Loop": loop, "Scan": scan}
