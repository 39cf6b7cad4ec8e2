"""Regions: a node that holds a graph and means what that graph means."""

from dataclasses import dataclass

from graphopt.errors import TypeRuleError
from graphopt.interpreter import run_body
from graphopt.ir import Array, Graph, Op, TensorType


@dataclass(frozen=True)
class Fused(Op):
    """One kernel. Inputs bind the body's inputs in order; outputs are the body's outputs."""

    name = "fused"

    body: Graph

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        declared = tuple(v.type for v in self.body.inputs)
        if inputs != declared:
            raise TypeRuleError(
                self.name,
                f"inputs of region {self.body.name}: expected {', '.join(map(str, declared))}, "
                f"found {', '.join(map(str, inputs))}",
            )
        return tuple(v.type for v in self.body.outputs)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        return run_body(self.body, *inputs)

    def macs(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> int:
        return self.body.macs
