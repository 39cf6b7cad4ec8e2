"""Random quantized graphs, written as QDQ models are: float operators between quantizers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

from graphopt.ir import Array, DType, Graph, Node, Op, TensorType, Value
from graphopt.ops import (
    Add,
    AveragePool,
    Clip,
    Concat,
    Conv,
    Dequantize,
    HardSwish,
    LayerNorm,
    LeakyRelu,
    MatMul,
    Max,
    MaxPool,
    Min,
    Mul,
    Pad,
    PRelu,
    Quantize,
    Reduce,
    Relu,
    Reshape,
    Resize,
    Sigmoid,
    Slice,
    Softmax,
    Sub,
    Tanh,
    Transpose,
)
from graphopt.ops.quantization import integer_range
from graphopt.ops.reduction import ReduceKind
from graphopt.ops.resize import ResizeMode

MAX_ELEMENTS = 600
ACTIVATIONS = [DType.I8, DType.I8, DType.U8, DType.U8, DType.I16, DType.I4, DType.U4]
WEIGHTS = [DType.I8, DType.I8, DType.U8, DType.I16, DType.I4, DType.I2]
KINDS: tuple[ReduceKind, ...] = ("mean", "sum", "max")
MODES: tuple[ResizeMode, ...] = ("nearest", "linear")
Draw = st.DrawFn


@dataclass
class _Builder:
    """A graph under construction whose values are all known, so that ranges can be chosen."""

    draw: Draw
    rng: np.random.Generator
    values: list[Value] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    constants: dict[Value, Array] = field(default_factory=dict)
    arrays: dict[Value, Array] = field(default_factory=dict)
    stored: list[Value] = field(default_factory=list)
    scales: dict[Value, Array] = field(default_factory=dict)

    def integer(self, low: int, high: int) -> int:
        return self.draw(st.integers(low, high))

    def chance(self, of: int) -> bool:
        return self.integer(1, of) == 1

    def constant(self, array: Array) -> Value:
        value = Value(f"c{len(self.constants)}", TensorType.of(array))
        self.constants[value] = array
        self.arrays[value] = array
        return value

    def apply(self, op: Op, *inputs: Value) -> Value:
        (type,) = op.infer(*(v.type for v in inputs))
        output = Value(f"v{len(self.nodes)}", type)
        self.nodes.append(Node(op, inputs, (output,)))
        (self.arrays[output],) = op.evaluate(*(self.arrays[v] for v in inputs))
        return output

    def quantized(self, x: Value) -> Value:
        """x through a quantizer whose range fits what x is here; asymmetric for unsigned types."""
        dtype = self.draw(st.sampled_from(ACTIVATIONS))
        low, high = integer_range(dtype)
        array = self.arrays[x]
        least, most = min(0.0, float(array.min())), max(1e-3, float(array.max()))
        if dtype.is_signed and self.draw(st.booleans()):
            scale, zero = max(-least, most) / high, 0
        else:
            scale = (most - least) / (high - low)
            zero = int(np.clip(round(low - least / scale), low, high))
        scale *= self.draw(st.sampled_from([1.0, 0.7, 1.3]))
        parameters = (
            self.constant(np.array(scale, np.float32)),
            self.constant(np.array(zero, dtype.numpy)),
        )
        stored = self.apply(Quantize(), x, *parameters)
        self.stored.append(stored)
        return self.dequantized(stored, *parameters)

    def dequantized(self, *inputs: Value, axis: int | None = None) -> Value:
        y = self.apply(Dequantize(axis), *inputs)
        self.scales[y] = self.arrays[inputs[1]].astype(np.float64)
        return y

    def weights(self, shape: tuple[int, ...], axis: int) -> Value:
        """Dequantized integers with one scale, or one for each output along `axis`."""
        dtype = self.draw(st.sampled_from(WEIGHTS))
        low, high = integer_range(dtype)
        array = self.rng.integers(low, high, shape, endpoint=True).astype(dtype.numpy)
        count = shape[axis]
        several = self.draw(st.booleans())
        size = (count,) if several else ()
        scale = np.asarray(self.rng.uniform(0.5, 2.0, size) / high, np.float32)
        zero = np.zeros(size, np.int64)
        if not dtype.is_signed or self.chance(4):
            zero = self.rng.integers(low // 2, high // 2 + 1, size)
        parameters = self.constant(scale), self.constant(np.asarray(zero, dtype.numpy))
        stored = self.constant(array)
        return self.dequantized(stored, *parameters, axis=axis if several else None)

    def floats(self, shape: tuple[int, ...]) -> Value:
        return self.constant(np.asarray(self.rng.normal(0, 1, shape), np.float32))

    def bias(self, x: Value, w: Value, count: int) -> list[Value]:
        """Nothing, or numbers on the grid of the sums, so that they round to nothing else."""
        if x not in self.scales or self.draw(st.booleans()):
            return []
        step = self.scales[x] * self.scales[w]
        return [self.constant(np.asarray(self.rng.integers(-99, 99, count) * step, np.float32))]


def _spatial(x: Value) -> bool:
    return x.type.rank in (3, 4)


def _conv(b: _Builder, x: Value) -> Value | None:
    if not _spatial(x):
        return None
    _, c, *size = x.type.dims
    groups = b.draw(st.sampled_from([g for g in (1, 2, c) if c % g == 0]))
    kernel = tuple(b.integer(1, min(3, n)) for n in size)
    pads = tuple(b.integer(0, k - 1) for k in kernel * 2)
    strides = tuple(b.integer(1, 2) for _ in size)
    w = b.weights((groups * b.integer(1, 3), c // groups, *kernel), 0)
    bias = b.bias(x, w, w.type.dims[0])
    return b.apply(Conv(strides, pads, (1,) * len(size), groups), x, w, *bias)


def _matmul(b: _Builder, x: Value) -> Value | None:
    if x.type.rank < 2:
        return None
    rows, columns = x.type.dims[-1], b.integer(1, 5)
    transposed = b.draw(st.booleans())
    w = b.weights((columns, rows), 0) if transposed else b.weights((rows, columns), 1)
    y = b.apply(MatMul(transposed), x, w)
    for bias in b.bias(x, w, columns):
        y = b.apply(Add(), y, bias)
    return y


def _scores(b: _Builder, x: Value) -> Value | None:
    return b.apply(MatMul(transpose_b=True), x, x) if x.type.rank >= 2 else None


def _binary(b: _Builder, x: Value) -> Value:
    same = [v for v in b.values if v.type == x.type]
    op = b.draw(st.sampled_from([Add(), Add(), Sub(), Mul(), Max(), Min()]))
    return b.apply(op, x, b.draw(st.sampled_from(same)))


def _with_constant(b: _Builder, x: Value) -> Value:
    """Constants are added to quantized tensors only: sums may have a coarse grid of their own."""
    op = b.draw(st.sampled_from([Add(), Sub(), Mul()])) if x in b.scales else Mul()
    shape = b.draw(st.sampled_from([(), x.type.dims[-1:]]))
    y = b.floats(shape)
    return b.apply(op, y, x) if b.draw(st.booleans()) else b.apply(op, x, y)


def _unary(b: _Builder, x: Value) -> Value:
    ops = [Relu(), Clip(0.0, 6.0), Clip(-0.5, 0.5), Sigmoid(), Tanh(), HardSwish(), LeakyRelu()]
    return b.apply(b.draw(st.sampled_from(ops)), x)


def _prelu(b: _Builder, x: Value) -> Value:
    return b.apply(PRelu(), x, b.floats(x.type.dims[-1:]))


def _silu(b: _Builder, x: Value) -> Value:
    return b.apply(Mul(), x, b.apply(Sigmoid(), x))


def _swish(b: _Builder, x: Value) -> Value:
    """As exporters write it without a gate of its own: parts of it change the scale alone."""
    third, half = (b.constant(np.array(each, np.float32)) for each in (0.3, 0.5))
    gate = b.apply(Clip(0.0, 1.0), b.apply(Add(), b.apply(Mul(), x, third), half))
    return b.apply(Mul(), x, gate)


def _layer_norm(b: _Builder, x: Value) -> Value:
    """Of at least four elements: of fewer, a small variance makes large numbers of f32's errors."""
    y = b.apply(LayerNorm((x.type.rank - 1,)), x) if x.type.dims[-1] > 3 else x
    return b.apply(Mul(), y, b.floats(x.type.dims[-1:]))


