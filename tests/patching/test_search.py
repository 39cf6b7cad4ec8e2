"""Searched plans: within the limits, the best there is, and the same results."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphopt
from graphopt.errors import BudgetError, OptionError, PlanError
from graphopt.ir import DType, Graph
from graphopt.lower.arena import arena_bytes
from graphopt.ops import Cast, Conv, Patched, Reshape
from graphopt.patching.candidates import grids, lines, mixed, strips
from graphopt.patching.estimate import Estimate
from graphopt.patching.limits import Limits
from graphopt.patching.plan import PatchPlan
from graphopt.patching.regions import apply_plan
from graphopt.patching.search import Search, search_plan
from graphopt.targets import load_target
from graphopt.testing import check_same_meaning

from .regions import GraphBuilder

TARGET = load_target("cortex-m7", 1)
Draw = st.DrawFn


def convolution(kernel: int, stride: int, groups: int = 1) -> Conv:
    before, after = (kernel - 1) // 2, kernel // 2
    pads = (before, before, after, after)
    return Conv((stride, stride), pads, (1, 1), groups, "NHWC")


@st.composite
def chains(draw: Draw, most: int = 6) -> Graph:
    """Convolutions one after the other, as in mobile networks."""
    build = GraphBuilder(np.random.default_rng(0))
    size = draw(st.integers(6, 20))
    x = build.input(1, size, size, draw(st.sampled_from([1, 4, 8])))
    for _ in range(draw(st.integers(1, most))):
        channels = x.type.dims[3]
        kernel = draw(st.sampled_from([1, 1, 3, 5]))
        stride = draw(st.sampled_from([1, 1, 2])) if min(x.type.dims[1:3]) > 3 else 1
        if draw(st.booleans()) and channels > 1:
            out, op = channels, convolution(kernel, stride, channels)
        else:
            out, op = draw(st.sampled_from([4, 8, 24])), convolution(kernel, stride)
        x = build.conv(x, out, (kernel, kernel), op)
    return build.graph(x)


def bottlenecks(blocks: int = 2) -> Graph:
    """Inverted residuals on a map of 12 x 12, then a dense head."""
    build = GraphBuilder(np.random.default_rng(0))
    x = build.conv(build.input(1, 24, 24, 3), 8, (3, 3), convolution(3, 2))
    for _ in range(blocks):
        wide = build.conv(x, 32, (1, 1), convolution(1, 1))
        deep = build.conv(wide, 32, (3, 3), convolution(3, 1, 32))
        narrow = build.conv(deep, 8, (1, 1), convolution(1, 1))
        x = build.sum(narrow, x)
    return build.graph(build.conv(x, 4, (3, 3), convolution(3, 2)))


def everything(search: Search) -> list[Estimate]:
    """All ranges of nodes in all forms, none left out."""
    found: list[Estimate] = []
    for end in range(1, len(search.split.nodes) + 1):
        whole = search.estimator.whole(end - 1)
        found += [] if whole is None else [whole]
        if search.estimator.starts[end - 1] >= end:
            continue
        for forms in (lines, strips, grids, mixed):
            for form in forms(search.estimator, end):
                found += search.estimator.regions(end, form)
    return found


def paths(edges: list[Estimate], nodes: int, at: int = 0) -> Iterator[tuple[int, float]]:
    """Memory and work of all ways to run the nodes from `at` on."""
    if at == nodes:
        yield 0, 0.0
        return
    rest = {edge.end: () for edge in edges if edge.first == at}
    for end in rest:
        tails = set(paths(edges, nodes, end))
        for edge in edges:
            if (edge.first, edge.end) == (at, end):
                yield from ((max(edge.memory, m), edge.work + w) for m, w in tails)


@settings(max_examples=20, deadline=None)
@given(chains())
def test_the_front_of_a_chain_is_that_of_all_plans(graph: Graph) -> None:
    search = Search(graph, TARGET)
    points = set(paths(everything(search), len(search.split.nodes)))
    best: list[tuple[int, float]] = []
    for memory, work in sorted(points):
        if not best or work < best[-1][1] - 1e-6:
            best.append((memory, work))
    found = sorted(search.estimated_front())
    assert [memory for memory, _ in found] == [memory for memory, _ in best]
    for (_, work), (_, expected) in zip(found, best, strict=True):
        assert work == pytest.approx(expected)


@settings(max_examples=10, deadline=None)
@given(chains(), st.floats(0, 1), st.booleans())
def test_plans_keep_their_limits_and_the_meaning(graph: Graph, share: float, stream: bool) -> None:
    least = search_plan(graph, TARGET, stream_input=stream)
    plain = arena_bytes(graph, TARGET)
    most = max(least.arena, int(least.arena + share * (plain - least.arena)))
    found = search_plan(graph, TARGET, Limits(sram=most), stream_input=stream)
    assert found.arena <= most
    # What fits without regions has none, also where a region would leave rows out.
    assert found.work <= max(least.work, 1.0 if found.plan == PatchPlan() else 0.0) + 1e-9
    patched = apply_plan(graph, found.plan)
    assert arena_bytes(patched, TARGET) == found.arena
    check_same_meaning(graph, patched)
    streamed = [n for n in patched.nodes if isinstance(n.op, Patched) and n.op.streamed_inputs]
    assert len(streamed) == stream


def test_nothing_is_patched_that_fits() -> None:
    graph = bottlenecks()
    plain = arena_bytes(graph, TARGET)
    assert search_plan(graph, TARGET, Limits(sram=plain)).plan == PatchPlan()
    assert search_plan(graph, TARGET, Limits(sram=plain - 4)).plan.regions


def test_less_memory_takes_more_work() -> None:
    search = Search(bottlenecks(), TARGET)
    front = list(search.pareto())
    assert len(front) > 2
    for one, other in pairwise(front):
        assert one.work < other.work
    assert front[-1].arena < front[0].arena / 2


def test_without_work_twice() -> None:
    found = search_plan(bottlenecks(), TARGET, Limits(macs=1.0))
    assert found.macs == 1.0
    free = search_plan(bottlenecks(), TARGET)
    assert free.arena <= found.arena
    limited = search_plan(bottlenecks(), TARGET, Limits(work=1.1))
    assert limited.work <= 1.1


def test_a_limit_below_what_any_plan_reaches() -> None:
    graph = bottlenecks()
    least = search_plan(graph, TARGET).arena
    with pytest.raises(BudgetError, match=rf"the least any plan reaches is {least}") as error:
        search_plan(graph, TARGET, Limits(sram=least - 4))
    assert error.value.smallest == {"sram": least}
    assert "bytes: %" in error.value.hint


def test_limits_that_exclude_each_other() -> None:
    with pytest.raises(BudgetError, match="expected a plan within"):
        search_plan(bottlenecks(), TARGET, Limits(work=0.5))


def flattened() -> Graph:
    build = GraphBuilder(np.random.default_rng(0))
    x = build.input(1, 6, 5, 2)
    wide = build.kernel([(Reshape((1, 60)), ())], x)
    return build.graph(build.kernel([(Cast(DType.I32), ())], wide))


def test_a_graph_with_nothing_to_patch() -> None:
    graph = flattened()
    least = arena_bytes(graph, TARGET)
    with pytest.raises(PlanError, match="expected operators that run by rows, found none; .*%t0"):
        search_plan(graph, TARGET, Limits(sram=least - 4))


def test_an_input_that_is_needed_whole_is_not_streamed() -> None:
    with pytest.raises(
        PlanError, match="expected one that is read by rows, found none; %in0: .*t0"
    ):
        search_plan(flattened(), TARGET, stream_input=True)


def test_limits_are_for_microcontrollers() -> None:
    with pytest.raises(OptionError, match="expected a microcontroller, found x86"):
        search_plan(bottlenecks(), load_target("x86-64-avx2", 1), Limits(sram=1))


def test_compile_searches_for_a_plan() -> None:
    graph = bottlenecks()
    program = graphopt.compile(
        graph, "cortex-m7", limits=Limits(macs=1.0), stream_input=True, stop_after="placed"
    )
    least = search_plan(graph, TARGET, Limits(macs=1.0), stream_input=True)
    assert program.arena_bytes == least.arena


def test_compile_takes_limits_or_a_plan() -> None:
    with pytest.raises(OptionError, match="no limits or streams beside a plan"):
        graphopt.compile(
            bottlenecks(),
            "cortex-m7",
            patch_plan=PatchPlan(),
            limits=Limits(sram=1),
            stop_after="placed",
        )
