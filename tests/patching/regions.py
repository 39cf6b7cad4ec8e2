"""Random graphs of integer kernels, and random ways to run them in tiles."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

from graphopt.ir import Array, DType, Graph, Node, Op, TensorType, Value
from graphopt.ops import Add, Cast, Clip, Concat, Conv, Fused, MaxPool, Patched, Reduce, Rescale
from graphopt.ops.reduction import ReduceKind
from graphopt.patching.accumulate import accumulation

Draw = st.DrawFn
Step = tuple[Op, tuple[Array, ...]]
KINDS: tuple[ReduceKind, ...] = ("sum", "max", "min")
CHANNELS = (1, 2, 3, 4, 7, 8)
SATURATE: tuple[Step, ...] = ((Clip(-128, 127), ()), (Cast(DType.I8), ()))


@dataclass
class GraphBuilder:
    """A graph of kernels on i8 maps; constants are inputs of the kernels, as after fusion."""

    rng: np.random.Generator
    nodes: list[Node] = field(default_factory=list[Node])
    inputs: list[Value] = field(default_factory=list[Value])
    constants: dict[Value, Array] = field(default_factory=dict[Value, Array])

    def input(self, *dims: int) -> Value:
        self.inputs.append(Value(f"in{len(self.inputs)}", TensorType(DType.I8, dims)))
        return self.inputs[-1]

    def kernel(self, steps: list[Step], *operands: Value) -> Value:
        """Operators in a row, each with arrays of its own; the first takes `operands`."""
        arrays = [array for _, own in steps for array in own]
        known = [
            Value(f"c{len(self.constants) + i}", TensorType.of(a)) for i, a in enumerate(arrays)
        ]
        self.constants.update(zip(known, arrays, strict=True))
        inner = [Value(f"x{i}", v.type) for i, v in enumerate((*operands, *known))]
        current, rest = list(inner[: len(operands)]), iter(inner[len(operands) :])
        nodes: list[Node] = []
        for op, own in steps:
            taken = (*current, *(next(rest) for _ in own))
            (type,) = op.infer(*(v.type for v in taken))
            current = [Value(f"v{len(nodes)}", type)]
            nodes.append(Node(op, taken, (current[0],)))
        name = "_".join(node.op.name for node in nodes)
        body = Graph(name, tuple(inner), tuple(nodes), (current[0],))
        output = Value(f"t{len(self.nodes)}", current[0].type)
        self.nodes.append(Node(Fused(body), (*operands, *known), (output,)))
        return output

    def conv(self, x: Value, out: int, kernel: tuple[int, int], op: Conv) -> Value:
        """A convolution with a bias, rescaled to 8 bits."""
        per = x.type.dims[3] // op.groups
        weights = self.rng.integers(-127, 128, (out, per, *kernel), np.int8)
        bias = self.rng.integers(-500, 500, (out,), np.int32)
        multiplier = self.rng.integers(1 << 21, 1 << 24, (1, 1, 1, out), np.int32)
        offset = np.array(self.rng.integers(-5, 5), np.int32)
        steps = [(op, (weights, bias)), (Rescale(), (multiplier, offset)), *SATURATE]
        return self.kernel(steps, x)

    def sum(self, x: Value, y: Value) -> Value:
        """A residual: the sum of two maps, scaled down."""
        wide = (Cast(DType.I32), ())
        a = self.kernel([wide], x)
        b = self.kernel([wide], y)
        quarter, zero = np.array(1 << 30, np.int32), np.array(0, np.int32)
        return self.kernel([(Add(), ()), (Rescale(), (quarter, zero)), *SATURATE], a, b)

    def graph(self, *outputs: Value) -> Graph:
        return Graph("g", tuple(self.inputs), tuple(self.nodes), outputs, self.constants)


@st.composite
def windows(draw: Draw, size: tuple[int, int]) -> tuple[tuple[int, int], Conv] | None:
    """A kernel and a convolution that fit a map of `size`."""
    kernel = tuple(draw(st.integers(1, 7)) for _ in range(2))
    dilations = tuple(draw(st.integers(1, 3)) for _ in range(2))
    strides = tuple(draw(st.integers(1, 3)) for _ in range(2))
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    pads = [draw(st.integers(0, r - 1)) for r in (*reach, *reach)]
    for i in range(2):
        if size[i] + pads[i] + pads[2 + i] < reach[i]:
            return None
    pad_value = draw(st.integers(-128, 127))
    op = Conv(strides, tuple(pads), dilations, 1, "NHWC", pad_value)
    return (kernel[0], kernel[1]), op


@st.composite
def kernel_graphs(draw: Draw, most: int = 6) -> Graph:
    """Chains with residuals and concatenations; odd sizes, strides, dilations, paddings."""
    build = GraphBuilder(np.random.default_rng(draw(st.integers(0, 1000))))
    channels = st.sampled_from(CHANNELS)
    x = build.input(1, draw(st.integers(3, 17)), draw(st.integers(3, 17)), draw(channels))
    values = [x]
    for _ in range(draw(st.integers(1, most))):
        x = values[-1]
        _, height, width, depth = x.type.dims
        same = [v for v in values if v.type == x.type and v is not x]
        joinable = [v for v in values if v.type.dims[:3] == x.type.dims[:3]]
        kind = draw(st.sampled_from(["conv", "conv", "depthwise", "pointwise", "pool", "join"]))
        if kind == "join":
            other = draw(st.sampled_from(same or joinable))
            if same:
                values.append(build.sum(x, other))
            elif depth < 8:
                values.append(build.kernel([(Concat(3), ())], x, other))
            continue
        if kind == "pointwise":
            op = Conv((1, 1), (0, 0, 0, 0), (1, 1), 1, "NHWC")
            values.append(build.conv(x, draw(channels), (1, 1), op))
            continue
        if kind == "pool":
            if min(height, width) >= 3:
                pads = tuple(draw(st.integers(0, 1)) for _ in range(4))
                strides = (draw(st.integers(1, 2)), draw(st.integers(1, 2)))
                pool = MaxPool((3, 3), strides, pads, (1, 1), False, "NHWC")
                values.append(build.kernel([(pool, ())], x))
            continue
        found = draw(windows((height, width)))
        if found is None:
            continue
        kernel, op = found
        if kind == "depthwise":
            op = Conv(op.strides, op.pads, op.dilations, depth, "NHWC", op.pad_value)
        values.append(build.conv(x, depth if kind == "depthwise" else draw(channels), kernel, op))
    if len(values) == 1:
        op = Conv((1, 1), (0, 0, 0, 0), (1, 1), 1, "NHWC")
        values.append(build.conv(x, draw(channels), (1, 1), op))
    if draw(st.integers(0, 3)) == 0:
        first = draw(st.sampled_from([Cast(DType.I32), Clip(-90, 90)]))
        reduction = Reduce(KINDS[draw(st.integers(0, 2))], (1, 2), True)
        values.append(build.kernel([(first, ()), (reduction, ())], values[-1]))
    return build.graph(values[-1])


@st.composite
def patched(draw: Draw, most: int = 6) -> Graph:
    """A graph of one region; what nothing in it reads is an output too."""
    graph = draw(kernel_graphs(most))
    read = {value for node in graph.nodes for value in node.inputs}
    loose = [
        n.output for n in graph.nodes if n.output not in read and n.output not in graph.outputs
    ]
    body = Graph(
        "region",
        (*graph.inputs, *graph.constants),
        graph.nodes,
        (*loose, *graph.outputs),
    )
    sums = accumulation(graph.nodes[-1])
    _, height, width, _ = (sums.reduced if sums else graph.outputs[0]).type.dims
    strips = not loose and draw(st.booleans())
    columns = draw(st.integers(1, width)) if strips else width
    count = len(graph.nodes)
    kept = draw(st.sampled_from([True, False, None]))
    streamed = columns >= width and draw(st.booleans())
    op = Patched(
        body,
        (draw(st.integers(1, height)), columns),
        tuple(draw(st.integers(1, 4)) for _ in range(count)),
        tuple(draw(st.booleans()) if kept is None else kept for _ in range(count)),
        (0,) if streamed else (),
        (len(loose),) if streamed and not sums and draw(st.booleans()) else (),
    )
    outputs = tuple(Value(f"out{i}", value.type) for i, value in enumerate(body.outputs))
    node = Node(op, body.inputs, outputs)
    return Graph("g", graph.inputs, (node,), outputs, graph.constants)