def _softmax(b: _Builder, x: Value) -> Value:
    return b.apply(Softmax(b.integer(0, x.type.rank - 1)), x)


def _pool(b: _Builder, x: Value) -> Value | None:
    if not _spatial(x):
        return None
    size = x.type.dims[2:]
    kernel = tuple(b.integer(1, min(3, n)) for n in size)
    pads = tuple(b.integer(0, min(1, k - 1)) for k in kernel * 2)
    window = kernel, tuple(b.integer(1, 2) for _ in size), pads, (1,) * len(size)
    if b.draw(st.booleans()):
        return b.apply(MaxPool(*window), x)
    return b.apply(AveragePool(*window, count_pad=b.draw(st.booleans())), x)


def _reduce(b: _Builder, x: Value) -> Value | None:
    if x.type.rank < 2:
        return None
    axes = b.draw(st.sets(st.integers(0, x.type.rank - 1), min_size=1, max_size=1))
    kind = b.draw(st.sampled_from(KINDS))
    return b.apply(Reduce(kind, tuple(sorted(axes)), b.draw(st.booleans())), x)


def _concat(b: _Builder, x: Value) -> Value:
    axis = b.integer(0, x.type.rank - 1)
    same = [v for v in b.values if v.type == x.type]
    return b.apply(Concat(axis), x, b.draw(st.sampled_from(same)))


