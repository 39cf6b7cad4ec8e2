"""Plans of regions on graphs: what becomes one node, and what does not."""

from __future__ import annotations

import numpy as np
import pytest

from graphopt.errors import PlanError
from graphopt.ir import DType, Graph, Value
from graphopt.ops import Cast, Clip, Conv, Fused, Patched, Reduce, Reshape
from graphopt.passes.patch_regions import PatchRegions
from graphopt.patching.execute import execute
from graphopt.patching.plan import NodePlan, PatchPlan, RegionPlan
from graphopt.testing import check_same_meaning
from graphopt.text import parse_graph, print_graph
from graphopt.verify import verify_phase

from ..patching.regions import GraphBuilder, Step

CONV = Conv((1, 1), (1, 1, 1, 1), (1, 1), 1, "NHWC")


def chain(length: int = 4) -> tuple[GraphBuilder, list[Value]]:
    """Convolutions t0, t1, ... on a map of 6 x 5."""
    build = GraphBuilder(np.random.default_rng(0))
    values = [build.input(1, 6, 5, 2)]
    for _ in range(length):
        values.append(build.conv(values[-1], 2, (3, 3), CONV))
    return build, values


def region(*names: str, **options: tuple[str, ...]) -> PatchPlan:
    nodes = {name: NodePlan(1, True) for name in names}
    return PatchPlan((RegionPlan(nodes, (1, 5), **options),))


def patched(graph: Graph, plan: PatchPlan) -> Graph:
    result = PatchRegions(plan).run(graph)
    verify_phase(result, "placed")
    check_same_meaning(graph, result)
    assert PatchRegions(plan).run(result) is result
    return result


def test_nodes_become_one_that_runs_in_tiles() -> None:
    build, values = chain()
    graph = build.graph(values[-1])
    result = patched(graph, region("t1", "t2"))
    assert [type(node.op) for node in result.nodes] == [Fused, Patched, Fused]
    _, node, _ = result.nodes
    assert isinstance(node.op, Patched)
    assert node.inputs[0] is values[1]
    assert set(node.inputs[1:]) <= set(graph.constants)
    assert node.outputs == (values[3],)
    assert (node.op.tile, node.op.rows, node.op.keep) == ((1, 5), (1, 1), (True, True))
    arrays = [np.ones(v.type.dims, v.type.dtype.numpy) for v in node.inputs]
    np.testing.assert_array_equal(execute(node.op, *arrays)[0], node.op.evaluate(*arrays)[0])


def test_a_plan_without_regions_changes_nothing() -> None:
    build, values = chain()
    graph = build.graph(values[-1])
    assert PatchRegions().run(graph) is graph


def test_values_read_outside_are_outputs() -> None:
    build, values = chain(3)
    total = build.sum(values[1], values[3])
    result = patched(build.graph(total), region("t0", "t1"))
    assert result.nodes[0].outputs == (values[1], values[2])


def test_what_needs_the_region_runs_behind_it() -> None:
    build, (x, first, second) = chain(2)
    other = build.conv(first, 2, (3, 3), CONV)
    third = build.conv(second, 2, (3, 3), CONV)
    graph = build.graph(build.sum(other, third))
    result = patched(graph, region("t0", "t1", "t3"))
    assert [node.outputs[0].name for node in result.nodes[:2]] == ["t0", "t2"]
    assert x in result.nodes[0].inputs


def test_two_regions() -> None:
    build, values = chain(4)
    plan = PatchPlan((*region("t2", "t3").regions, *region("t0", "t1").regions))
    result = patched(build.graph(values[-1]), plan)
    assert [type(node.op) for node in result.nodes] == [Patched, Patched]


def test_regions_that_share_a_node() -> None:
    build, values = chain(4)
    plan = PatchPlan((*region("t0", "t1").regions, *region("t1", "t2").regions))
    with pytest.raises(PlanError, match="region 1: nodes: expected outputs .* found %t1"):
        PatchRegions(plan).run(build.graph(values[-1]))


def test_a_name_that_the_graph_lacks() -> None:
    build, values = chain()
    with pytest.raises(PlanError, match="region 0: nodes: expected values of graph g, found %x9"):
        PatchRegions(region("t0", "x9")).run(build.graph(values[-1]))


def test_an_input_is_no_node() -> None:
    build, values = chain()
    with pytest.raises(PlanError, match="nodes: expected outputs of kernels .* found %in0"):
        PatchRegions(region("in0", "t0")).run(build.graph(values[-1]))


def test_nodes_with_one_between_them_that_is_not_in_the_region() -> None:
    build, values = chain()
    with pytest.raises(PlanError, match=r"needs the region and is needed in it, found .*%t1"):
        PatchRegions(region("t0", "t2")).run(build.graph(values[-1]))


