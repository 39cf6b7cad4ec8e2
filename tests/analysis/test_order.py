"""The memory-aware order: valid, and never worse than the order given."""

from itertools import permutations

from hypothesis import given, settings
from hypothesis import strategies as st

from graphopt.analysis.order import live_peak, memory_order
from graphopt.ir import DType, Graph, Node, TensorType, Value
from graphopt.ops import Concat
from graphopt.text import parse_graph
from graphopt.verify import verify


def graph_of(inputs_of: list[list[int]]) -> Graph:
    """Node i concatenates the values numbered in `inputs_of[i]`; value 0 is the graph's input."""
    values = [Value("x", TensorType(DType.F32, (1,)))]
    nodes = []
    for number, picks in enumerate(inputs_of):
        inputs = tuple(values[pick] for pick in picks)
        op = Concat(0)
        output = Value(f"n{number}", op.infer(*(v.type for v in inputs))[0])
        nodes.append(Node(op, inputs, (output,)))
        values.append(output)
    return Graph("g", (values[0],), tuple(nodes), (values[-1],))


@st.composite
def concat_graphs(draw: st.DrawFn, largest: int) -> Graph:
    count = draw(st.integers(1, largest))
    return graph_of(
        [draw(st.lists(st.integers(0, i), min_size=1, max_size=2)) for i in range(count)]
    )


@settings(max_examples=150, deadline=None)
@given(concat_graphs(largest=12))
def test_the_order_is_valid_and_no_worse(graph: Graph) -> None:
    order = memory_order(graph)
    assert set(order) == set(graph.nodes) and len(order) == len(graph.nodes)
    verify(graph.with_nodes(order))
    assert live_peak(graph, order) <= live_peak(graph, graph.nodes)


@settings(max_examples=40, deadline=None)
@given(concat_graphs(largest=5))
def test_the_peak_is_bounded_by_the_best_order(graph: Graph) -> None:
    def runs(order: tuple[Node, ...]) -> bool:
        seen = set(graph.inputs)
        for node in order:
            if not seen.issuperset(node.inputs):
                return False
            seen.update(node.outputs)
        return True

    best = min(live_peak(graph, order) for order in permutations(graph.nodes) if runs(order))
    assert best <= live_peak(graph, memory_order(graph))


def test_a_branch_is_finished_before_the_next_one_starts() -> None:
    graph = parse_graph("""
        graph g(%x: f32[1,8]) {
          %a: f32[64,8] = expand(%x) {shape = (64, 8)}
          %b: f32[64,8] = expand(%x) {shape = (64, 8)}
          %c: f32[8] = reduce(%a) {kind = 'sum', axes = (0,)}
          %d: f32[8] = reduce(%b) {kind = 'sum', axes = (0,)}
          %y: f32[8] = add(%c, %d)
          return %y
        }""")
    order = memory_order(graph)
    assert [node.output.name for node in order] == ["a", "c", "b", "d", "y"]
    assert live_peak(graph, graph.nodes) - live_peak(graph, order) == (64 - 1) * 8 * 4


def test_the_peak_of_a_chain_is_its_largest_pair() -> None:
    graph = parse_graph("""
        graph g(%x: f32[4]) {
          %a: f32[16] = tile(%x) {repeats = (4,)}
          %b: f32[] = reduce(%a) {kind = 'sum', axes = (0,)}
          return %b
        }""")
    assert live_peak(graph, graph.nodes) == (16 + 1) * 4
