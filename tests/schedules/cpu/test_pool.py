"""Pools against the interpreter: padding, windows that hang over the end, what counts as a tap."""

from __future__ import annotations

from graphopt import ops
from graphopt.ir import DType
from graphopt.lower.testing import Region, RegionBuilder, check_schedule
from graphopt.ops.pooling import Pool
from graphopt.schedules.cpu.pool import Pool2d


def pool(op: Pool, image: tuple[int, int, int, int], dtype: DType = DType.F32) -> Region:
    """A pool of an NHWC `image`, then a product with a number per channel."""
    build = RegionBuilder()
    y = build.apply(op, build.input(*image, dtype=dtype))
    return build.region(build.apply(ops.Mul(), y, build.input(image[3], dtype=y.type.dtype)))


ONE, TWO = (1, 1), (2, 2)


def test_pools_equal_interpreter() -> None:
    padded = (1, 0, 1, 2)
    regions = [
        pool(ops.MaxPool((3, 3), TWO, (1, 1, 1, 1), ONE, False, "NHWC"), (1, 14, 13, 19)),
        pool(ops.MaxPool((3, 3), TWO, (0, 0, 0, 0), ONE, True, "NHWC"), (2, 8, 14, 8)),
        pool(ops.MaxPool((2, 5), ONE, (0, 2, 1, 2), TWO, False, "NHWC"), (1, 9, 13, 3)),
        pool(ops.AveragePool((3, 3), TWO, padded, ONE, True, "NHWC"), (2, 13, 14, 19)),
        pool(ops.AveragePool((3, 3), TWO, padded, ONE, True, "NHWC", True), (1, 13, 14, 9)),
        pool(ops.AveragePool((7, 7), ONE, (0, 0, 0, 0), ONE, False, "NHWC"), (1, 7, 7, 37)),
    ]
    check_schedule(Pool2d(), regions)


def test_integer_pools_equal_interpreter() -> None:
    padded = ops.MaxPool((3, 3), TWO, (1, 1, 1, 1), ONE, False, "NHWC")
    shifted = ops.MaxPool((2, 5), ONE, (0, 2, 1, 2), TWO, False, "NHWC")
    summed = ops.SumPool((3, 3), TWO, (1, 1, 1, 1), ONE, False, "NHWC")
    regions = [
        pool(padded, (1, 14, 13, 75), DType.I8),
        pool(shifted, (2, 9, 13, 40), DType.U8),
        pool(padded, (1, 8, 9, 21), DType.I4),
        pool(shifted, (1, 9, 13, 19), DType.I32),
        pool(summed, (1, 13, 14, 19), DType.U8),
        pool(ops.SumPool((7, 7), ONE, (0, 0, 0, 0), ONE, True, "NHWC"), (1, 7, 7, 37), DType.I8),
        pool(summed, (1, 9, 9, 16)),
    ]
    check_schedule(Pool2d(), regions)
