"""Which constants must be filled up to whole vectors of channels."""

from __future__ import annotations

from collections.abc import Sequence

from graphopt.ir import Graph, Value
from graphopt.lower.kernel import Pack
from graphopt.rewrite import Reject
from graphopt.schedules.mcu.helium.weights import GROUP, pad_numbers


def padded_numbers(
    region: Graph, values: Sequence[Value], constant_inputs: frozenset[int]
) -> dict[int, Pack] | Reject:
    """The packs of inputs of one number a channel, which a routine reads in whole vectors."""
    packs: dict[int, Pack] = {}
    for value in values:
        if value.type.elements % GROUP == 0:
            continue
        index = region.inputs.index(value)
        readers = [node for node in region.nodes if value in node.inputs]
        if len(readers) != 1 or index not in constant_inputs:
            return Reject(f"%{value.name} would have to be padded to whole vectors")
        packs[index] = pad_numbers
    return packs
