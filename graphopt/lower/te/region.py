"""A region as a program: each operator's rule in turn, then the outputs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from graphopt import ops
from graphopt.errors import UnsupportedOperator
from graphopt.ir import Graph, Op, TensorType, Value
from graphopt.lower.dtypes import tvm_dtype
from graphopt.lower.te import (
    elementwise,
    indexing,
    movement,
    normalization,
    products,
    reduction,
    resize,
    window,
)
from graphopt.lower.te.tensor import Program, Slot, Tensor, constant, stored
from graphopt.ops.elementwise import Elementwise

Rule = Callable[..., tuple[Tensor, ...]]
# Index arithmetic is 32 bits wide.
MAX_ELEMENTS = 2**31 - 1

RULES: dict[type[Op], Rule] = {
    ops.Quantize: elementwise.quantize,
    ops.Dequantize: elementwise.dequantize,
    ops.Lookup: elementwise.lookup,
    ops.Identity: movement.identity,
    ops.Retype: movement.identity,
    ops.Reshape: movement.reshape,
    ops.Transpose: movement.transpose,
    ops.Expand: movement.expand,
    ops.Tile: movement.tile,
    ops.Slice: movement.slice_,
    ops.Concat: movement.concat,
    ops.Pad: movement.pad,
    ops.DepthToSpace: movement.depth_to_space,
    ops.Trilu: movement.trilu,
    ops.Reduce: reduction.reduce,
    ops.ArgReduce: reduction.arg_reduce,
    ops.CumSum: reduction.cumsum,
    ops.TopK: reduction.top_k,
    ops.Gather: indexing.gather,
    ops.GatherElements: indexing.gather_elements,
    ops.GatherNd: indexing.gather_nd,
    ops.ScatterElements: indexing.scatter_elements,
    ops.ScatterNd: indexing.scatter_nd,
    ops.Conv: window.conv,
    ops.ConvTranspose: window.conv_transpose,
    ops.MaxPool: window.max_pool,
    ops.AveragePool: window.average_pool,
    ops.SumPool: window.sum_pool,
    ops.MatMul: products.matmul,
    ops.Softmax: normalization.softmax,
    ops.LayerNorm: normalization.layer_norm,
    ops.IntegerSoftmax: normalization.integer_softmax,
    ops.Resize: resize.resize,
}


def program_of(region: Graph, alignment: int) -> Program:
    """The program of a region, whose scratch has places on boundaries of `alignment` bytes.

    Imports no TVM.

    Raises:
        UnsupportedOperator: an operator or a type has no tensor expression.
    """
    program = Program(alignment)
    values: dict[Value, Tensor] = {}
    uses = Counter(v for node in region.nodes for v in node.inputs)
    slots: dict[Value, list[Slot]] = {}
    for i, value in enumerate(region.outputs):
        slot = Slot("output", i, value.type.dtype, value.type.elements)
        slots.setdefault(value, []).append(slot)
    for value in region.values():
        tvm_dtype(value.type.dtype)
        if value.type.elements > MAX_ELEMENTS:
            raise UnsupportedOperator(
                f"%{value.name}", f"elements: expected fewer than 2^31, found {value.type}"
            )
    merge = _merged_dimensions(region)
    for i, value in enumerate(region.inputs):
        slot = Slot("input", i, value.type.dtype, value.type.elements)
        values[value] = stored(slot, merge(value.type.dims))
    for value, array in region.constants.items():
        array = array.reshape(merge(value.type.dims))
        values[value] = constant(array) if array.size == 1 else program.table(array)
    for node in region.nodes:
        inputs = tuple(values[v] for v in node.inputs)
        types = tuple(TensorType(v.type.dtype, merge(v.type.dims)) for v in node.outputs)
        for value, tensor in zip(
            node.outputs, _apply(program, node.op, inputs, types), strict=True
        ):
            if value in slots and uses[value]:
                tensor = program.compute(tensor, slots[value].pop())
            elif uses[value] > 1:
                tensor = program.compute(tensor) if tensor.loops else replace(tensor, shared=True)
            values[value] = tensor
    for value, rest in slots.items():
        for slot in rest:
            values[value] = program.compute(values[value], slot)
    return program


def _merged_dimensions(region: Graph) -> Callable[[tuple[int, ...]], tuple[int, ...]]:
    """How a shape reads when neighbouring dimensions count as one wherever that is no difference.

    So elementwise operators run over long rows. Regions of other operators keep their shapes.
    """
    shapes = [value.type.dims for value in region.values()]
    empty = any(0 in shape for shape in shapes)
    if empty or not all(isinstance(node.op, Elementwise) for node in region.nodes):
        return lambda shape: shape
    rank = max(map(len, shapes))
    aligned = [_aligned(shape, rank) for shape in shapes]
    whole = [max(sizes) for sizes in zip(*aligned, strict=True)]
    groups: list[list[int]] = []
    for axis in range(rank):
        joins = bool(groups) and all((s[axis] == 1) == (s[groups[-1][-1]] == 1) for s in aligned)
        if joins:
            groups[-1].append(axis)
        elif whole[axis] != 1:
            groups.append([axis])

    def merge(shape: tuple[int, ...]) -> tuple[int, ...]:
        full = _aligned(shape, rank)
        return tuple(math.prod(full[a] for a in group) for group in groups)

    return merge


def _aligned(shape: tuple[int, ...], rank: int) -> tuple[int, ...]:
    return (1,) * (rank - len(shape)) + shape


def _apply(p: Program, op: Op, inputs: tuple[Tensor, ...], outputs: Any) -> tuple[Tensor, ...]:
    if isinstance(op, Elementwise):
        return elementwise.elementwise(p, op, inputs, outputs)
    rule = RULES.get(type(op))
    if rule is None:
        raise UnsupportedOperator(
            op.name, "operator: expected one with a tensor expression, found none"
        )
    return rule(p, op, inputs, outputs)
