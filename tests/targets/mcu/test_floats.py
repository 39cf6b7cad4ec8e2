"""Floats that a core computes in software follow its run-time ABI."""

import pytest

from graphopt import ops
from graphopt.ir import DType
from graphopt.lower.codegen import compile_kernel
from graphopt.lower.kernel import KernelPlan
from graphopt.lower.mcu.elf import read_object
from graphopt.lower.testing import Region, RegionBuilder
from graphopt.schedules.mcu.generic import Generic
from graphopt.targets import McuTarget, load_target
from graphopt.targets.mcu.testing import check_mcu_schedule
from tests.targets.mcu.cores import CORES, mcu


def arithmetic(dtype: DType) -> Region:
    build = RegionBuilder()
    x, y = build.input(8, dtype=dtype), build.input(8, dtype=dtype)
    z = build.input(8, dtype=DType.I32)
    squared = build.apply(ops.Add(), build.apply(ops.Mul(), x, x), x)
    scaled = build.apply(ops.Div(), squared, y)
    sum = build.apply(ops.Add(), scaled, build.apply(ops.Cast(dtype), z))
    less = build.apply(ops.Less(), build.apply(ops.Sub(), sum, y), x)
    counted = build.apply(ops.Cast(DType.I32), less)
    return build.region(sum, counted)


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("dtype", [DType.F32, DType.F64])
def test_floats(core: str, dtype: DType) -> None:
    check_mcu_schedule(Generic(), [arithmetic(dtype)], mcu(core))


def test_names_of_the_run_time_abi() -> None:
    target = load_target("cortex-m0plus")
    assert isinstance(target, McuTarget)
    plan = Generic().plan(arithmetic(DType.F32).graph, target, frozenset())
    assert isinstance(plan, KernelPlan)
    code = compile_kernel(plan.build(), "kernel", target)
    wanted = {s.name for s in read_object(code).symbols if s.section is None}
    assert {"__aeabi_fadd", "__aeabi_fmul", "__aeabi_fdiv", "__aeabi_i2f"} <= wanted
    assert not wanted & {"__addsf3", "__mulsf3", "__divsf3", "__floatsisf"}
