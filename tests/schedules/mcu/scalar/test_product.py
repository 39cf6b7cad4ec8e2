"""Products on cores without a DSP: the interpreter's bits, safe overlaps, exact counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graphopt import ops
from graphopt.ir import DType
from graphopt.lower.testing import Region, RegionBuilder
from graphopt.ops.quantization import integer_range
from graphopt.rewrite import Reject
from graphopt.schedules.mcu.scalar.product import ScalarProduct
from graphopt.targets import McuTarget, load_target
from graphopt.targets.mcu.testing import check_mcu_schedule

from ....targets.mcu.cores import mcu
from ..layers import Layer

CORES = ("cortex-m0plus", "rv32imc")

SQUARE = Layer(
    kind="dense",
    size=(7, 6),
    kernel=(3, 3),
    strides=(1, 1),
    dilations=(1, 1),
    pads=(1, 1, 1, 1),
    channels=5,
    outputs=11,
    groups=1,
    x=DType.I8,
    w=DType.I8,
    result=DType.I8,
    zero_point=-3,
    per_channel=True,
    tail="requantized",
    seed=0,
)
POINT = replace(SQUARE, kernel=(1, 1), pads=(0, 0, 0, 0), channels=16, outputs=16)
DENSE = replace(POINT, kind="fully connected", size=(1, 1), channels=67, outputs=37)
# A vector of whole words, which is read where it lies.
VECTOR = replace(DENSE, channels=68)
# Weights of one byte each, 4 to a block of depth: the shape of the inner loop alone.
LONG = replace(POINT, size=(2, 1), channels=512, outputs=32)


@pytest.mark.parametrize("core", CORES)
def test_windows_of_every_kind(core: str) -> None:
    layers = [
        SQUARE,
        replace(SQUARE, strides=(2, 3), pads=(0, 1, 2, 0), result=DType.U8, zero_point=9),
        replace(SQUARE, dilations=(2, 2), pads=(2, 0, 2, 3)),
        replace(SQUARE, kernel=(1, 7), pads=(0, 6, 0, 6), size=(2, 2)),
        replace(SQUARE, kind="grouped", groups=3, outputs=9),
        replace(SQUARE, tail="residual", outputs=67),
        replace(SQUARE, tail="sums"),
        replace(POINT, strides=(2, 2)),
        replace(DENSE, tail="residual"),
        DENSE,
        VECTOR,
        replace(VECTOR, outputs=32),
        replace(VECTOR, tail="residual", x=DType.U8),
        replace(VECTOR, tail="sums", outputs=67),
    ]
    check_mcu_schedule(ScalarProduct(), [layer.region() for layer in layers], mcu(core))


@pytest.mark.parametrize("core", CORES)
def test_weights_and_activations_of_every_width(core: str) -> None:
    layers = [
        replace(SQUARE, x=x, w=w, per_channel=w.is_signed)
        for x in (DType.I8, DType.U8)
        for w in (DType.I8, DType.U8, DType.I4, DType.U4, DType.I2, DType.I16)
    ]
    check_mcu_schedule(ScalarProduct(), [layer.region() for layer in layers], mcu(core))


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize(
    "layer",
    [
        POINT,
        replace(POINT, outputs=12),
        replace(SQUARE, channels=8, outputs=8),
        replace(SQUARE, channels=8, outputs=40, strides=(2, 2)),
        replace(SQUARE, channels=8, outputs=8, dilations=(2, 2), pads=(1, 1, 1, 1)),
        replace(SQUARE, channels=8, outputs=8, size=(4, 5), w=DType.I4),
        replace(POINT, outputs=12, size=(3, 3), w=DType.I2),
        VECTOR,
        replace(VECTOR, outputs=67, x=DType.U8),
    ],
)
def test_outputs_start_as_far_on_as_is_safe(core: str, layer: Layer) -> None:
    check_mcu_schedule(ScalarProduct(), [layer.region()], mcu(core), tight=True)


@pytest.mark.parametrize("core", CORES)
def test_images_rows_and_matrices(core: str) -> None:
    regions: list[Region] = []
    for op, dims, weights in (
        (ops.Conv((1, 2), (1, 0, 0, 1), (1, 1), layout="NHWC"), (3, 5, 4, 3), (9, 3, 2, 3)),
        (ops.Conv((2,), (1, 2), (2,), layout="NHWC"), (2, 9, 5), (4, 5, 3)),
        (ops.MatMul(), (2, 3, 7), (7, 11)),
        (ops.MatMul(transpose_b=True), (5, 7), (11, 7)),
    ):
        build = RegionBuilder()
        x, w = build.input(*dims, dtype=DType.I8), build.constant(*weights, dtype=DType.I8)
        regions.append(build.region(build.apply(op, x, w)))
    check_mcu_schedule(ScalarProduct(), regions, mcu(core), tight=True)


@pytest.mark.parametrize("core", CORES)
def test_vectors_need_no_copy(core: str) -> None:
    copied, direct = check_mcu_schedule(
        ScalarProduct(), [DENSE.region(), VECTOR.region()], mcu(core)
    )
    assert direct.plan.scratch_bytes == copied.plan.scratch_bytes - 2 * 68
    assert direct.instructions < copied.instructions


def test_kernels_are_shared_by_shapes() -> None:
    target = load_target("cortex-m0plus")
    assert isinstance(target, McuTarget)

    def identity(layer: Layer) -> str | None:
        region = layer.region()
        plan = ScalarProduct().plan(region.graph, target, region.constants)
        assert not isinstance(plan, Reject)
        return plan.identity

    assert identity(SQUARE) == identity(replace(SQUARE, kernel=(5, 2), channels=9, outputs=30))
    assert identity(POINT) == identity(replace(POINT, channels=9, outputs=30))
    assert identity(POINT) != identity(replace(POINT, w=DType.I4))


@pytest.mark.parametrize(
    ("core", "w", "most"),
    [
        ("cortex-m0plus", DType.I8, 3.6),
        ("cortex-m0plus", DType.I4, 2.5),
        ("cortex-m0plus", DType.I2, 2.5),
        ("rv32imc", DType.I8, 3.0),
        ("rv32imc", DType.I4, 2.4),
    ],
)
def test_instructions_of_a_product(core: str, w: DType, most: float) -> None:
    (found,) = check_mcu_schedule(ScalarProduct(), [replace(LONG, w=w).region()], mcu(core))
    assert found.per_mac < most


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("x", [DType.I8, DType.U8])
@pytest.mark.parametrize("w", [DType.I4, DType.I2])
def test_words_hold_the_products_of_two_pixels_at_their_most(core: str, x: DType, w: DType) -> None:
    """Sums of 16 bits are exact for the largest weights and activations."""
    build = RegionBuilder()
    value = build.input(1, 1, 2, 67, dtype=x)
    weights = np.full((8, 67, 1, 1), integer_range(w)[1]).astype(w.numpy)
    weights[1::2] = integer_range(w)[0]
    op = ops.Conv((1, 1), (0, 0, 0, 0), (1, 1), layout="NHWC")
    total = build.apply(op, value, build.given(weights))
    region = build.region(total)
    low, high = integer_range(x)
    filled = [
        np.repeat(np.array(pixels, x.numpy), 67).reshape(1, 1, 2, 67)
        for pixels in ((low, low), (low, high), (high, low), (high, high))
    ]
    regions = [replace(region, arrays={**region.arrays, value: array}) for array in filled]
    check_mcu_schedule(ScalarProduct(), regions, mcu(core))


def test_what_is_left_to_others() -> None:
    region = POINT.region()
    m7, m0 = load_target("cortex-m7"), load_target("cortex-m0plus")
    assert isinstance(m7, McuTarget) and isinstance(m0, McuTarget)
    assert isinstance(ScalarProduct().plan(region.graph, m7, region.constants), Reject)
    assert isinstance(ScalarProduct().plan(region.graph, m0, frozenset()), Reject)
