"""Random small graphs, for tests that must hold for every graph."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

from graphopt.ir import Array, DType, Graph, Node, Op, TensorType, Value
from graphopt.ops import (
    Abs,
    Add,
    AveragePool,
    Clip,
    Concat,
    Conv,
    Div,
    Erf,
    Expand,
    MatMul,
    Max,
    MaxPool,
    Min,
    Mul,
    Neg,
    Pad,
    Pow,
    Reduce,
    Relu,
    Reshape,
    Sigmoid,
    Slice,
    Softmax,
    Sqrt,
    Sub,
    Tanh,
    Transpose,
)
from graphopt.ops.convolution import Layout
from graphopt.ops.reduction import ReduceKind

MAX_ELEMENTS = 400
LAYOUTS: tuple[Layout, ...] = ("NCHW", "NHWC")
KINDS: tuple[ReduceKind, ...] = ("sum", "mean", "max")
Draw = st.DrawFn


@dataclass
class _Builder:
    draw: Draw
    dtype: DType
    values: list[Value] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    constants: dict[Value, Array] = field(default_factory=dict)

    def integer(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def apply(self, op: Op, *inputs: Value) -> Value:
        (type,) = op.infer(*(v.type for v in inputs))
        output = Value(f"v{len(self.nodes)}", type)
        self.nodes.append(Node(op, inputs, (output,)))
        return output

    def constant(self, shape: tuple[int, ...], scale: float = 1.0) -> Value:
        """Quarters from -2 to 2 without 0, so that they can also divide."""
        rng = np.random.default_rng(self.integer(0, 1000))
        array = rng.choice([-2, -1, -0.75, -0.25, 0.25, 0.5, 1, 1.5, 2], shape) * scale
        return self.number(np.asarray(array))

    def number(self, array: Array | float) -> Value:
        held = np.asarray(array).astype(self.dtype.numpy)
        value = Value(f"c{len(self.constants)}", TensorType.of(held))
        self.constants[value] = held
        return value

    def broadcasting(self, x: Value) -> Value:
        """A constant that broadcasts to x: full, per axis or a single number."""
        axes = self.draw(st.sets(st.integers(0, max(0, x.type.rank - 1)), max_size=2))
        shape = tuple(d if i in axes else 1 for i, d in enumerate(x.type.dims))
        drop = 0
        while drop < len(shape) and shape[drop] == 1 and self.draw(st.booleans()):
            drop += 1
        return self.constant(shape[drop:])


def _unary(b: _Builder, x: Value) -> Value:
    op = b.draw(
        st.sampled_from(
            [Abs(), Neg(), Relu(), Sigmoid(), Tanh(), Clip(-1.0, 0.5), Clip(0.0, 6.0), Clip()]
        )
    )
    return b.apply(op, x)


def _with_constant(b: _Builder, x: Value) -> Value:
    op = b.draw(st.sampled_from([Add(), Sub(), Mul(), Div(), Min(), Max()]))
    constant = b.broadcasting(x)
    if op.commutative and b.draw(st.booleans()):
        return b.apply(op, constant, x)
    return b.apply(op, x, constant)


def _affine(b: _Builder, x: Value) -> Value | None:
    """x * s + c along one axis, or a half of it."""
    if x.type.rank == 0:
        return None
    axis = b.draw(st.sampled_from(sorted({min(1, x.type.rank - 1), x.type.rank - 1})))
    shape = tuple(d if i == axis else 1 for i, d in enumerate(x.type.dims))
    which = b.integer(0, 2)
    if which != 1:
        x = b.apply(Mul(), x, b.constant(shape))
    return x if which == 0 else b.apply(Add(), x, b.constant(shape))


def _padded_conv_or_pool(b: _Builder, x: Value) -> Value | None:
    if x.type.rank not in (3, 4):
        return None
    x = b.apply(Relu(), x) if b.draw(st.booleans()) else x
    ends = [b.integer(0, 1) if i % x.type.rank > 1 else 0 for i in range(2 * x.type.rank)]
    fill = b.draw(st.sampled_from([0.0, 0.0, -1e300]))
    padded = b.apply(Pad(tuple(ends), value=fill), x)
    return _conv(b, padded) if fill == 0.0 and b.draw(st.booleans()) else _pool(b, padded)


def _binary(b: _Builder, x: Value) -> Value | None:
    same = [v for v in b.values if v.type == x.type]
    op = b.draw(st.sampled_from([Add(), Sub(), Mul(), Max()]))
    return b.apply(op, x, b.draw(st.sampled_from(same[::-1])))


def _power(b: _Builder, x: Value) -> Value:
    exponent = b.draw(st.sampled_from([1.0, 2.0, 3.0]))
    return b.apply(Pow(), x, b.number(exponent))


def _reduce(b: _Builder, x: Value) -> Value | None:
    if x.type.rank == 0:
        return None
    axes = b.draw(st.sets(st.integers(0, x.type.rank - 1), min_size=1, max_size=2))
    kind = b.draw(st.sampled_from(KINDS))
    return b.apply(Reduce(kind, tuple(sorted(axes)), b.draw(st.booleans())), x)


def _softmax(b: _Builder, x: Value) -> Value | None:
    return b.apply(Softmax(b.integer(0, x.type.rank - 1)), x) if x.type.rank else None


def _transpose(b: _Builder, x: Value) -> Value | None:
    perm = b.draw(st.permutations(range(x.type.rank)))
    return b.apply(Transpose(tuple(perm)), x)


def _reshape(b: _Builder, x: Value) -> Value:
    dims = list(x.type.dims)
    for _ in range(b.integer(1, 2)):
        at = b.integer(0, len(dims))
        kind = b.integer(0, 2)
        if kind == 0 and len(dims) < 5:
            dims.insert(at, 1)
        elif kind == 1 and at + 1 < len(dims):
            dims[at : at + 2] = [dims[at] * dims[at + 1]]
        elif at < len(dims) and len(dims) < 5:
            factor = next((f for f in (2, 3) if dims[at] % f == 0), 1)
            dims[at : at + 1] = [factor, dims[at] // factor]
    return b.apply(Reshape(tuple(dims)), x)


def _slice(b: _Builder, x: Value) -> Value:
    starts, sizes, steps = [], [], []
    for dim in x.type.dims:
        start = b.integer(0, dim - 1)
        step = b.draw(st.sampled_from([1, 1, 2, -1]))
        limit = start // -step + 1 if step < 0 else (dim - 1 - start) // step + 1
        starts.append(start)
        sizes.append(b.integer(1, limit))
        steps.append(step)
    return b.apply(Slice(tuple(starts), tuple(sizes), tuple(steps)), x)


def _pad(b: _Builder, x: Value) -> Value:
    pads = tuple(b.draw(st.sampled_from([0, 0, 1, 2])) for _ in range(2 * x.type.rank))
    return b.apply(Pad(pads, value=b.draw(st.sampled_from([0.0, 1.0]))), x)


def _concat(b: _Builder, x: Value) -> Value | None:
    if x.type.rank == 0:
        return None
    axis = b.integer(0, x.type.rank - 1)
    others = [v for v in b.values if v.type == x.type]
    return b.apply(Concat(axis), x, b.draw(st.sampled_from(others)), b.constant(x.type.dims))


def _expand(b: _Builder, x: Value) -> Value:
    shape = tuple(b.integer(1, 3) if d == 1 else d for d in x.type.dims)
    return b.apply(Expand(shape), x)


Dims = tuple[int, ...]


def _window(b: _Builder, size: Dims) -> tuple[Dims, Dims, Dims, Dims]:
    """A kernel that fits, with strides, pads and dilations."""
    kernel = tuple(b.integer(1, min(3, n)) for n in size)
    strides = tuple(b.integer(1, 2) for _ in size)
    pads = tuple(b.integer(0, min(1, k - 1)) for k in kernel * 2)
    dilations = tuple(
        b.integer(1, 2) if 2 * (k - 1) < n else 1 for k, n in zip(kernel, size, strict=True)
    )
    return kernel, strides, pads, dilations


def _conv(b: _Builder, x: Value) -> Value | None:
    if x.type.rank not in (3, 4):
        return None
    layout = b.draw(st.sampled_from(LAYOUTS))
    channels = x.type.dims[-1 if layout == "NHWC" else 1]
    size = x.type.dims[1:-1] if layout == "NHWC" else x.type.dims[2:]
    kernel, strides, pads, dilations = _window(b, size)
    groups = b.draw(st.sampled_from([1, channels]))
    weights = b.constant((groups * b.integer(1, 2), channels // groups, *kernel), 0.25)
    bias = [b.constant(weights.type.dims[:1])] if b.draw(st.booleans()) else []
    return b.apply(Conv(strides, pads, dilations, groups, layout), x, weights, *bias)


def _pool(b: _Builder, x: Value) -> Value | None:
    if x.type.rank not in (3, 4):
        return None
    window = _window(b, x.type.dims[2:])
    if b.draw(st.booleans()):
        return b.apply(MaxPool(*window, ceil=b.draw(st.booleans())), x)
    return b.apply(AveragePool(*window, count_pad=b.draw(st.booleans())), x)


def _matmul(b: _Builder, x: Value) -> Value | None:
    if x.type.rank < 2:
        return None
    rows, columns = x.type.dims[-1], b.integer(1, 4)
    transpose_b = b.draw(st.booleans())
    shape = (columns, rows) if transpose_b else (rows, columns)
    return b.apply(MatMul(transpose_b), x, b.constant(shape, 0.25))


def _scores(b: _Builder, x: Value) -> Value | None:
    """x @ x^T, scaled, as attention has it."""
    if x.type.rank < 2:
        return None
    perm = (*range(x.type.rank - 2), x.type.rank - 1, x.type.rank - 2)
    y = b.apply(MatMul(), x, b.apply(Transpose(perm), x))
    return b.apply(Div(), y, b.number(2.0))


def _silu(b: _Builder, x: Value) -> Value:
    return b.apply(Mul(), b.apply(Sigmoid(), x), x)


def _hard_swish(b: _Builder, x: Value) -> Value:
    gate = b.apply(Clip(0.0, 6.0), b.apply(Add(), x, b.number(3.0)))
    return b.apply(Div(), b.apply(Mul(), x, gate), b.number(6.0))


def _gelu(b: _Builder, x: Value) -> Value:
    gate = b.apply(Erf(), b.apply(Div(), x, b.number(math.sqrt(2))))
    product = b.apply(Mul(), x, b.apply(Add(), gate, b.number(1.0)))
    return b.apply(Mul(), product, b.number(0.5))


def _layer_norm(b: _Builder, x: Value) -> Value | None:
    if x.type.rank == 0:
        return None
    mean = Reduce("mean", (b.integer(0, x.type.rank - 1),), keepdims=True)
    centred = b.apply(Sub(), x, b.apply(mean, x))
    square = b.apply(Pow(), centred, b.number(2.0))
    variance = b.apply(Add(), b.apply(mean, square), b.number(0.1))
    return b.apply(Div(), centred, b.apply(Sqrt(), variance))


STEPS: tuple[Callable[[_Builder, Value], Value | None], ...] = (
    _unary,
    _affine,
    _affine,
    _with_constant,
    _binary,
    _power,
    _reduce,
    _softmax,
    _transpose,
    _transpose,
    _reshape,
    _reshape,
    _slice,
    _pad,
    _concat,
    _expand,
    _conv,
    _conv,
    _pool,
    _padded_conv_or_pool,
    _matmul,
    _matmul,
    _scores,
    _silu,
    _hard_swish,
    _gelu,
    _layer_norm,
)


@st.composite
def graphs(draw: Draw, dtype: DType = DType.F64, max_steps: int = 8) -> Graph:
    """A valid graph of one or two inputs and one to three outputs.

    Args:
        dtype: of all values, a float.
        max_steps: at most this many operators, or forms that exporters write for one.
    """
    b = _Builder(draw, dtype)
    for _ in range(b.integer(1, 2)):
        rank = draw(st.sampled_from([4, 3, 2, 1]))
        shape = draw(st.lists(st.sampled_from([2, 3, 1, 4]), min_size=rank, max_size=rank))
        b.values.append(Value(f"x{len(b.values)}", TensorType(dtype, tuple(shape))))
    inputs = tuple(b.values)
    for _ in range(b.integer(1, max_steps)):
        step = draw(st.sampled_from(STEPS))
        latest = b.values[-1:] if b.integer(0, 3) else b.values
        result = step(b, draw(st.sampled_from(latest)))
        if result is not None and result.type.elements <= MAX_ELEMENTS:
            b.values.append(result)
    computed = [v for v in b.values if v not in inputs] or b.values
    others = draw(st.lists(st.sampled_from(computed), max_size=2))
    outputs = tuple(dict.fromkeys([computed[-1], *others]))
    graph = Graph("g", inputs, tuple(b.nodes), outputs, b.constants)
    return graph.with_nodes(graph.nodes)
