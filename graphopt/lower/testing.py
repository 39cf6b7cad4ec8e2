"""Check a schedule against the interpreter; public so that authors of schedules can use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from ctypes import c_void_p
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from graphopt.interpreter import run_body
from graphopt.ir import Array, DType, Graph, Node, Op, TensorType, Value
from graphopt.lower.codegen import compile_kernel
from graphopt.lower.kernel import KernelPlan, Schedule
from graphopt.lower.link import link
from graphopt.ops.quantization import integer_range
from graphopt.runtime.arrays import aligned
from graphopt.runtime.library import Library
from graphopt.targets import CpuTarget, load_cpu
from graphopt.testing import assert_close, random_inputs

# Bytes before and after each buffer that no kernel may write, and what they hold.
MARGIN = 256
MARK = 0xA5


class RegionBuilder:
    """Builds the body of one kernel, for tests: inputs, constants, operators, outputs."""

    def __init__(self) -> None:
        self._inputs: list[Value] = []
        self._constants: set[int] = set()
        self._arrays: dict[Value, Array] = {}
        self._nodes: list[Node] = []

    def input(self, *dims: int, dtype: DType = DType.F32) -> Value:
        """An input that is known only when the kernel runs."""
        value = Value(f"x{len(self._inputs)}", TensorType(dtype, dims))
        self._inputs.append(value)
        return value

    def constant(self, *dims: int, dtype: DType = DType.F32) -> Value:
        """An input whose array is known when compiling."""
        self._constants.add(len(self._inputs))
        return self.input(*dims, dtype=dtype)

    def given(self, array: Array) -> Value:
        """A constant whose array is `array`, not a random one."""
        value = self.constant(*array.shape, dtype=DType.of(array))
        self._arrays[value] = array
        return value

    def apply(self, op: Op, *inputs: Value) -> Value:
        """The only output of `op` on `inputs`."""
        (type,) = op.infer(*(value.type for value in inputs))
        output = Value(f"v{len(self._nodes)}", type)
        self._nodes.append(Node(op, inputs, (output,)))
        return output

    def region(self, *outputs: Value) -> Region:
        """What was built, with these outputs."""
        graph = Graph("region", tuple(self._inputs), tuple(self._nodes), outputs)
        return Region(graph, frozenset(self._constants), self._arrays)


@dataclass(frozen=True)
class Region:
    """The body of a kernel, which of its inputs are constants, and the arrays of some of them."""

    graph: Graph
    constants: frozenset[int]
    arrays: Mapping[Value, Array] = field(default_factory=dict[Value, Array])

    def random_inputs(self) -> list[Array]:
        """Arrays for all inputs, in order; integers of at most 16 bits over their whole range."""
        rng = np.random.default_rng(0)
        arrays: list[Array] = []
        for value, drawn in zip(self.graph.inputs, random_inputs(self.graph).values(), strict=True):
            dtype = value.type.dtype
            if dtype.is_integer and dtype.bits <= 16:
                low, high = integer_range(dtype)
                drawn = rng.integers(low, high, value.type.dims, endpoint=True)
                drawn = np.asarray(drawn).astype(dtype.numpy)
            arrays.append(self.arrays.get(value, drawn))
        return arrays


def check_schedule(
    schedule: Schedule[CpuTarget], regions: Sequence[Region], target: CpuTarget | None = None
) -> None:
    """`schedule` takes all regions, and its kernels compute what the interpreter says.

    Also: no kernel writes outside its outputs and scratch, or needs more alignment than the
    contract of `KernelPlan` gives it. All kernels are compiled in one go.
    """
    target = target or load_cpu()
    plans: list[KernelPlan] = []
    for region in regions:
        plan = schedule.plan(region.graph, target, region.constants)
        assert isinstance(plan, KernelPlan), f"{plan.reason}: {region.graph}"
        plans.append(plan)

    def code(number: int) -> bytes:
        plan = plans[number]
        return compile_kernel(plan.build(), f"k{number}", target, noalias=plan.noalias)

    with ThreadPoolExecutor() as pool:
        library = Library(link(list(pool.map(code, range(len(plans))))), target.threads)
    library.enter_thread()
    for number, (plan, region) in enumerate(zip(plans, regions, strict=True)):
        _check_kernel(library, f"k{number}", plan, region.random_inputs())


def _check_kernel(library: Library, symbol: str, plan: KernelPlan, arrays: Sequence[Array]) -> None:
    expected = run_body(plan.region, *arrays)
    function = library.function(symbol)
    for inplace in (None, *plan.inplace):
        inputs = [
            _Guarded(plan.packs[i](array), 0) if i in plan.packs else _Guarded(array)
            for i, array in enumerate(arrays)
        ]
        outputs = [_Guarded(np.zeros_like(array)) for array in expected]
        if inplace is not None:
            outputs[inplace[1]] = inputs[inplace[0]]
        scratch = [_Guarded(np.zeros(plan.scratch_bytes, np.uint8), 0)]
        buffers = [*inputs, *outputs, *(scratch if plan.scratch_bytes else ())]
        assert function(*(c_void_p(buffer.array.ctypes.data) for buffer in buffers)) == 0
        what = f"{plan.schedule}, in place {inplace}: {plan.region}"
        for output, want in zip(outputs, expected, strict=True):
            assert_close(output.array, want, what)
        assert all(buffer.intact() for buffer in buffers), what


class _Guarded:
    """A copy of an array between marks, off vector alignment unless `shift` is 0."""

    def __init__(self, array: Array, shift: int | None = None) -> None:
        start = MARGIN + (array.itemsize if shift is None else shift)
        self._memory: NDArray[np.uint8] = aligned(start + array.nbytes + MARGIN)
        self._memory[:] = MARK
        self._inside = slice(start, start + array.nbytes)
        self.array = self._memory[self._inside].view(array.dtype).reshape(array.shape)
        self.array[...] = array

    def intact(self) -> bool:
        before, after = self._memory[: self._inside.start], self._memory[self._inside.stop :]
        return bool((before == MARK).all() and (after == MARK).all())
