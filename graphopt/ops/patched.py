"""Patched regions: several kernels that run by turns, on tiles of the maps between them."""

from dataclasses import dataclass

from graphopt.errors import TypeRuleError
from graphopt.interpreter import run_body
from graphopt.ir import Array, Graph, Op, TensorType


@dataclass(frozen=True)
class Patched(Op):
    """A part of a graph of kernels that is executed tile by tile, and means what its body means.

    How it is executed follows from the attributes alone: `graphopt.patching.firings`.

    Attributes:
        body: nodes are `Fused` regions; its maps are NHWC of batch 1.
        tile: rows and columns of the last output that are asked for at a time.
        rows: by node of the body, how many rows of its outputs it computes at a time at most.
        keep: by node of the body, whether rows that are needed again stay in its buffer (line
            buffers: nothing is computed twice) or are computed again for each tile.
        streamed_inputs: inputs of the body that arrive by rows, and are never held whole.
        streamed_outputs: outputs of the body that leave by rows.

    The form of MCUNetV2 (arXiv 2110.15352) keeps nothing; that of StreamNet keeps everything, with
    tiles as wide as the map.
    """

    name = "patched"

    body: Graph
    tile: tuple[int, int]
    rows: tuple[int, ...]
    keep: tuple[bool, ...]
    streamed_inputs: tuple[int, ...] = ()
    streamed_outputs: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        nodes = len(self.body.nodes)
        if min(self.tile) < 1:
            raise TypeRuleError(self.name, f"tile: expected positive sizes, found {self.tile}")
        for what, each in (("rows", self.rows), ("keep", self.keep)):
            if len(each) != nodes:
                raise TypeRuleError(
                    self.name, f"{what}: expected one for each of {nodes} nodes, found {len(each)}"
                )
        if min(self.rows, default=1) < 1:
            raise TypeRuleError(self.name, f"rows: expected positive numbers, found {self.rows}")

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
