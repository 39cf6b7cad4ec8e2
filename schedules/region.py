"""Regions as one anchor operator with elementwise operators around it."""

from __future__ import annotations

from dataclasses import dataclass

from graphopt import ops
from graphopt.ir import DType, Graph, Node, Op, Value
from graphopt.lower.dtypes import computes
from graphopt.ops.elementwise import Elementwise
from graphopt.ops.quantized import Lookup
from graphopt.rewrite import Reject

MAX_ELEMENTS = 2**31 - 1

# Elementwise operators of one or two instructions; others are polynomials.
_SHORT = (
    ops.Abs,
    ops.Add,
    ops.Clip,
    ops.LeakyRelu,
    ops.Max,
    ops.Min,
    ops.Mul,
    ops.Neg,
    ops.PRelu,
    ops.Relu,
    ops.Sub,
    ops.Where,
)
MAX_SHORT = 4


@dataclass(frozen=True)
class Anchored:
    """A region, the node that decides its loops, and that node's output type."""

    region: Graph
    anchor: Node

    @property
    def result(self) -> Value:
        return self.anchor.output

    @property
    def heavy(self) -> bool:
        """Whether the elementwise nodes are too much code to write out for each register."""
        others = [node for node in self.region.nodes if node is not self.anchor]
        return len(others) > MAX_SHORT or not all(isinstance(n.op, _SHORT) for n in others)

    def input_index(self, value: Value) -> int:
        """The position of `value` among the region's inputs."""
        return self.region.inputs.index(value)

    def packable(self, value: Value, constant_inputs: frozenset[int]) -> bool:
        """Whether `value` is a constant that only the anchor reads."""
        alone = all(value not in n.inputs for n in self.region.nodes if n is not self.anchor)
        return alone and self.input_index(value) in constant_inputs

    def inplace(self, *anchor_inputs: Value) -> tuple[tuple[int, int], ...]:
        """Pairs (region input, region output) that may share memory.

        Those are inputs of the output's type that only elementwise nodes read, at the very place
        where the output is written. `anchor_inputs` are read elsewhere too.
        """
        return tuple(
            (i, o)
            for i, value in enumerate(self.region.inputs)
            for o, output in enumerate(self.region.outputs)
            if value.type == output.type and value not in anchor_inputs
        )

    def inplace_rows(self) -> tuple[tuple[int, int], ...]:
        """`inplace` for kernels that write a row of an output and come back to it.

        Only what is read nowhere but on the way to the anchor may then be overwritten.
        """
        producers = self.region.producers()
        late: set[Value] = set()
        pending = list(self.region.outputs)
        while pending:
            value = pending.pop()
            node = producers.get(value)
            if value not in late and node is not self.anchor:
                late.add(value)
                pending.extend(node.inputs if node else ())
        return self.inplace(*(value for value in self.region.inputs if value in late))


def find_anchor(
    region: Graph, *kinds: type[Op], prologue: bool = False, dtype: DType = DType.F32
) -> Anchored | Reject:
    """The only node of one of `kinds`, if all else is elementwise on its output.

    Without `prologue`, the anchor's inputs must be inputs of the region. `dtype` is that of the
    anchor's output, and for floats that of its inputs.
    """
    anchors = [node for node in region.nodes if isinstance(node.op, kinds)]
    if len(anchors) != 1:
        return Reject(f"expected one node of {', '.join(k.name for k in kinds)}")
    (anchor,) = anchors
    shape = anchor.output.type.dims
    before = nodes_before(region, anchor)
    for node in region.nodes:
        reason = "" if node is anchor else _unfit(region, node)
        for value in (*elements_read(node), *node.outputs):
            whole = anchor.inputs[0].type.dims if node in before else shape
            reason = reason or _unfit_value(value, whole if node is not anchor else None)
        if reason:
            return Reject(reason)
    if not prologue and any(value not in region.inputs for value in anchor.inputs):
        return Reject(f"{anchor.op.name} reads a value computed in the region")
    exact = (*anchor.inputs, anchor.output) if dtype.is_float else (anchor.output,)
    if any(value.type.dtype is not dtype for value in exact):
        return Reject(f"expected {dtype}")
    for value in region.outputs:
        if value.type.dims != shape:
            return Reject("an output has another shape than the anchor's")
        if value.type.dtype is DType.BOOL:
            return Reject("an output is boolean, of which there are no vectors in memory")
    return Anchored(region, anchor)


def elementwise_shape(region: Graph) -> tuple[int, ...] | Reject:
    """The shape of all outputs of a region of nothing but elementwise nodes."""
    shape = region.outputs[0].type.dims
    for node in region.nodes:
        reason = _unfit(region, node)
        for value in (*elements_read(node), *node.outputs):
            reason = reason or _unfit_value(value, shape)
        if reason:
            return Reject(reason)
    for value in region.outputs:
        if value.type.dims != shape:
            return Reject("outputs of several shapes")
        if value.type.dtype is DType.BOOL:
            return Reject("an output is boolean, of which there are no vectors in memory")
    return shape


def nodes_before(region: Graph, anchor: Node) -> set[Node]:
    """The nodes of a region that `anchor` needs."""
    producers = region.producers()
    found: set[Node] = set()
    pending = list(anchor.inputs)
    while pending:
        node = producers.get(pending.pop())
        if node is not None and node not in found:
            found.add(node)
            pending.extend(node.inputs)
    return found


def _unfit(region: Graph, node: Node) -> str:
    """Why the elements of a node cannot be computed one by one; empty if they can."""
    if not isinstance(node.op, Elementwise | Lookup):
        return f"{node.op.name} is not elementwise"
    if isinstance(node.op, Lookup) and node.inputs[1] not in region.inputs:
        return "a table is computed in the region"
    return ""


def _unfit_value(value: Value, shape: tuple[int, ...] | None) -> str:
    """Why elements of `value` cannot be used in loops over `shape`."""
    if value.type.elements == 0:
        return f"%{value.name} is empty"
    if value.type.elements > MAX_ELEMENTS:
        return f"%{value.name} is too large for 32-bit offsets"
    if not computes(value.type.dtype):
        return f"%{value.name} is of a type that the CPU does not compute in"
    if shape is not None and not broadcasts(value.type.dims, shape):
        return f"%{value.name} does not broadcast to {list(shape)}"
    return ""


def broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Whether `shape` broadcasts to `to` without enlarging it."""
    if len(shape) > len(to):
        return False
    aligned = (1,) * (len(to) - len(shape)) + shape
    return all(have in (1, want) for have, want in zip(aligned, to, strict=True))


def elements_read(node: Node) -> tuple[Value, ...]:
    """The inputs of an elementwise node that it reads element by element."""
    return node.inputs[:1] if isinstance(node.op, Lookup) else node.inputs
