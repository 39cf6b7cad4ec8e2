"""Compute once what is computed twice."""

from collections.abc import Hashable, Iterable

import numpy as np

from graphopt.ir import Array, Graph, Node, Value
from graphopt.ops import Fused, OnnxOp
from graphopt.passes.fold_constants import RANDOM
from graphopt.rewrite import Pass


class MergeCommonSubexpressions(Pass):
    """op(x) and op(x) become one node, equal constants one constant."""

    name = "merge-common-subexpressions"

    def run(self, graph: Graph) -> Graph:
        same = _equal_constants(graph.constants.items())
        first: dict[Hashable, Node] = {}
        kept: list[Node] = []
        for node in graph.nodes:
            inputs = tuple(same.get(value, value) for value in node.inputs)
            if isinstance(node.op, Fused) or _is_random(node):
                kept.append(node)
                continue
            order = sorted(inputs, key=id) if node.op.commutative else inputs
            earlier = first.setdefault((type(node.op), node.op, *order), node)
            if earlier is node:
                kept.append(node)
            else:
                same.update(zip(node.outputs, earlier.outputs, strict=True))
        if not same:
            return graph
        merged = graph.with_nodes(kept).substitute(same)
        return merged.with_nodes(merged.nodes)


def _is_random(node: Node) -> bool:
    return isinstance(node.op, OnnxOp) and node.op.op_type in RANDOM


def _equal_constants(constants: Iterable[tuple[Value, Array]]) -> dict[Value, Value]:
    """Each constant that repeats an earlier one, with that one."""
    same: dict[Value, Value] = {}
    alike: dict[Hashable, list[tuple[Value, Array]]] = {}
    for value, array in constants:
        # A few elements tell most constants apart without reading all of a large one.
        sample = array.flat[:: max(1, array.size // 8)]
        bucket = alike.setdefault((value.type, _content(np.asarray(sample))), [])
        for earlier, other in bucket:
            if _content(array) == _content(other):
                same[value] = earlier
                break
        else:
            bucket.append((value, array))
    return same


def _content(array: Array) -> bytes:
    return repr(array.tolist()).encode() if array.dtype.hasobject else array.tobytes()
