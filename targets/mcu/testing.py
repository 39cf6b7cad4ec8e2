"""Check a schedule for microcontrollers against the interpreter, on the emulator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphopt.interpreter import run_body
from graphopt.ir import Array
from graphopt.lower.assembly import assemble
from graphopt.lower.codegen import compile_kernel
from graphopt.lower.kernel import KernelPlan, Schedule
from graphopt.lower.key import kernel_key
from graphopt.lower.steps import Kernel
from graphopt.lower.testing import Region
from graphopt.schedules.mcu.routines import routine_text
from graphopt.targets.mcu.kernel_run import Buffer, KernelCase, KernelRun, run_kernels
from graphopt.targets.target import McuTarget
from graphopt.testing import assert_close

Over = tuple[int, int, int]


@dataclass(frozen=True)
class Checked:
    """One region whose kernel computes what the interpreter says: exact figures of one call."""

    plan: KernelPlan
    instructions: int
    stack_bytes: int

    @property
    def per_mac(self) -> float:
        """Instructions per multiply-accumulate of the region."""
        return self.instructions / sum(node.macs for node in self.plan.region.nodes)


def check_mcu_schedule(
    schedule: Schedule[McuTarget],
    regions: Sequence[Region],
    target: McuTarget,
    tight: bool = False,
) -> list[Checked]:
    """`schedule` takes all regions, and its kernels compute what the interpreter says.

    Also: with each output where `inplace` and `overlap` allow it over an input, at the largest
    distance and at smaller ones, and without any write outside of outputs and scratch. With
    `tight`, each overlap must be the largest that is safe: the next one, 4 bytes further, must go
    wrong.

    Raises:
        EmulatorError, ToolchainError, BuildError: the kernels did not run.
    """
    plans: list[KernelPlan] = []
    objects: dict[str, bytes] = {}
    cases: list[_Case] = []
    for region in regions:
        plan = schedule.plan(region.graph, target, region.constants)
        assert isinstance(plan, KernelPlan), f"{plan.reason}: {region.graph}"
        kernel = Kernel(kernel_key(plan, region.constants, target), plan)
        if kernel.symbol not in objects:
            objects[kernel.symbol] = compile_kernel(
                plan.build(), kernel.symbol, target, noalias=plan.noalias
            )
        for name in plan.routines:
            if name not in objects:
                objects[name] = _routine(name, target)
        plans.append(plan)
        cases += _cases(kernel, region, tight)
    runs = run_kernels(target, list(objects.values()), [case.call for case in cases])
    checked: dict[int, Checked] = {}
    for case, run in zip(cases, runs, strict=True):
        case.check(run)
        checked.setdefault(
            id(case.kernel.plan), Checked(case.kernel.plan, run.instructions, run.stack_bytes)
        )
    return [checked[id(plan)] for plan in plans]


@cache
def _routine(name: str, target: McuTarget) -> bytes:
    return assemble(routine_text(name, target), f"graphopt_{name}", target)


@dataclass(frozen=True)
class _Case:
    kernel: Kernel
    call: KernelCase
    expected: tuple[Array, ...]
    over: Over | None
    corrupts: bool

    def check(self, run: KernelRun) -> None:
        plan = self.kernel.plan
        where = f"{plan.schedule}, (input, output, offset) {self.over}: {plan.region}"
        assert run.returned == 0, where
        first = len(plan.region.inputs)
        found = [run.outputs[first + i] for i in range(len(self.expected))]
        if self.corrupts:
            same = all(
                np.array_equal(got, want) for got, want in zip(found, self.expected, strict=True)
            )
            assert not same, f"a larger overlap is safe: {where}"
            return
        for got, want in zip(found, self.expected, strict=True):
            assert_close(got, want, where)


def _cases(kernel: Kernel, region: Region, tight: bool) -> list[_Case]:
    """One call of the kernel with all buffers apart, and one for each allowed overlap."""
    plan = kernel.plan
    arrays = region.random_inputs()
    expected = tuple(np.asarray(array) for array in run_body(plan.region, *arrays))
    inputs: list[NDArray[Any]] = [
        plan.packs[i](array) if i in plan.packs else np.asarray(array)
        for i, array in enumerate(arrays)
    ]
    places: list[tuple[Over | None, bool]] = [(None, False)]
    places += [((i, o, 0), False) for i, o in plan.inplace]
    for (i, o), offset in plan.overlap.items():
        aligned = offset // 4 * 4
        halfway = (aligned - expected[o].nbytes) // 8 * 4
        places += [((i, o, distance), False) for distance in (aligned, aligned - 4, halfway)]
        if tight:
            places.append(((i, o, aligned + 4), True))
    return [
        _Case(
            kernel,
            KernelCase(kernel.symbol, _buffers(plan, inputs, expected, over), plan.sizes),
            expected,
            over,
            corrupts,
        )
        for over, corrupts in places
    ]


def _buffers(
    plan: KernelPlan, inputs: Sequence[NDArray[Any]], expected: Sequence[Array], over: Over | None
) -> tuple[Buffer, ...]:
    outputs = [
        Buffer(np.zeros_like(array), True, (over[0], over[2]) if over and over[1] == o else None)
        for o, array in enumerate(expected)
    ]
    scratch = [Buffer(np.zeros(plan.scratch_bytes, np.uint8), True)] if plan.scratch_bytes else []
    return (*(Buffer(array) for array in inputs), *outputs, *scratch)
