"""Compute at compile time what depends on constants alone."""

from __future__ import annotations

from dataclasses import dataclass

from graphopt.instruments import current
from graphopt.ir import Array, Graph, Node, Value
from graphopt.ops import Decode, Dequantize, OnnxOp
from graphopt.rewrite import Pass

RANDOM = frozenset(
    {
        "Bernoulli",
        "Multinomial",
        "RandomNormal",
        "RandomNormalLike",
        "RandomUniform",
        "RandomUniformLike",
    }
)


@dataclass(frozen=True)
class FoldConstants(Pass):
    """op(constant, ...) becomes a constant.

    Attributes:
        free_bytes: results up to this size are always folded.
        growth: larger ones only if at most this many times the size of the inputs.
    """

    name = "fold-constants"

    free_bytes: int = 1 << 20
    growth: int = 4

    def run(self, graph: Graph) -> Graph:
        constants = dict(graph.constants)
        kept: list[Node] = []
        for node in graph.nodes:
            if not self._wanted(node, constants):
                kept.append(node)
                continue
            results = _evaluate(node, constants)
            if results is None:
                current().reject(self.name, str(node), "the reference evaluator cannot run it")
                kept.append(node)
            else:
                constants.update(zip(node.outputs, results, strict=True))
        if len(kept) == len(graph.nodes):
            return graph
        return Graph(
            graph.name, graph.inputs, (), graph.outputs, constants, graph.output_names
        ).with_nodes(kept)

    def _wanted(self, node: Node, constants: dict[Value, Array]) -> bool:
        if not all(value in constants for value in node.inputs):
            return False
        if isinstance(node.op, Decode | Dequantize):
            return False  # fold-decoded-constants does it, once the integers are not needed
        if isinstance(node.op, OnnxOp) and node.op.op_type in RANDOM:
            return False
        made = sum(value.type.nbytes for value in node.outputs)
        if made <= self.free_bytes:
            return True
        if made <= self.growth * sum(value.type.nbytes for value in node.inputs):
            return True
        current().reject(self.name, str(node), f"the result would take {made} bytes")
        return False


def _evaluate(node: Node, constants: dict[Value, Array]) -> tuple[Array, ...] | None:
    try:
        return node.op.evaluate(*(constants[value] for value in node.inputs))
    except NotImplementedError:
        # onnx.reference has no implementation; the operator is left to the target.
        return None
