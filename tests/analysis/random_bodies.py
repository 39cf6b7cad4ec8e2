"""Random bodies of regions on maps of i8, as quantized networks have them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from hypothesis import strategies as st

from graphopt.ir import Array, DType, Graph, Node, Op, TensorType, Value
from graphopt.ops import (
    Add,
    ArgReduce,
    AveragePool,
    Cast,
    Clip,
    Concat,
    Conv,
    DepthToSpace,
    Fused,
    IntegerSoftmax,
    Lookup,
    MatMul,
    MaxPool,
    Mul,
    Pad,
    Reduce,
    Relu,
    Rescale,
    Resize,
    Slice,
    SumPool,
)
from graphopt.ops.reduction import ReduceKind
from graphopt.ops.resize import Coordinates, Nearest
from graphopt.verify import verify

Draw = st.DrawFn


@dataclass
class Body:
    """A region under construction: values of i8 are spatial and of one batch."""

    draw: Draw
    inputs: list[Value] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)

    def integer(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def input(self, dtype: DType, *shape: int) -> Value:
        self.inputs.append(Value(f"x{len(self.inputs)}", TensorType(dtype, shape)))
        return self.inputs[-1]

    def apply(self, op: Op, *inputs: Value) -> Value:
        output = Value(f"v{len(self.nodes)}", *op.infer(*(value.type for value in inputs)))
        self.nodes.append(Node(op, inputs, (output,)))
        return output

    def node(self, output: Value) -> Node:
        graph = Graph("body", tuple(self.inputs), tuple(self.nodes), (output,))
        verify(graph)
        ports = tuple(Value(f"a{i}", value.type) for i, value in enumerate(graph.inputs))
        return Node(Fused(graph), ports, (Value("y", output.type),))

    def pair(self, low: int, high: int) -> tuple[int, int]:
        return self.integer(low, high), self.integer(low, high)

    def window(self, x: Value) -> tuple[tuple[int, int], dict[str, tuple[int, ...]]]:
        """A kernel, and attributes with which it fits into x."""
        kernel, dilations = self.pair(1, 7), self.pair(1, 3)
        pads = [self.integer(0, 3) for _ in range(4)]
        for i, size in enumerate(x.type.dims[1:3]):
            reach = (kernel[i] - 1) * dilations[i] + 1
            pads[2 + i] += max(0, reach - size - pads[i] - pads[2 + i])
        return kernel, {"strides": self.pair(1, 3), "pads": tuple(pads), "dilations": dilations}

    def narrowed(self, x: Value) -> Value:
        """i32 back to i8, as quantized networks do."""
        channels = x.type.dims[3]
        factor = self.input(DType.I32, 1, 1, 1, channels)
        scaled = self.apply(Rescale(), x, factor, self.input(DType.I32))
        return self.apply(Cast(to=DType.I8), self.apply(Clip(-128, 127), scaled))


def _conv(b: Body, x: Value) -> Value:
    channels = x.type.dims[3]
    kernel, window = b.window(x)
    groups = b.draw(st.sampled_from([g for g in (1, 2, channels) if channels % g == 0]))
    outputs = groups * b.integer(1, 2)
    op = Conv(**window, groups=groups, layout="NHWC", pad_value=b.integer(-3, 3))
    weights = b.input(DType.I8, outputs, channels // groups, *kernel)
    return b.narrowed(b.apply(op, x, weights, b.input(DType.I32, outputs)))


def _pool(b: Body, x: Value) -> Value:
    kernel, window = b.window(x)
    kind = b.draw(st.sampled_from([MaxPool, SumPool]))
    y = b.apply(kind(kernel, **window, ceil=b.draw(st.booleans()), layout="NHWC"), x)
    return y if kind is MaxPool else b.narrowed(y)


def _average(b: Body, x: Value) -> Value:
    """Integers in floats are exact: sums of at most 49 of them, and one division."""
    kernel, window = b.window(x)
    ceil, count = b.draw(st.booleans()), b.draw(st.booleans())
    op = AveragePool(kernel, **window, ceil=ceil, layout="NHWC", count_pad=count)
    return b.apply(Cast(to=DType.I8), b.apply(op, b.apply(Cast(), x)))


def _pad(b: Body, x: Value) -> Value:
    spatial = [b.integer(-1, 3) if size > 2 else b.integer(0, 2) for size in x.type.dims[1:3] * 2]
    pads = (0, spatial[0], spatial[1], b.integer(0, 1), 0, spatial[2], spatial[3], 0)
    return b.apply(Pad(pads, value=b.integer(-5, 5)), x)


def _slice(b: Body, x: Value) -> Value:
    starts, sizes, steps = [0], [1], [1]
    for dim in x.type.dims[1:]:
        starts.append(b.integer(0, dim - 1))
        steps.append(b.integer(1, 3))
        sizes.append(b.integer(1, (dim - 1 - starts[-1]) // steps[-1] + 1))
    return b.apply(Slice(tuple(starts), tuple(sizes), tuple(steps)), x)


def _per_channel(b: Body, x: Value) -> Value:
    shape = b.draw(
        st.sampled_from(
            [
                (),
                (x.type.dims[3],),
                (1, 1, 1, x.type.dims[3]),
                (1, x.type.dims[1], 1, 1),
                (1, 1, x.type.dims[2], x.type.dims[3]),
                x.type.dims,
            ]
        )
    )
    return b.apply(b.draw(st.sampled_from([Add(), Mul()])), x, b.input(DType.I8, *shape))


def _lookup(b: Body, x: Value) -> Value:
    return b.apply(Lookup(), x, b.input(DType.I8, 256))


def _softmax(b: Body, x: Value) -> Value:
    return b.narrowed(b.apply(IntegerSoftmax(3), x, b.input(DType.I32, 256)))


def _reduce(b: Body, x: Value) -> Value:
    kinds: tuple[ReduceKind, ...] = ("sum", "max", "min")
    kind = b.draw(st.sampled_from(kinds))
    return b.apply(Reduce(kind, (3,), keepdims=True), x)


def _matmul(b: Body, x: Value) -> Value:
    weights = b.input(DType.I8, x.type.dims[3], b.integer(1, 3))
    return b.narrowed(b.apply(MatMul(), x, weights))


def _resize(b: Body, x: Value) -> Value:
    linear = b.draw(st.booleans())
    scale = b.draw(st.sampled_from([2.0, 4.0, 0.5, 0.25, 1.0] + [3.0, 1.5] * (not linear)))
    coordinates: tuple[Coordinates, ...] = ("asymmetric", "half_pixel", "pytorch_half_pixel")
    roundings: tuple[Nearest, ...] = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
    n, rows, columns, c = x.type.dims
    shape = (n, max(1, int(rows * scale)), max(1, int(columns * scale)), c)
    op = Resize(
        shape,
        (1.0, scale, scale, 1.0),
        # Of one output alone, the last of these means something else.
        coordinates=b.draw(st.sampled_from(coordinates[: 3 if min(shape[1:3]) > 1 else 2])),
        nearest=b.draw(st.sampled_from(roundings)),
    )
    if not linear:
        return b.apply(op, x)
    # Integers times multiples of 1/64: exact in floats.
    resized = b.apply(replace(op, mode="linear"), b.apply(Cast(), x))
    return b.apply(Cast(to=DType.I8), resized)


def _best(b: Body, x: Value) -> Value:
    best = b.apply(ArgReduce("max", 3, keepdims=True, last=b.draw(st.booleans())), x)
    return b.apply(Cast(to=DType.I8), best)


def _depth_to_space(b: Body, x: Value) -> Value:
    channels = x.type.dims[3]
    if channels % 4:
        return b.apply(Relu(), x)
    modes: tuple[Literal["DCR", "CRD"], ...] = ("DCR", "CRD")
    return b.apply(DepthToSpace(2, b.draw(st.sampled_from(modes)), "NHWC"), x)


STEPS = (
    _conv,
    _conv,
    _pool,
    _average,
    _pad,
    _slice,
    _per_channel,
    _lookup,
    _softmax,
    _reduce,
    _matmul,
    _resize,
    _resize,
    _best,
    _depth_to_space,
)


def _residual(b: Body, x: Value) -> Value:
    """x and what a chain makes of it, where their sizes agree, are added or joined."""
    y = b.draw(st.sampled_from(STEPS))(b, x)
    if y.type.dims[:3] != x.type.dims[:3]:
        return y
    if y.type == x.type and b.draw(st.booleans()):
        return b.apply(Add(), x, y)
    return b.apply(Concat(3), y, x)


@st.composite
def bodies(draw: Draw, longest: int) -> Node:
    b = Body(draw)
    x = b.input(DType.I8, 1, b.integer(1, 13), b.integer(1, 13), b.integer(1, 4))
    for _ in range(b.integer(1, longest)):
        x = draw(st.sampled_from((*STEPS, _residual, _residual)))(b, x)
    return b.node(x)


def arrays_for(node: Node) -> list[Array]:
    """Integers over all their range; factors that keep rescaled sums in the range of i8."""
    rng = np.random.default_rng(0)
    result = []
    for value in node.inputs:
        limits = np.iinfo(value.type.dtype.numpy)
        array = rng.integers(limits.min, limits.max, value.type.dims, endpoint=True)
        if value.type.shape == (256,) and value.type.dtype is DType.I32:
            array = rng.integers(1, 1 << 30, (256,))
        elif value.type.dtype is DType.I32:
            array = array >> 6
        result.append(np.asarray(array.astype(value.type.dtype.numpy)))
    return result