def pooled(build: GraphBuilder, x: Value) -> Value:
    """A convolution, and the mean of its map, halved."""
    steps: list[Step] = [(Cast(DType.I32), ()), (Reduce("sum", (1, 2), True), ())]
    return build.kernel([*steps, (Clip(-100, 100), ())], build.conv(x, 2, (3, 3), CONV))


def test_the_reduction_of_a_map_is_taken_in() -> None:
    build = GraphBuilder(np.random.default_rng(0))
    graph = build.graph(pooled(build, build.input(1, 6, 5, 2)))
    result = patched(graph, region("t0", "t1 (sum)"))
    assert [type(node.op) for node in result.nodes] == [Patched, Fused]
    assert result.nodes[0].output.type.dims == (1, 1, 1, 2)


def test_a_reduction_that_no_region_takes_in_stays_in_its_kernel() -> None:
    build = GraphBuilder(np.random.default_rng(0))
    graph = build.graph(pooled(build, build.input(1, 6, 5, 2)))
    assert len(patched(graph, region("t0")).nodes) == 2


def test_nothing_in_a_region_reads_a_reduction() -> None:
    build = GraphBuilder(np.random.default_rng(0))
    x = build.input(1, 6, 5, 2)
    mean = build.kernel([(Cast(DType.I32), ()), (Reduce("sum", (1, 2), True), ())], x)
    graph = build.graph(build.kernel([(Clip(-100, 100), ())], mean))
    with pytest.raises(PlanError, match="%t1.*found that it needs it whole"):
        PatchRegions(region("t0", "t1")).run(graph)


def test_a_node_that_needs_the_whole_map() -> None:
    build = GraphBuilder(np.random.default_rng(0))
    x = build.input(1, 6, 5, 2)
    y = build.kernel([(Reshape((1, 30, 2)), ())], x)
    with pytest.raises(PlanError, match="%t0.*expected an operator that runs by rows"):
        PatchRegions(region("t0")).run(build.graph(y))


def test_a_streamed_input_that_is_read_whole() -> None:
    build = GraphBuilder(np.random.default_rng(0))
    x = build.input(1, 6, 5, 2)
    y = build.conv(x, 2, (3, 3), CONV)
    plan = region("t0", streamed_inputs=("in0",))
    with pytest.raises(PlanError, match="streamed_inputs: expected %in0 to be read in the region"):
        PatchRegions(plan).run(build.graph(build.sum(x, y)))


def test_a_streamed_input_that_is_no_input() -> None:
    build, values = chain()
    plan = region("t1", streamed_inputs=("t0",))
    with pytest.raises(PlanError, match="expected inputs of the model, found %t0"):
        PatchRegions(plan).run(build.graph(values[-1]))


def test_a_streamed_output_that_is_read_again() -> None:
    build, values = chain(2)
    plan = region("t0", streamed_outputs=("t0",))
    with pytest.raises(PlanError, match="expected %t0 to be read in the region only"):
        PatchRegions(plan).run(build.graph(values[1], values[2]))


def test_a_streamed_output_that_is_none() -> None:
    build, values = chain(2)
    plan = region("t0", streamed_outputs=("t0",))
    with pytest.raises(PlanError, match="expected outputs of the model, found %t0"):
        PatchRegions(plan).run(build.graph(values[2]))


@pytest.mark.parametrize(
    ("tile", "rows", "message"),
    [
        ((7, 5), 1, "tile: expected at most 6 rows of %t1, found 7"),
        ((6, 6), 1, "tile: expected at most 5 columns of %t1, found 6"),
        ((6, 5), 7, "%t0.*rows: expected at most 6 at a time, found 7"),
    ],
)
def test_sizes_that_do_not_fit(tile: tuple[int, int], rows: int, message: str) -> None:
    build, values = chain(2)
    nodes = {"t0": NodePlan(rows, True), "t1": NodePlan(1, True)}
    with pytest.raises(PlanError, match=message):
        PatchRegions(PatchPlan((RegionPlan(nodes, tile),))).run(build.graph(values[-1]))


def test_a_graph_of_text_is_patched_too() -> None:
    graph = parse_graph(
        """
        graph g(%x: f32[1,4,4,2]) {
          %y: f32[1,4,4,2] = fused(%x) region relu(%x0: f32[1,4,4,2]) {
            %v0: f32[1,4,4,2] = relu(%x0)
            return %v0
          }
          return %y
        }"""
    )
    plan = PatchPlan((RegionPlan({"y": NodePlan(2, True)}, (2, 2)),))
    result = patched(graph, plan)
    assert print_graph(parse_graph(print_graph(result))) == print_graph(result)
