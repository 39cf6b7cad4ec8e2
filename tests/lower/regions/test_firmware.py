"""Patched regions as firmware: the bytes of the interpreter, in the memory that was planned."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from graphopt.api import Compilation
from graphopt.errors import PlanError
from graphopt.interpreter import evaluate
from graphopt.ir import Graph, Node, Value
from graphopt.lower.lowering import lower_program
from graphopt.lower.steps import Loop, Section
from graphopt.ops import Conv, Patched
from graphopt.runtime.firmware import Firmware
from graphopt.targets import load_target
from graphopt.targets.target import Form
from graphopt.testing import random_inputs
from tests.lower.mcu.host import STRICT, host_compiler, run_on_host
from tests.patching.regions import GraphBuilder, patched
from tests.targets.mcu.cores import mcu

SOME = settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large),
    phases=(Phase.explicit, Phase.generate),
)
MANY = settings(SOME, max_examples=60, derandomize=False, print_blob=True)
CORES = ("cortex-m7", "cortex-m0plus", "cortex-m55", "rv32imc")


def built(graph: Graph, core: str, form: Form = "library") -> Firmware:
    compilation = Compilation(core, form=form)
    firmware = compilation.built(compilation.lowered(graph))
    assert isinstance(firmware, Firmware)
    return firmware


def run_on_emulator(graph: Graph, core: str) -> None:
    mcu(core)
    firmware = built(graph, core)
    inputs = random_inputs(graph)
    for in_arena in (True, False):
        found = firmware.run(inputs, in_arena=in_arena)
        for name, expected in evaluate(graph, inputs).items():
            np.testing.assert_array_equal(found[name], expected)
    bench = firmware.bench(inputs)
    assert bench.arena.agree
    executed = sum(call.call.times for call in bench.calls)
    assert executed == len(list(firmware.manifest.executed))


@SOME
@given(patched(4))
def test_random_regions(graph: Graph) -> None:
    run_on_emulator(graph, "cortex-m7")


@pytest.mark.slow
@MANY
@given(patched(), st.sampled_from(CORES))
def test_many_random_regions(graph: Graph, core: str) -> None:
    run_on_emulator(graph, core)


@SOME
@given(patched(4), st.sampled_from(CORES))
def test_random_regions_in_c(
    tmp_path_factory: pytest.TempPathFactory, graph: Graph, core: str
) -> None:
    firmware = built(graph, core, "source")
    inputs = random_inputs(graph)
    (found,) = run_on_host(firmware, [inputs], "gcc", tmp_path_factory.mktemp("region"))
    for name, expected in evaluate(graph, inputs).items():
        np.testing.assert_array_equal(found[name], expected)


def two_layers() -> Graph:
    """3 x 3 convolutions, row by row; the second one skips every other row."""
    build = GraphBuilder(np.random.default_rng(0))
    x = build.input(1, 48, 12, 4)
    for strides in ((1, 1), (2, 2)):
        op = Conv(strides, (1, 1, 1, 1), (1, 1), 1, "NHWC")
        x = build.conv(x, 8, (3, 3), op)
    graph = build.graph(x)
    body = Graph("rows", (*graph.inputs, *graph.constants), graph.nodes, (x,))
    region = Patched(body, (1, 6), (1, 1), (True, True), (0,), (0,))
    output = Value("out", x.type)
    node = Node(region, body.inputs, (output,))
    return Graph("g", graph.inputs, (node,), (output,), graph.constants)


def test_firings_of_rows_are_loops() -> None:
    graph = two_layers()
    program = lower_program(graph, load_target("cortex-m7"))
    (region,) = program.steps
    assert isinstance(region, Section)
    loops = [step for step in region.body if isinstance(step, Loop)]
    assert max(loop.count for loop in loops) >= 20
    assert sum(times for _, times in program.sites) == 48 + 24
    assert len(program.sites) <= 12
    assert program.arena_bytes < sum(v.type.nbytes for v in graph.inputs)


def test_callbacks_end_a_run(tmp_path: Path) -> None:
    built(two_layers(), "cortex-m7", "source").save(tmp_path)
    (tmp_path / "try.c").write_text(
        """
        #include "model.h"
        #include <string.h>
        static uint8_t arena[MODEL_ARENA_BYTES] __attribute__((aligned(MODEL_ALIGNMENT)));
        static int next_rows(void *ctx, int8_t *rows, int first, int count) {
            memset(rows, 0, (size_t)count * MODEL_INPUT_ROW_BYTES);
            return first + count > *(int *)ctx ? 7 : 0;
        }
        static int put_rows(void *ctx, const int8_t *rows, int first, int count) {
            (void)rows, (void)first;
            *(int *)ctx += count;
            return 0;
        }
        int main(void) {
            int most = MODEL_INPUT_ROWS, sent = 0;
            if (model_run(next_rows, &most, put_rows, &sent, arena) != 0) return 1;
            if (sent != MODEL_OUTPUT_ROWS) return 2;
            most = 9, sent = 0;
            if (model_run(next_rows, &most, put_rows, &sent, arena) != 7) return 3;
            if (sent >= MODEL_OUTPUT_ROWS) return 4;
            if (model_run(NULL, &most, put_rows, &sent, arena) != MODEL_ERROR_NULL) return 5;
            return model_run(next_rows, &most, put_rows, &sent, arena + 2) != MODEL_ERROR_ALIGNMENT;
        }"""
    )
    sources = [path for path in tmp_path.glob("*.[cS]") if path.name != "main.c"]
    gcc: list[str | Path] = [host_compiler("gcc"), *STRICT]
    subprocess.run([*gcc, *sources, "-o", tmp_path / "try"], check=True)
    assert subprocess.run([tmp_path / "try"], check=False).returncode == 0
    main = [*gcc, "-c", tmp_path / "main.c", "-o", tmp_path / "main.o"]
    subprocess.run(main, check=True)


def test_streams_that_cannot_be() -> None:
    with pytest.raises(PlanError, match="streams: expected none on x86-64-avx2"):
        lower_program(two_layers(), load_target("x86-64-avx2"))
    graph = two_layers()
    both = replace(graph, outputs=(*graph.outputs, graph.inputs[0]), output_names=("a", "b"))
    with pytest.raises(PlanError, match="streamed input: expected an input of g that this region"):
        lower_program(both, load_target("cortex-m7"))
    both = replace(graph, outputs=graph.outputs * 2, output_names=("a", "b"))
    with pytest.raises(PlanError, match="streamed output: expected one output of g"):
        lower_program(both, load_target("cortex-m7"))
