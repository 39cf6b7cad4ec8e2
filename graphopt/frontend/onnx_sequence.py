"""Sequences and optionals: they exist only during import, as lists of values."""

from __future__ import annotations

import numpy as np

from graphopt.frontend.builder import Operand, TensorList
from graphopt.frontend.call import Call, Import
from graphopt.frontend.compose import Compose
from graphopt.frontend.invariant import hoist_invariants
from graphopt.ir import Value


def sequence_empty(call: Call) -> Operand:
    return TensorList(())


def sequence_construct(call: Call) -> Operand:
    return TensorList(call.tensors())


def sequence_at(call: Call) -> Operand:
    """The element; at a computed position, a choice among elements of one type."""
    items = _items(call, 0)
    position = call.input(1)
    known = call.array(1)
    if known is not None:
        return items[_position(call, int(known.reshape(-1)[0]), len(items))]
    c = Compose(call.builder)
    tensors = [item for item in items if isinstance(item, Value)]
    if not items or len({item.type for item in tensors}) != 1 or len(tensors) != len(items):
        raise call.not_constant(position, "position among elements that differ in type")
    return c.gather(c.stack(tensors, 0), c.reshape(position, ()), 0)


def sequence_insert(call: Call) -> Operand:
    items = _items(call, 0)
    at = len(items)
    if call.has(2):
        at = int(call.known(2, "position").reshape(-1)[0])
    if not -len(items) <= at <= len(items):
        raise call.invalid(f"position: expected within {len(items)} elements, found {at}")
    at = at + len(items) if at < 0 else at
    return TensorList((*items[:at], call.input(1), *items[at:]))


def sequence_erase(call: Call) -> Operand:
    items = _items(call, 0)
    given = int(call.known(1, "position").reshape(-1)[0]) if call.has(1) else -1
    at = _position(call, given, len(items))
    return TensorList((*items[:at], *items[at + 1 :]))


def sequence_length(call: Call) -> Operand:
    return call.constant(len(_items(call, 0)), np.int64)


def split_to_sequence(call: Call) -> Operand:
    """Parts of x along an axis: of one size, of given sizes, or single elements."""
    c = Compose(call.builder)
    x = call.input(0)
    axis = call.integer("axis", 0) % x.type.rank
    size = x.type.dims[axis]
    if not call.has(1):
        keep = bool(call.integer("keepdims", 1))
        parts = [c.slice(x, axis, i, 1) if keep else c.index(x, axis, i) for i in range(size)]
        return TensorList(tuple(parts))
    split = call.known(1, "split")
    if split.ndim == 0:
        each = int(split)
        if each < 1:
            raise call.invalid(f"split: expected at least 1, found {each}")
        sizes = [min(each, size - start) for start in range(0, size, each)]
    else:
        sizes = [int(s) for s in split]
    if sum(sizes) != size or min(sizes, default=0) < 0:
        raise call.invalid(f"split: expected sizes that add up to {size}, found {sizes}")
    starts = np.cumsum([0, *sizes[:-1]])
    return TensorList(
        tuple(c.slice(x, axis, int(s), n) for s, n in zip(starts, sizes, strict=True))
    )


def concat_from_sequence(call: Call) -> Operand:
    c = Compose(call.builder)
    items = [item for item in _items(call, 0) if isinstance(item, Value)]
    if not items:
        raise call.unsupported("sequence: expected tensors, found none")
    axis = call.integer("axis")
    if call.integer("new_axis", 0):
        return c.stack(items, axis % (items[0].type.rank + 1))
    return c.concat(items, axis % items[0].type.rank)


def sequence_map(call: Call) -> tuple[Operand, ...]:
    """The body on each element of the first sequence; other sequences go along, tensors repeat."""
    body, scope = hoist_invariants(call, call.graph("body"))
    count = len(_items(call, 0))
    columns = []
    for index, operand in enumerate(call.inputs):
        if isinstance(operand, TensorList):
            columns.append(_items(call, index))
        else:
            columns.append((call.input(index),) * count)
    if any(len(column) != count for column in columns):
        raise call.invalid(f"sequences: expected {count} elements in each")
    results = [call.importer.import_graph(body, row, scope) for row in zip(*columns, strict=True)]
    return tuple(
        TensorList(tuple(result[i] for result in results)) for i in range(len(body.output))
    )


def optional(call: Call) -> Operand:
    operand = call.inputs[0] if call.inputs else None
    return TensorList((), present=False) if operand is None else operand


def optional_get_element(call: Call) -> Operand:
    operand = call.inputs[0]
    if operand is None or not _present(operand):
        raise call.invalid("optional: expected an element, found none")
    return operand


def optional_has_element(call: Call) -> Operand:
    operand = call.inputs[0] if call.inputs else None
    return call.constant(operand is not None and _present(operand), np.bool_)


def _present(operand: Operand) -> bool:
    return isinstance(operand, Value) or operand.present


def _items(call: Call, index: int) -> tuple[Operand, ...]:
    operand = call.inputs[index]
    if not isinstance(operand, TensorList) or not operand.present:
        raise call.invalid(f"input {index}: expected a sequence, found something else")
    return operand.items


def _position(call: Call, at: int, count: int) -> int:
    if not -count <= at < count:
        raise call.invalid(f"position: expected within {count} elements, found {at}")
    return at % count


IMPORTERS: dict[str, Import] = {
    "ConcatFromSequence": concat_from_sequence,
    "Optional": optional,
    "OptionalGetElement": optional_get_element,
    "OptionalHasElement": optional_has_element,
    "SequenceAt": sequence_at,
    "SequenceConstruct": sequence_construct,
    "SequenceEmpty": sequence_empty,
    "SequenceErase": sequence_erase,
    "SequenceInsert": sequence_insert,
    "SequenceLength": sequence_length,
    "SequenceMap": sequence_map,
    "SplitToSequence": split_to_sequence,
}
