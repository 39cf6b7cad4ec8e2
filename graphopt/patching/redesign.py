"""What a region would be with another window in one of its layers, under the same plan.

Networks are their users': this tells what a change of one would buy, and makes none. MCUNetV2
(arXiv 2110.15352, section 3.2) calls such changes receptive field redistribution.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from graphopt.errors import TypeRuleError
from graphopt.ir import Graph, Node, Op, Value
from graphopt.ops import Conv, Fused, Patched, Pool

Pair = tuple[int, int]


@dataclass(frozen=True)
class Layer:
    """The convolution or pool in a kernel whose windows overlap, or that has a stride.

    Attributes:
        node: the kernel, a node of the region's body.
        inner: the operator, a node of the kernel's body.
        kernel: its rows and columns.
    """

    node: Node
    inner: Node
    kernel: Pair

    @property
    def op(self) -> Conv | Pool:
        op = self.inner.op
        assert isinstance(op, Conv | Pool)
        return op

    @property
    def strides(self) -> Pair:
        rows, columns = self.op.strides
        return rows, columns

    @property
    def overlaps(self) -> bool:
        """Whether windows share elements of the input."""
        return any(reach > stride for reach, stride in zip(self.reach, self.strides, strict=True))

    @property
    def reach(self) -> Pair:
        """From the first to the last element of a window."""
        rows, columns = (
            (k - 1) * d + 1 for k, d in zip(self.kernel, self.op.dilations, strict=True)
        )
        return rows, columns


def layer(node: Node) -> Layer | None:
    """The layer of a kernel that slides windows over a map, if there is one."""
    assert isinstance(node.op, Fused)
    for inner in node.op.body.nodes:
        if isinstance(inner.op, Conv | Pool) and len(inner.op.strides) == 2:
            kernel = (
                inner.op.kernel if isinstance(inner.op, Pool) else inner.inputs[1].type.dims[2:]
            )
            found = Layer(node, inner, (kernel[0], kernel[1]))
            if found.kernel != (1, 1) or found.strides != (1, 1):
                return found
    return None


def smaller_kernel(op: Patched, changed: Layer) -> tuple[Patched, Pair] | None:
    """The region with a kernel two taps smaller in a layer, and that kernel.

    Kernels stay as large as their strides, so that no element of the input is left out, and maps
    keep their sizes. None where windows do not overlap, or padding is too little for that.
    """
    rows, columns = (
        max(kernel - 2, min(kernel, stride))
        for kernel, stride in zip(changed.kernel, changed.strides, strict=True)
    )
    kernel = rows, columns
    pads = _pads(changed, kernel)
    if kernel == changed.kernel or pads is None:
        return None
    windowed = replace(changed.op, pads=pads)
    if isinstance(windowed, Pool):
        windowed = replace(windowed, kernel=kernel)
    redesigned = _with(op, {changed.inner: windowed}, {changed.inner: kernel})
    return (redesigned, kernel) if redesigned is not None else None


def later_stride(op: Patched, changed: Layer) -> tuple[Patched, Layer] | None:
    """The region with a layer's stride in the next layer that has windows, and that layer.

    The maps between them are larger. None where there is no such layer, or where values that they
    meet would no longer fit.
    """
    following = _following(op.body, changed.node)
    if following is None or changed.strides == (1, 1):
        return None
    begins = [p for p in changed.op.pads[:2]]
    ends: list[int] = []
    size = changed.inner.inputs[0].type.dims[1:3]
    wanted = changed.inner.output.type.dims[1:3]
    for axis in range(2):
        reach = changed.reach[axis]
        total = wanted[axis] * changed.strides[axis] - size[axis] + reach - 1
        begins[axis] = max(begins[axis], total // 2)
        ends.append(total - begins[axis])
    if min(*begins, *ends) < 0:
        return None
    strides = tuple(a * b for a, b in zip(changed.strides, following.strides, strict=True))
    ops: dict[Node, Op] = {
        changed.inner: replace(changed.op, strides=(1, 1), pads=(*begins, *ends)),
        following.inner: replace(following.op, strides=strides),
    }
    redesigned = _with(op, ops, {})
    return (redesigned, following) if redesigned is not None else None


def _pads(changed: Layer, kernel: Pair) -> tuple[int, ...] | None:
    """Padding that gives a smaller kernel as many windows."""
    begins, ends = list(changed.op.pads[:2]), list(changed.op.pads[2:])
    for axis in range(2):
        less = (changed.kernel[axis] - kernel[axis]) * changed.op.dilations[axis]
        left = begins[axis] + ends[axis] - less
        if left < 0:
            return None
        begins[axis] = min(max(begins[axis] - less // 2, 0), left)
        ends[axis] = left - begins[axis]
    return (*begins, *ends)


def _following(body: Graph, node: Node) -> Layer | None:
    """The first layer with windows larger than one element that depends on `node`."""
    behind = set(node.outputs)
    for other in body.nodes[body.nodes.index(node) + 1 :]:
        if behind.isdisjoint(other.inputs):
            continue
        behind.update(other.outputs)
        found = layer(other)
        if found is not None and found.kernel != (1, 1):
            return found
    return None


def _with(op: Patched, ops: Mapping[Node, Op], kernels: Mapping[Node, Pair]) -> Patched | None:
    """The region with other operators, and weights of other sizes, in some of its kernels.

    None where types do not fit any more, or the region's outputs would have other ones.
    """
    values: dict[Value, Value] = {}
    nodes: list[Node] = []
    try:
        for node in op.body.nodes:
            nodes.append(_rebuilt(node, values, ops, kernels))
    except TypeRuleError:
        return None
    inputs = tuple(values.get(value, value) for value in op.body.inputs)
    outputs = tuple(values.get(value, value) for value in op.body.outputs)
    same = all(a.type == b.type for a, b in zip(outputs, op.body.outputs, strict=True))
    body = replace(op.body, inputs=inputs, nodes=tuple(nodes), outputs=outputs)
    return replace(op, body=body) if same else None


def _rebuilt(
    node: Node,
    values: dict[Value, Value],
    ops: Mapping[Node, Op],
    kernels: Mapping[Node, Pair],
) -> Node:
    """A kernel with the types that follow; `values` says by which values others are replaced."""
    assert isinstance(node.op, Fused)
    body = node.op.body
    for inner in body.nodes:
        if inner in kernels:
            _resize_weights(node, inner, kernels[inner], values)
    inputs = tuple(values.get(value, value) for value in node.inputs)
    if inputs == node.inputs and not any(inner in ops for inner in body.nodes):
        return node
    known = {
        value: Value(value.name, given.type)
        for value, given in zip(body.inputs, inputs, strict=True)
    }
    nodes: list[Node] = []
    for inner in body.nodes:
        changed = ops.get(inner, inner.op)
        read = tuple(known.get(value, value) for value in inner.inputs)
        types = changed.infer(*(value.type for value in read))
        made = tuple(Value(v.name, t) for v, t in zip(inner.outputs, types, strict=True))
        known.update(zip(inner.outputs, made, strict=True))
        nodes.append(replace(inner, op=changed, inputs=read, outputs=made))
    rebuilt = replace(
        body,
        inputs=tuple(known[value] for value in body.inputs),
        nodes=tuple(nodes),
        outputs=tuple(known.get(value, value) for value in body.outputs),
    )
    outputs = tuple(
        Value(value.name, new.type)
        for value, new in zip(node.outputs, rebuilt.outputs, strict=True)
    )
    values.update(zip(node.outputs, outputs, strict=True))
    return replace(node, op=Fused(rebuilt), inputs=inputs, outputs=outputs)


def _resize_weights(node: Node, inner: Node, kernel: Pair, values: dict[Value, Value]) -> None:
    """Give the weights of a convolution another size, where they come into the kernel."""
    if isinstance(inner.op, Pool):
        return
    assert isinstance(node.op, Fused)
    weights = inner.inputs[1]
    if weights not in node.op.body.inputs:
        raise TypeRuleError(str(node), "weights: expected an input of the kernel")
    given = node.inputs[node.op.body.inputs.index(weights)]
    type = replace(given.type, shape=(*given.type.shape[:2], *kernel))
    values[given] = Value(given.name, type)
