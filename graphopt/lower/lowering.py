"""Fused graph -> Program: choose a schedule per region, pack the weights, assign memory."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphopt.errors import UnsupportedOperator
from graphopt.ir import Array, DType, Graph, Node, Op, Value
from graphopt.lower.kernel import KernelPlan, Pack, Schedule
from graphopt.lower.key import kernel_key
from graphopt.lower.mcu.budget import check_sram
from graphopt.lower.placement import constant_roots, is_alias, place
from graphopt.lower.program import Address, Call, Chunk, Kernel, Place, Program, as_bytes
from graphopt.ops import Fused, OnnxOp
from graphopt.rewrite import Reject
from graphopt.runtime.arrays import aligned
from graphopt.schedules import schedules_for
from graphopt.targets import Target

Rejections = tuple[tuple[str, Reject], ...]


def lower_program(
    graph: Graph,
    target: Target,
    schedules: Sequence[Schedule[Any]] | None = None,
    exchangeable: Collection[Value] = (),
) -> Program:
    """Decide everything about how a fused graph runs on `target`, short of machine code.

    Args:
        graph: every node a `Fused` region, all shapes known; nodes run in the order they stand.
        schedules: who may take a region, in order of preference; default: those of the target.
        exchangeable: constants that will be written over: each gets a place of its own, which
            `Program.places` names.

    Raises:
        UnsupportedOperator: no schedule takes some regions; names all of them, and says why.
    """
    if schedules is None:
        schedules = schedules_for(target)
    _refuse_strings(graph)
    aliased = [node for node in graph.nodes if is_alias(node)]
    constants = constant_roots(graph, aliased)
    kernels: dict[Node, Kernel] = {}
    rejected: dict[Node, Rejections] = {}
    refused: list[Node] = []
    for node in graph.nodes:
        if is_alias(node) or all(v.type.elements == 0 for v in node.outputs):
            continue
        known = frozenset(i for i, v in enumerate(node.inputs) if v in constants)
        plan, rejected[node] = _choose(node, target, known, schedules)
        if plan is None:
            refused.append(node)
        else:
            kernels[node] = Kernel(kernel_key(plan, known, target), plan)
    if refused:
        raise _unsupported(graph, target, {node: rejected[node] for node in refused})

    blob = _Weights(target.alignment)
    packed: dict[tuple[Node, int], Address] = {}
    unpacked: dict[Value, Address] = {}
    places: dict[Value, tuple[Place, ...]] = {value: () for value in exchangeable}

    def store(root: Value, shape: tuple[int, ...], pack: Pack | None = None) -> Address:
        array = graph.constants[root].reshape(shape)
        packed = pack(array) if pack is not None else array
        address = blob.add(packed, root.name, shared=root not in places)
        if root in places:
            places[root] += (Place(address.offset, shape, pack),)
        return address

    for node, kernel in kernels.items():
        for i, value in enumerate(node.inputs):
            if value not in constants:
                continue
            shape = value.type.dims
            if i in kernel.plan.packs:
                packed[node, i] = store(constants[value], shape, kernel.plan.packs[i])
            elif value not in unpacked:
                unpacked[value] = store(constants[value], shape)
    for value in graph.outputs:
        root = constants.get(value)
        if root is not None and root not in unpacked:
            unpacked[root] = store(root, root.type.dims)

    placement = place(graph, {n: k.plan for n, k in kernels.items()}, unpacked, target)
    calls: list[Call] = []
    for node in (node for node in placement.order if node in kernels):
        kernel = kernels[node]
        arguments = [
            packed[node, i] if (node, i) in packed else placement.addresses[value]
            for i, value in enumerate(node.inputs)
        ]
        arguments += [placement.addresses[value] for value in node.outputs]
        if node in placement.scratch:
            arguments.append(placement.scratch[node])
        calls.append(_call(node, kernel, tuple(arguments), constants, rejected[node]))
    program = Program(
        graph.with_nodes(placement.order),
        target,
        tuple(calls),
        placement.copies,
        blob.join(),
        placement.arena_bytes,
        placement.arena_lower_bound,
        places,
        tuple(blob.chunks),
        placement.buffers,
        placement.input_offsets,
        placement.output_offsets,
    )
    check_sram(program)
    return program


def _call(
    node: Node,
    kernel: Kernel,
    arguments: tuple[Address, ...],
    constants: Mapping[Value, Value],
    rejected: Rejections,
) -> Call:
    weight_bytes = sum(v.type.nbytes for v in dict.fromkeys(node.inputs) if v in constants)
    total = sum(v.type.nbytes for v in dict.fromkeys((*node.inputs, *node.outputs)))
    return Call(
        kernel,
        arguments,
        str(node.location) or node.outputs[0].name,
        tuple(inner.op.name for inner in kernel.plan.region.nodes),
        node.macs,
        total,
        weight_bytes,
        rejected,
    )


def _choose(
    node: Node, target: Target, constants: frozenset[int], schedules: Sequence[Schedule[Any]]
) -> tuple[KernelPlan | None, Rejections]:
    """The plan of the first schedule that takes the region; why those before did not."""
    assert isinstance(node.op, Fused)
    rejected: list[tuple[str, Reject]] = []
    for schedule in schedules:
        plan = schedule.plan(node.op.body, target, constants)
        if isinstance(plan, KernelPlan):
            return plan, tuple(rejected)
        rejected.append((schedule.name, plan))
    return None, tuple(rejected)


def _unsupported(
    graph: Graph, target: Target, refused: Mapping[Node, Rejections]
) -> UnsupportedOperator:
    """One error for all regions without a kernel, with what the schedule of last resort said."""
    lines: list[str] = []
    for node, rejected in refused.items():
        assert isinstance(node.op, Fused)
        operators = ", ".join(dict.fromkeys(_name(inner.op) for inner in node.op.body.nodes))
        where = str(node.location) or f"%{node.outputs[0].name}"
        reason = f"{rejected[-1][0]}: {rejected[-1][1].reason}" if rejected else "no schedules"
        lines.append(f"  {where}: no kernel for {operators}: {reason}")
    return UnsupportedOperator(
        graph.name,
        f"operators: expected a kernel on {target.name} for each, found none for {len(refused)} "
        f"of {len(graph.nodes)} kernels\n" + "\n".join(lines),
        "remove or replace these operators in the model, or compile it for a target that has them",
    )


def _name(op: Op) -> str:
    return op.op_type if isinstance(op, OnnxOp) else op.name


def _refuse_strings(graph: Graph) -> None:
    for value in graph.values():
        if value.type.dtype is DType.STR:
            raise UnsupportedOperator(
                f"%{value.name}", "element type: expected numbers, found strings"
            )


class _Weights:
    """The blob of constants: equal bytes are stored once, each array on a boundary."""

    def __init__(self, alignment: int) -> None:
        self.alignment = alignment
        self.chunks: list[Chunk] = []
        self.contents: list[NDArray[np.uint8]] = []
        self.known: dict[bytes, Address] = {}
        self.size = 0

    def add(self, array: Array | NDArray[Any], name: str, shared: bool = True) -> Address:
        """The place of `array`; with `shared`, perhaps that of equal bytes added before."""
        content = as_bytes(array)
        digest = hashlib.sha256(content.data).digest() if shared else None
        if digest is not None and digest in self.known:
            return self.known[digest]
        address = Address("weights", 0, self.size)
        if digest is not None:
            self.known[digest] = address
        self.chunks.append(Chunk(self.size, array.dtype, array.size, name))
        self.contents.append(content)
        self.size += -(-content.nbytes // self.alignment) * self.alignment
        return address

    def join(self) -> NDArray[np.uint8]:
        """All arrays in one; their own bytes are given up as they are copied."""
        blob = aligned(self.size)
        blob[:] = 0
        for chunk in self.chunks:
            blob[chunk.offset : chunk.offset + chunk.nbytes] = self.contents.pop(0)
        return blob
