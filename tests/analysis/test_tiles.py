"""Tiles compute exactly what the whole computes there, from exactly what their inputs say."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from textwrap import dedent
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphopt.analysis.receptive_field import Span
from graphopt.analysis.tiles import tile
from graphopt.errors import TypeRuleError
from graphopt.interpreter import run_body
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
    Requantize,
    Rescale,
    Resize,
    Slice,
    SumPool,
)
from graphopt.ops.reduction import ReduceKind
from graphopt.ops.resize import Coordinates, Nearest
from graphopt.text import parse_graph, print_graph
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


@st.composite
def rectangles(draw: Draw, value: Value) -> tuple[Span, Span]:
    spans = []
    for size in value.type.dims[1:3]:
        lo = draw(st.integers(0, size - 1))
        spans.append(Span(lo, draw(st.integers(lo + 1, size))))
    return spans[0], spans[1]


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


def cut(array: Array, part: tuple[Span, Span] | None) -> Array:
    if part is None:
        return array
    rows, columns = part
    return array[:, rows.lo : rows.hi, columns.lo : columns.hi]


def check_tile(node: Node, rows: Span, columns: Span) -> None:
    made = tile(node, rows, columns)
    verify(made.graph)
    assert print_graph(parse_graph(print_graph(made.graph), {})) == print_graph(made.graph)
    arrays = arrays_for(node)
    (whole,) = node.op.evaluate(*arrays)
    parts = [cut(array, part) for array, part in zip(arrays, made.inputs, strict=True)]
    (found,) = run_body(made.graph, *parts)
    np.testing.assert_array_equal(found, cut(whole, (rows, columns)))


# The mean of a window that lies in the padding is not a number.
@pytest.mark.filterwarnings("ignore:invalid value")
@settings(max_examples=200, deadline=None)
@given(st.data())
def test_tiles_of_operators_are_exact(data: st.DataObject) -> None:
    node = data.draw(bodies(longest=1))
    check_tile(node, *data.draw(rectangles(node.output)))


@pytest.mark.filterwarnings("ignore:invalid value")
@settings(max_examples=200, deadline=None)
@given(st.data())
def test_tiles_of_regions_are_exact(data: st.DataObject) -> None:
    node = data.draw(bodies(longest=4))
    check_tile(node, *data.draw(rectangles(node.output)))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:invalid value")
@settings(max_examples=4000, deadline=None)
@given(st.data())
def test_tiles_of_long_regions_are_exact(data: st.DataObject) -> None:
    node = data.draw(bodies(longest=6))
    check_tile(node, *data.draw(rectangles(node.output)))


CONV = """
graph conv_clip(%x0: i8[1,9,8,2], %x1: i8[3,2,3,3], %x2: i32[3]) {
  %v0: i32[1,5,8,3] = conv(%x0, %x1, %x2) {strides = (2, 1), pads = (1, 1, 1, 1), dilations = (1, 1), layout = 'NHWC', pad_value = -4}
  %v1: i32[1,5,8,3] = clip(%v0) {low = 0, high = 127}
  return %v1
}"""  # noqa: E501


def region(text: str) -> Node:
    body = parse_graph(text)
    verify(body)
    inputs = tuple(Value(f"a{i}", value.type) for i, value in enumerate(body.inputs))
    outputs = tuple(Value(f"y{i}", value.type) for i, value in enumerate(body.outputs))
    return Node(Fused(body), inputs, outputs)


def test_a_tile_at_the_border_pads_where_the_map_ends_and_holds_its_halo_elsewhere() -> None:
    made = tile(region(CONV), Span(0, 2), Span(3, 8))
    assert made.inputs == ((Span(0, 4), Span(2, 8)), None, None)
    assert (
        print_graph(made.graph)
        == dedent(
            """
        graph conv_clip(%x0: i8[1,4,6,2], %x1: i8[3,2,3,3], %x2: i32[3]) {
          %v0: i32[1,2,5,3] = conv(%x0, %x1, %x2) {strides = (2, 1), pads = (1, 0, 0, 1), dilations = (1, 1), layout = 'NHWC', pad_value = -4}
          %v1: i32[1,2,5,3] = clip(%v0) {low = 0, high = 127}
          return %v1
        }"""  # noqa: E501
        ).strip()
    )


def test_tiles_of_equal_sizes_and_paddings_print_alike() -> None:
    node = region(CONV)
    inner = [tile(node, Span(1, 3), Span(c, c + 2)) for c in (1, 2, 5)]
    assert len({print_graph(each.graph) for each in inner}) == 1
    assert len({each.inputs for each in inner}) == 3


def test_the_tile_of_everything_is_the_body() -> None:
    node = region(CONV)
    assert print_graph(tile(node, Span(0, 5), Span(0, 8)).graph) == CONV.strip()


def test_two_readers_of_one_input_get_what_each_needs() -> None:
    node = region("""
    graph residual(%x0: i8[1,8,8,2], %x1: i8[2,2,3,3]) {
      %v0: i32[1,8,8,2] = conv(%x0, %x1) {strides = (1, 1), pads = (1, 1, 1, 1), dilations = (1, 1), layout = 'NHWC'}
      %v1: i32[1,8,8,2] = cast(%x0) {to = 'i32'}
      %v2: i32[1,8,8,2] = add(%v0, %v1)
      return %v2
    }""")  # noqa: E501
    made = tile(node, Span(0, 4), Span(2, 4))
    assert made.inputs[0] == (Span(0, 5), Span(1, 5))
    cuts = [inner.op for inner in made.graph.nodes if isinstance(inner.op, Slice)]
    assert cuts == [Slice((0, 0, 1, 0), (1, 4, 2, 2), (1, 1, 1, 1))]
    check_tile(node, Span(0, 4), Span(2, 4))


def test_a_region_of_two_outputs_has_one_tile_for_both() -> None:
    node = region("""
    graph largest(%x0: i8[1,5,4,6], %x1: i64[3]) {
      %v0: i8[1,5,4,3] = gather(%x0, %x1) {axis = 3}
      %v1: i8[1,5,4,2], %v2: i64[1,5,4,2] = top_k(%v0) {k = 2, axis = 3}
      return %v1, %v2
    }""")
    made = tile(node, Span(1, 4), Span(2, 4))
    x = np.random.default_rng(0).integers(-128, 127, (1, 5, 4, 6), np.int8)
    index = np.array([5, 0, 2])
    assert made.inputs == ((Span(1, 4), Span(2, 4)), None)
    found = run_body(made.graph, x[:, 1:4, 2:4], index)
    for part, whole in zip(found, node.op.evaluate(x, index), strict=True):
        np.testing.assert_array_equal(part, whole[:, 1:4, 2:4])


AVERAGE = """
graph average(%x0: f32[1,{rows},{columns},1]) {{
  %v0: f32[1,{outputs},1] = average_pool(%x0) {{kernel = {kernel}, strides = (2, 2), pads = {pads}, dilations = (1, 1), ceil = True, layout = 'NHWC', count_pad = True}}
  return %v0
}}"""  # noqa: E501


@pytest.mark.parametrize(
    ("size", "kernel", "pads", "outputs", "rows", "columns"),
    [
        # A last window that hangs over the end, alone.
        ((7, 7), (3, 3), (1, 1, 0, 0), (4, 4), Span(3, 4), Span(0, 4)),
        ((7, 7), (3, 3), (1, 1, 0, 0), (4, 4), Span(3, 4), Span(3, 4)),
        # Rows hang over the end; the last column lies in the padding.
        ((7, 1), (3, 1), (1, 1, 0, 2), (4, 2), Span(3, 4), Span(0, 2)),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_averages_that_count_padding_count_none_beyond_it(
    size: tuple[int, int],
    kernel: tuple[int, int],
    pads: tuple[int, ...],
    outputs: tuple[int, int],
    rows: Span,
    columns: Span,
) -> None:
    shape = ",".join(map(str, outputs))
    text = AVERAGE.format(rows=size[0], columns=size[1], kernel=kernel, pads=pads, outputs=shape)
    node = region(text)
    made = tile(node, rows, columns)
    x = np.random.default_rng(0).integers(-9, 9, (1, *size, 1)).astype(np.float32)
    (whole,) = node.op.evaluate(x)
    (found,) = run_body(made.graph, cut(x, made.inputs[0]))
    np.testing.assert_array_equal(found, cut(whole, (rows, columns)))


def test_constants_of_a_body_that_vary_over_the_map_are_cut() -> None:
    node = region("""
    graph g(%x0: i8[1,2,3,1]) {
      %c0: i8[1,2,3,1] = constant([[[[1], [2], [3]], [[4], [5], [6]]]])
      %v0: i8[1,2,3,1] = add(%x0, %c0)
      return %v0
    }""")
    (array,) = tile(node, Span(1, 2), Span(1, 3)).graph.constants.values()
    assert array.tolist() == [[[[5], [6]]]]
    check_tile(node, Span(1, 2), Span(1, 3))


def test_tiles_of_quantized_types_keep_them() -> None:
    body = parse_graph("""
    graph conv_requantize(%x0: i8[1,6,5,2]<0.5, 0>, %x1: i8[2,1,3,3]<(0.25, 0.5), 0, axis 0>) {
      %v0: i32[1,6,5,2]<(0.125, 0.25), 0, axis 3> = conv(%x0, %x1) {strides = (1, 1), pads = (1, 1, 1, 1), dilations = (1, 1), groups = 2, layout = 'NHWC'}
      return %v0
    }""")  # noqa: E501
    before, after = body.outputs[0].type.quant, body.inputs[0].type.quant
    assert before is not None and after is not None
    op = Requantize(before, DType.I8, after)
    output = Value("v1", *op.infer(body.outputs[0].type))
    body = replace(body, nodes=(*body.nodes, Node(op, body.outputs, (output,))), outputs=(output,))
    node = Node(Fused(body), body.inputs, (Value("y", output.type),))
    assert tile(node, Span(0, 2), Span(1, 4)).graph.outputs[0].type.quant == after
    check_tile(node, Span(0, 2), Span(1, 4))


@pytest.mark.parametrize(
    ("rows", "columns"),
    [(Span(0, 6), Span(0, 8)), (Span(2, 2), Span(0, 8)), (Span(0, 5), Span(-1, 3))],
)
def test_a_rectangle_outside_the_map_is_refused(rows: Span, columns: Span) -> None:
    with pytest.raises(TypeRuleError, match=r"expected some of \[0,[58]\), found"):
        tile(region(CONV), rows, columns)


def test_a_node_without_tiles_is_refused_in_words() -> None:
    node = region("""
    graph pool(%x0: f32[1,8,8,2]) {
      %v0: f32[1,1,1,2] = reduce(%x0) {kind = 'mean', axes = (1, 2), keepdims = True}
      return %v0
    }""")
    with pytest.raises(TypeRuleError, match="needs the whole map: global_average_pool at %v0"):
        tile(node, Span(0, 1), Span(0, 1))