def _move(b: _Builder, x: Value) -> Value:
    dims = x.type.dims
    which = b.integer(0, 4)
    if which == 0:
        return b.apply(Transpose(tuple(b.draw(st.permutations(range(x.type.rank))))), x)
    if which == 1:
        return b.apply(Reshape((int(np.prod(dims[:-1])), dims[-1])), x)
    if which == 2:
        return b.apply(Pad(tuple(b.integer(0, 1) for _ in range(2 * x.type.rank))), x)
    if which == 3:
        starts = tuple(b.integer(0, d - 1) for d in dims)
        sizes = tuple(b.integer(1, d - s) for d, s in zip(dims, starts, strict=True))
        return b.apply(Slice(starts, sizes, (1,) * len(dims)), x)
    scales = (1.0,) * (x.type.rank - 1) + (2.0,)
    mode = b.draw(st.sampled_from(MODES))
    return b.apply(Resize((*dims[:-1], 2 * dims[-1]), scales, mode), x)


STEPS: tuple[Callable[[_Builder, Value], Value | None], ...] = (
    _conv,
    _conv,
    _conv,
    _matmul,
    _matmul,
    _scores,
    _binary,
    _binary,
    _with_constant,
    _unary,
    _unary,
    _prelu,
    _silu,
    _swish,
    _softmax,
    _layer_norm,
    _pool,
    _reduce,
    _concat,
    _move,
    _move,
)


@dataclass(frozen=True, repr=False)
class QuantizedGraph:
    """A graph, inputs that its scales were chosen for, and whether it returns all integers."""

    graph: Graph
    inputs: dict[str, Array]
    complete: bool

    def __repr__(self) -> str:
        return str(self.graph)


@st.composite
def quantized_graphs(draw: Draw, max_steps: int = 6) -> QuantizedGraph:
    """Float operators between quantizers of constant scales; at most `max_steps` operators.

    A quantizer follows most operators. All quantized tensors are outputs of the graph, or only
    the last, besides the last real numbers.
    """
    b = _Builder(draw, np.random.default_rng(draw(st.integers(0, 1000))))
    rank = draw(st.sampled_from([4, 4, 3, 2]))
    shape = tuple(draw(st.lists(st.sampled_from([2, 3, 1, 5]), min_size=rank, max_size=rank)))
    x = Value("x", TensorType(DType.F32, shape))
    b.arrays[x] = b.rng.normal(0, 1, shape).astype(np.float32)
    b.values.append(b.quantized(x))
    for _ in range(b.integer(1, max_steps)):
        latest = b.values[-1:] if b.integer(0, 3) else b.values
        result = draw(st.sampled_from(STEPS))(b, draw(st.sampled_from(latest)))
        if result is None or result.type.elements > MAX_ELEMENTS:
            continue
        if b.integer(0, 3):
            result = b.quantized(result)
        b.values.append(result)
    complete = draw(st.booleans())
    outputs = b.stored if complete else b.stored[-1:]
    last = b.values[-1]
    graph = Graph("g", (x,), tuple(b.nodes), (*outputs, last), b.constants)
    used = {v for node in graph.nodes for v in node.inputs} | set(graph.outputs)
    while dead := [n for n in graph.nodes if not used.intersection(n.outputs)]:
        graph = graph.with_nodes(n for n in graph.nodes if n not in dead)
        used = {v for node in graph.nodes for v in node.inputs} | set(graph.outputs)
    return QuantizedGraph(graph, {"x": b.arrays[x]}, complete)
