"""Tables of bytes and of others, for vectors of any length."""

from __future__ import annotations

import numpy as np
import pytest

from graphopt import ops
from graphopt.ir import DType
from graphopt.lower.testing import Region, RegionBuilder, check_schedule
from graphopt.ops.quantization import integer_range
from graphopt.schedules.cpu.pool import Pool2d


def looked_up(index: DType, entry: DType, channels: int) -> Region:
    """A table for the results of a pool, which holds every number of type `index`."""
    build = RegionBuilder()
    pool = ops.MaxPool((1, 1), (1, 1), (0, 0, 0, 0), (1, 1), False, "NHWC")
    rng = np.random.default_rng(0)
    low, high = integer_range(entry) if entry.is_integer else (-9, 9)
    table = rng.integers(low, high, 1 << index.bits, endpoint=True).astype(entry.numpy)
    y = build.apply(pool, build.input(1, 20, 30, channels, dtype=index))
    return build.region(build.apply(ops.Lookup(), y, build.given(table)))


@pytest.mark.parametrize("index", [DType.I8, DType.U8, DType.I4, DType.U4, DType.I2])
def test_lookup(index: DType) -> None:
    entries = [DType.I8, DType.U8, DType.I4, DType.I32, DType.F32]
    regions = [looked_up(index, entry, 75) for entry in entries]
    check_schedule(Pool2d(), [*regions, looked_up(index, DType.I8, 13)])
