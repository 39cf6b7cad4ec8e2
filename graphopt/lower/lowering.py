"""Fused graph -> Program: choose a schedule per region, pack the weights, assign memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from graphopt.errors import UnsupportedOperator
from graphopt.ir import DType, Graph, Node, Value
from graphopt.lower.choice import Choice, Refused, call_of, choose, unsupported
from graphopt.lower.constants import Constants, Plan, arrays_of
from graphopt.lower.kernel import Schedule
from graphopt.lower.loops import rolled
from graphopt.lower.mcu.budget import check_sram
from graphopt.lower.memory import MemoryUse
from graphopt.lower.parts import shared
from graphopt.lower.placement import Placement, constant_roots, is_alias, place
from graphopt.lower.program import Program
from graphopt.lower.regions.plan import RegionPlan, plan_region
from graphopt.lower.regions.steps import Surroundings, region_steps
from graphopt.lower.steps import (
    Address,
    Call,
    Point,
    Section,
    Step,
    call_sites,
    parts_of,
    unrolled,
    walk,
)
from graphopt.lower.streams import Streams, find_streams
from graphopt.lower.weights import Weights
from graphopt.ops import Fused, Patched
from graphopt.schedules import schedules_for
from graphopt.solver.memory import Placed
from graphopt.targets import McuTarget, Target


def lower_program(
    graph: Graph,
    target: Target,
    schedules: Sequence[Schedule[Any]] | None = None,
    exchangeable: Collection[Value] = (),
) -> Program:
    """Decide everything about how a fused graph runs on `target`, short of machine code.

    Args:
        graph: every node a `Fused` or `Patched` region, all shapes known; nodes run in the
            order they stand.
        schedules: who may take a region, in order of preference; default: those of the target.
        exchangeable: constants that will be written over: each gets a place of its own, which
            `Program.places` names.

    Raises:
        UnsupportedOperator: no schedule takes some regions; names all of them, and says why.
        PlanError: a patched region cannot be executed as it says.
    """
    if schedules is None:
        schedules = schedules_for(target)
    _refuse_strings(graph)
    aliased = [node for node in graph.nodes if is_alias(node)]
    roots = constant_roots(graph, aliased)
    streams = find_streams(graph, target, {node.output: node.inputs[0] for node in aliased})
    plans = plan_nodes(graph, target, roots, schedules)
    weights = Weights(arrays_of(graph, plans), exchangeable, target.alignment)
    constants = Constants(graph, plans, roots, weights)
    placement = place(graph, memory_uses(plans), constants.unpacked, target, streams)
    steps: list[Step] = []
    starts: list[int] = []  # by node that runs, the number of call sites before it
    for node in (node for node in placement.order if node in plans):
        starts.append(sum(1 for _ in call_sites(steps)))
        plan = plans[node]
        if isinstance(plan, Choice):
            steps.append(_call(node, plan, constants, placement))
        else:
            around = _surroundings(node, plan, constants, placement, streams, steps)
            steps += _region(plan, around, target, steps)
    program = Program(
        graph.with_nodes(placement.order),
        target,
        (*steps, *placement.moves),
        weights.join(),
        placement.arena_bytes,
        placement.arena_lower_bound,
        weights.places,
        tuple(weights.chunks),
        _by_site(placement.buffers, [*starts, sum(1 for _ in call_sites(steps))]),
        placement.input_offsets,
        placement.output_offsets,
        streams.inputs,
        streams.outputs,
    )
    check_sram(program)
    return program


def memory_uses(plans: Mapping[Node, Plan]) -> dict[Node, MemoryUse]:
    """What the memory planner has to know of each node that runs."""
    return {n: p.kernel.plan if isinstance(p, Choice) else p for n, p in plans.items()}


def plan_nodes(
    graph: Graph,
    target: Target,
    constants: Collection[Value],
    schedules: Sequence[Schedule[Any]],
) -> dict[Node, Plan]:
    """How each node runs; those that only rename, or that compute nothing, do not.

    Args:
        constants: values whose arrays are known.

    Raises:
        UnsupportedOperator: no schedule takes some of them.
        PlanError: a patched region cannot be executed as it says.
    """
    plans: dict[Node, Plan] = {}
    refused: list[Refused] = []
    for node in graph.nodes:
        if is_alias(node) or all(v.type.elements == 0 for v in node.outputs):
            continue
        if isinstance(node.op, Patched):
            region = plan_region(node, target, constants, schedules)
            if isinstance(region, RegionPlan):
                plans[node] = region
            else:
                refused += region
            continue
        assert isinstance(node.op, Fused)
        known = frozenset(i for i, v in enumerate(node.inputs) if v in constants)
        found = choose(node.op.body, target, known, schedules)
        if isinstance(found, Choice):
            plans[node] = found
        else:
            refused.append(Refused(node, node.op.body, found))
    if refused:
        raise unsupported(graph, target, refused)
    return plans


def _surroundings(
    node: Node,
    plan: RegionPlan,
    constants: Constants,
    placement: Placement,
    streams: Streams,
    before: Sequence[Step],
) -> Surroundings:
    """What a region finds around it; `before` are the steps that run before it."""
    op = plan.op
    ports = {op.body.inputs[i]: streams.numbers[node.inputs[i]] for i in op.streamed_inputs}
    ports |= {op.body.outputs[i]: streams.numbers[node.outputs[i]] for i in op.streamed_outputs}
    addresses = {
        inner: placement.addresses[value]
        for inner, value in plan.outer.items()
        if inner not in plan.constants
    }
    addresses |= {value: constants.held(plan, value) for value in plan.whole_constants}
    return Surroundings(
        addresses,
        lambda inner, choice, index: constants.address(node, inner, choice, index),
        placement.scratch.get(node, Address("arena", 0, 0)),
        ports,
        sum(isinstance(step, Point) for step, _ in walk(before)),
    )


def _region(
    plan: RegionPlan, around: Surroundings, target: Target, before: Sequence[Step]
) -> tuple[Step, ...]:
    """What a region does: on microcontrollers in as little code as is found, else step by step."""
    steps = region_steps(plan, around)
    if not isinstance(target, McuTarget):
        return tuple(unrolled(steps))
    body = shared(rolled(steps), first=len(parts_of(before)))
    return (Section(plan.op.body.name, body),)


def _call(node: Node, choice: Choice, constants: Constants, placement: Placement) -> Call:
    arguments = [
        constants.address(node, node, choice, i)
        if i in choice.constants
        else placement.addresses[value]
        for i, value in enumerate(node.inputs)
    ]
    arguments += [placement.addresses[value] for value in node.outputs]
    if node in placement.scratch:
        arguments.append(placement.scratch[node])
    return call_of(choice, tuple(arguments), node, node.macs)


def _by_site(buffers: Sequence[Placed], starts: Sequence[int]) -> tuple[Placed, ...]:
    """Buffers live from one call site to another, given those live from one node to another.

    Args:
        starts: by node, and at the end of all, how many call sites come before.
    """
    return tuple(
        replace(each, first=starts[each.first], last=max(starts[each.last + 1] - 1, 0))
        if len(starts) > 1
        else each
        for each in buffers
    )


def _refuse_strings(graph: Graph) -> None:
    for value in graph.values():
        if value.type.dtype is DType.STR:
            raise UnsupportedOperator(
                f"%{value.name}", "element type: expected numbers, found strings"
            )
