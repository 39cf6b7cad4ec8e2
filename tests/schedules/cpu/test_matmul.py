"""Matrix products against the interpreter: tails, single rows, batches, epilogues."""

from __future__ import annotations

from dataclasses import replace

import pytest

from graphopt import ops
from graphopt.lower.testing import Region, RegionBuilder, check_schedule
from graphopt.rewrite import Reject
from graphopt.schedules.cpu.batched_matmul import BatchedMatMul
from graphopt.schedules.cpu.matmul import ConstantMatMul
from graphopt.targets import load_cpu


def product(
    a: tuple[int, ...], b: tuple[int, ...], transpose: bool = False, gelu: bool = False
) -> Region:
    """a @ b for a constant b, plus a bias and maybe an activation."""
    build = RegionBuilder()
    op = ops.MatMul(transpose_b=transpose)
    y = build.apply(op, build.input(*a), build.constant(*b))
    y = build.apply(ops.Add(), y, build.constant(y.type.dims[-1]))
    if gelu:
        y = build.apply(ops.Gelu(), y)
    return build.region(y)


CONSTANT = [
    product((1, 300), (300, 130)),
    product((2, 33), (33, 70), gelu=True),
    product((13, 16), (16, 8)),
    product((2, 5, 17), (17, 21), gelu=True),
    product((31, 24), (1, 40, 24), transpose=True),
    product((6, 1), (1, 3)),
]


@pytest.mark.parametrize("threads", [1, 2])
def test_constant_matmul_equals_interpreter(threads: int) -> None:
    check_schedule(ConstantMatMul(), CONSTANT, load_cpu("cpu", threads))


def attention(a: tuple[int, ...], b: tuple[int, ...], transpose: bool = False) -> Region:
    """a @ b for computed matrices, scaled."""
    build = RegionBuilder()
    op = ops.MatMul(transpose_b=transpose)
    y = build.apply(op, build.input(*a), build.input(*b))
    return build.region(build.apply(ops.Mul(), y, build.input(1)))


COMPUTED = [
    attention((2, 3, 7, 16), (2, 3, 21, 16), transpose=True),
    attention((2, 3, 21, 5), (2, 3, 5, 19)),
    attention((1, 4, 8, 9), (2, 1, 9, 8)),
    attention((3, 2, 24), (24, 70)),
    attention((4, 33), (1, 50, 33), transpose=True),
]


@pytest.mark.parametrize("threads", [1, 2])
def test_batched_matmul_equals_interpreter(threads: int) -> None:
    check_schedule(BatchedMatMul(), COMPUTED, load_cpu("cpu", threads))


def test_small_caches_cut_the_work_into_blocks() -> None:
    small = replace(load_cpu(), l2_bytes=1024)
    check_schedule(ConstantMatMul(), CONSTANT[2:5], small)


def test_a_matrix_that_others_read_is_not_packed() -> None:
    build = RegionBuilder()
    b = build.constant(8, 8)
    region = build.region(
        build.apply(ops.Add(), build.apply(ops.MatMul(), build.input(8, 8), b), b)
    )
    refused = ConstantMatMul().plan(region.graph, load_cpu(), region.constants)
    assert refused == Reject("b is not a constant of this product alone")
