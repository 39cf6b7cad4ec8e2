"""Every operator of the CPU on microcontrollers: the interpreter's results, nothing from libc."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from graphopt import ops
from graphopt.errors import TypeRuleError
from graphopt.ir import DType, Graph, Node, Op, TensorType, Value
from graphopt.lower.codegen import compile_kernel
from graphopt.lower.floats import FLOAT as FLOATS
from graphopt.lower.integers import INTEGER as INTEGERS
from graphopt.lower.kernel import KernelPlan
from graphopt.lower.mcu.elf import read_object
from graphopt.lower.testing import Region
from graphopt.ops.elementwise import Elementwise
from graphopt.rewrite import Reject
from graphopt.schedules.mcu.generic import Generic
from graphopt.targets.mcu.testing import check_mcu_schedule

from ...lower.te.test_operators import FLOAT, MOVEMENT, NUMERIC, inputs_of, parse, typed
from ...targets.mcu.cores import CORES, mcu

TABLES = {
    "moved f32": (MOVEMENT, "f32"),
    "moved i8": (MOVEMENT, "i8"),
    "numeric f32": (NUMERIC, "f32"),
    "numeric i32": (NUMERIC, "i32"),
    "numeric i64": (NUMERIC, "i64"),
    "float f32": (FLOAT, "f32"),
}
OFTEN = ("cortex-m0plus", "cortex-m7")
# Kernels may call the library that belongs to the compiler, whose names start like this.
COMPILERS, COPYING = "__", ("memcpy", "memset")


def graph_of(op: Op, *types: TensorType) -> Graph:
    """The operator alone."""
    inputs = tuple(Value(f"x{i}", type) for i, type in enumerate(types))
    outputs = tuple(Value(f"y{i}", type) for i, type in enumerate(op.infer(*types)))
    return Graph("alone", inputs, (Node(op, inputs, outputs),), outputs)


def region_of(op: Op, types: tuple[str, ...], dtype: str, seed: int) -> Region:
    arrays = inputs_of(op, tuple(parse(typed(t, dtype)) for t in types), seed)
    graph = graph_of(op, *(TensorType.of(array) for array in arrays))
    return Region(graph, frozenset(), dict(zip(graph.inputs, arrays, strict=True)))


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize(
    "core", [c if c in OFTEN else pytest.param(c, marks=pytest.mark.slow) for c in CORES]
)
def test_operators(core: str, table: str) -> None:
    rows, dtype = TABLES[table]
    regions = [region_of(op, types, dtype, seed) for seed, (op, types) in enumerate(rows)]
    check_mcu_schedule(Generic(), regions, mcu(core))


def elementwise_graphs(*dtypes: DType) -> Iterator[Graph]:
    """Each elementwise operator that needs no attribute, over each of `dtypes`."""
    for op_type in ops.OPS.values():
        if not issubclass(op_type, Elementwise):
            continue
        for dtype in dtypes:
            if op_type not in (FLOATS if dtype.is_float else INTEGERS):
                continue
            types = [TensorType(dtype, (1,))] * op_type.arity
            try:
                yield graph_of(op_type(), *types)
            except TypeError:  # an attribute without a default
                break
            except TypeRuleError:
                continue


@pytest.mark.parametrize(
    "core",
    ["cortex-m0plus", *(pytest.param(c, marks=pytest.mark.slow) for c in ("cortex-m4", "rv32imc"))],
)
def test_kernels_call_nothing_of_the_c_library(core: str) -> None:
    target = mcu(core)
    refused: set[str] = set()
    for graph in elementwise_graphs(DType.F32, DType.F64, DType.I32):
        plan = Generic().plan(graph, target, frozenset())
        name = f"{graph.nodes[0].op.name} of {graph.inputs[0].type.dtype}"
        if isinstance(plan, Reject):
            refused.add(name)
            continue
        assert isinstance(plan, KernelPlan)
        called = read_object(compile_kernel(plan.build(), "k", target)).symbols
        names = [s.name for s in called if s.section is None and s.name and not s.reserved]
        foreign = [n for n in names if not n.startswith(COMPILERS) and n not in COPYING]
        assert not foreign, f"{name} calls {foreign}"
    assert "sin of f32" in refused
    assert "exp of f64" in refused
    assert not {"exp of f32", "sqrt of f32", "round of f32", "floor of f64"} & refused
