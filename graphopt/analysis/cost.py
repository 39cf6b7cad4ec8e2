"""What a node costs before anything is measured: products and memory traffic."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from graphopt.ir import Graph, Node
from graphopt.ops import Fused, Gather, Reshape, Slice


@dataclass(frozen=True)
class Cost:
    """The work of one execution of a node.

    Attributes:
        name: the region's name, or the operator's.
        operators: the operators inside, in execution order.
        macs: multiply-accumulates.
        bytes_read, bytes_written: of activations, each tensor counted once.
        weight_bytes: of the constants it reads.
    """

    name: str
    operators: tuple[str, ...]
    macs: int
    bytes_read: int
    bytes_written: int
    weight_bytes: int

    @property
    def bytes_moved(self) -> int:
        return self.bytes_read + self.bytes_written + self.weight_bytes


def node_cost(node: Node, graph: Graph) -> Cost:
    """The cost of `node`, a node of `graph`. A lone reshape is an alias and moves nothing."""
    body = node.op.body.nodes if isinstance(node.op, Fused) else (node,)
    name = node.op.body.name if isinstance(node.op, Fused) else node.op.name
    operators = tuple(each.op.name for each in body)
    if all(isinstance(each.op, Reshape) for each in body):
        return Cost(name, operators, 0, 0, 0, 0)
    read = weights = 0
    for value in dict.fromkeys(node.inputs):
        if value in graph.constants:
            weights += graph.constants[value].nbytes
        else:
            read += value.type.nbytes
    written = sum(value.type.nbytes for value in node.outputs)
    if len(body) == 1 and isinstance(body[0].op, Gather | Slice):
        # They read what they keep, not all of a table.
        source, *indices = node.inputs
        kept = min(written, source.type.nbytes)
        rest = sum(value.type.nbytes for value in indices)
        read, weights = (rest, kept) if source in graph.constants else (kept + rest, 0)
    return Cost(name, operators, node.macs, read, written, weights)


def costs(graph: Graph) -> tuple[Cost, ...]:
    """The cost of each node of `graph`, in execution order."""
    return tuple(node_cost(node, graph) for node in graph.nodes)


def total(parts: Iterable[Cost], name: str = "total") -> Cost:
    """The sum of several costs."""
    listed = tuple(parts)
    return Cost(
        name,
        tuple(operator for part in listed for operator in part.operators),
        sum(part.macs for part in listed),
        sum(part.bytes_read for part in listed),
        sum(part.bytes_written for part in listed),
        sum(part.weight_bytes for part in listed),
    )


# A core multiplies and adds this often in the time it takes to copy one f32 within its caches.
MACS_PER_COPY = 8


def joining_pays(rows: int, depth: int, widths: Sequence[int], lanes: int) -> bool:
    """Whether products [rows, depth] @ [depth, width] of one left side are faster as one product.

    Kernels compute whole vectors of `lanes` columns, so narrow products waste some. Joined they
    waste fewer, but the parts of the result have to be copied out.
    """
    apart = sum(-(-width // lanes) for width in widths)
    joined = -(-sum(widths) // lanes)
    macs_saved = rows * depth * (apart - joined) * lanes
    copied = 2 * rows * sum(widths)
    return macs_saved > MACS_PER_COPY * copied
