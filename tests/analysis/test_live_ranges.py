from graphopt.analysis.live_ranges import live_bytes, live_ranges
from graphopt.text import parse_graph

GRAPH = parse_graph(
    """graph g(%x: f32[4]) {
  %a: f32[4] = relu(%x)
  %b: f32[2,2] = reshape(%a) {shape = (2, 2)}
  %c: f32[4] = neg(%a)
  %d: f32[2,2] = exp(%b)
  return %c
}"""
)


def test_from_definition_to_last_use_and_outputs_to_the_end() -> None:
    found = [(r.values[0].name, r.first, r.last, r.nbytes) for r in live_ranges(GRAPH)]
    assert found == [("a", 0, 2, 16), ("b", 1, 3, 16), ("c", 2, 3, 16), ("d", 3, 3, 16)]
    assert live_bytes(GRAPH) == [16, 32, 48, 48]


def test_aliases_share_one_range() -> None:
    a, b = GRAPH.nodes[0].output, GRAPH.nodes[1].output
    found = live_ranges(GRAPH, {b: a})
    assert [tuple(v.name for v in r.values) for r in found] == [("a", "b"), ("c",), ("d",)]
    assert (found[0].first, found[0].last) == (0, 3)


def test_alias_of_an_input_takes_no_memory() -> None:
    x, a, b = GRAPH.inputs[0], GRAPH.nodes[0].output, GRAPH.nodes[1].output
    assert [r.values[0].name for r in live_ranges(GRAPH, {a: x, b: a})] == ["c", "d"]
