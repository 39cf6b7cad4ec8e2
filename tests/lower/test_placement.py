"""Addresses are right: a program run byte by byte over one arena gives what the graph means."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from graphopt import ops
from graphopt.interpreter import evaluate
from graphopt.ir import DType, Graph, Node, Op, TensorType, Value
from graphopt.lower.lowering import lower_program
from graphopt.ops import Fused
from graphopt.targets import load_target
from graphopt.testing import random_inputs
from graphopt.text import parse_graph
from graphopt.verify import verify

from .simulate import AnySchedule, simulate

F6 = TensorType(DType.F32, (6,))
F23 = TensorType(DType.F32, (2, 3))


def region(op: Op, *types: TensorType) -> Fused:
    inputs = tuple(Value(f"a{i}", type) for i, type in enumerate(types))
    outputs = tuple(Value(f"r{i}", type) for i, type in enumerate(op.infer(*types)))
    return Fused(Graph("r", inputs, (Node(op, inputs, outputs),), outputs))


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Adds and reshapes over few values, so that sharing, aliases and reuse are frequent."""
    inputs = (Value("x", F6), Value("y", F23))
    constant = Value("c", F6)
    values = [*inputs, constant]
    nodes: list[Node] = []
    for i in range(draw(st.integers(1, 12))):
        x = draw(st.sampled_from(values))
        if draw(st.booleans()):
            same = [v for v in values if v.type == x.type]
            arguments: tuple[Value, ...] = (x, draw(st.sampled_from(same)))
            op: Op = ops.Add()
        else:
            arguments, op = (x,), ops.Reshape((2, 3) if x.type == F6 else (6,))
        fused = region(op, *(v.type for v in arguments))
        result = Value(f"v{i}", fused.body.outputs[0].type)
        nodes.append(Node(fused, arguments, (result,)))
        values.append(result)
    outputs = tuple(draw(st.lists(st.sampled_from(values), min_size=1, max_size=4)))
    names = tuple(f"out{i}" for i in range(len(outputs)))
    array = np.arange(6, dtype=np.float32)
    return Graph("g", inputs, tuple(nodes), outputs, {constant: array}, names)


@settings(deadline=None)
@given(graphs(), st.sampled_from(["x86-64-avx2", "cortex-m7"]), st.sampled_from([None, -8, 0, 8]))
def test_simulated_program_equals_interpreter(
    graph: Graph, target: str, overlap: int | None
) -> None:
    program = lower_program(graph, load_target(target), [AnySchedule(overlap=overlap)])
    verify(program.graph)
    inputs = random_inputs(graph)
    found, expected = simulate(program, inputs), evaluate(graph, inputs)
    for name, want in expected.items():
        np.testing.assert_array_equal(found[name], want, err_msg=f"{name}\n{program}")
    assert program.arena_bytes >= program.arena_lower_bound


def test_reshapes_cost_nothing() -> None:
    graph = parse_graph(
        """
        graph g(%x: f32[6]) {
          %0: f32[2,3] = fused(%x)
            region r(%a: f32[6]) { %r: f32[2,3] = reshape(%a) {shape = (2, 3)} return %r }
          %1: f32[2,3] = fused(%0) region r(%a: f32[2,3]) { %r: f32[2,3] = relu(%a) return %r }
          %2: f32[6] = fused(%1)
            region r(%a: f32[2,3]) { %r: f32[6] = reshape(%a) {shape = (6,)} return %r }
          return %2
        }"""
    )
    program = lower_program(graph, load_target("x86-64-avx2"), [AnySchedule(scratch_bytes=0)])
    (call,) = program.calls
    assert list(map(str, call.arguments)) == ["input0+0", "output0+0"]
    assert program.arena_bytes == 0


def test_dying_input_is_written_over() -> None:
    nodes = "".join(
        f"%{i}: f32[6] = fused(%{i - 1 if i else 'x'}) "
        "region r(%a: f32[6]) { %r: f32[6] = relu(%a) return %r }\n"
        for i in range(4)
    )
    graph = parse_graph(f"graph g(%x: f32[6]) {{ {nodes} return %3 }}")
    program = lower_program(graph, load_target("x86-64-avx2"), [AnySchedule(scratch_bytes=0)])
    addresses = [tuple(map(str, call.arguments)) for call in program.calls]
    assert addresses == [
        ("input0+0", "arena+0"),
        ("arena+0", "arena+0"),
        ("arena+0", "arena+0"),
        ("arena+0", "output0+0"),
    ]
    assert program.arena_bytes == 64


def test_on_a_microcontroller_inputs_and_outputs_share_the_arena() -> None:
    relu = "region r(%a: i8[40]) { %r: i8[40] = relu(%a) return %r }"
    graph = parse_graph(f"graph g(%x: i8[40]) {{ %y: i8[40] = fused(%x) {relu} return %y }}")
    schedule = AnySchedule(scratch_bytes=8)
    program = lower_program(graph, load_target("cortex-m7"), [schedule])
    assert [str(a) for a in program.calls[0].arguments[:2]] == ["input0+0", "output0+0"]
    assert program.input_offsets == program.output_offsets
    assert program.arena_bytes == program.arena_lower_bound == 48


def test_a_microcontroller_finishes_a_branch_before_the_next() -> None:
    """Both wide values at once would take 2 * 64 bytes."""
    graph = parse_graph(
        """
        graph g(%x: f32[2]) {
          %a: f32[16] = fused(%x)
            region r(%a: f32[2]) { %r: f32[16] = tile(%a) {repeats = (8,)} return %r }
          %b: f32[16] = fused(%x)
            region r(%a: f32[2]) { %r: f32[16] = tile(%a) {repeats = (8,)} return %r }
          %c: f32[] = fused(%a)
            region r(%a: f32[16]) {
              %r: f32[] = reduce(%a) {kind = 'sum', axes = (0,)} return %r }
          %d: f32[] = fused(%b)
            region r(%a: f32[16]) {
              %r: f32[] = reduce(%a) {kind = 'sum', axes = (0,)} return %r }
          return %c, %d
        }"""
    )
    program = lower_program(graph, load_target("cortex-m4"), [AnySchedule(scratch_bytes=0)])
    assert [node.output.name for node in program.graph.nodes] == ["a", "c", "b", "d"]
    assert program.arena_bytes == program.arena_lower_bound < 2 * 64


def test_equal_constants_are_stored_once() -> None:
    add = "region r(%a: f32[6], %b: f32[6]) { %r: f32[6] = add(%a, %b) return %r }"
    graph = parse_graph(
        f"""
        graph g(%x: f32[6]) {{
          %c: f32[6] = constant([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
          %d: f32[6] = constant([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
          %0: f32[6] = fused(%x, %c) {add}
          %1: f32[6] = fused(%0, %d) {add}
          return %1
        }}"""
    )
    program = lower_program(graph, load_target("x86-64-avx2"), [AnySchedule()])
    assert program.weights.nbytes == 64


def test_nothing_runs_for_tensors_without_elements() -> None:
    graph = parse_graph(
        """
        graph g(%x: f32[0,3]) {
          %0: f32[0,3] = fused(%x) region r(%a: f32[0,3]) { %r: f32[0,3] = relu(%a) return %r }
          return %0
        }"""
    )
    program = lower_program(graph, load_target("x86-64-avx2"), [AnySchedule()])
    assert program.steps == ()
