"""Programs too large for a board's flash: by how much, what is large, what would fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graphopt.api import compile
from graphopt.errors import BudgetError
from graphopt.ir import Array, DType, Graph, Location, Node, TensorType, Value
from graphopt.lower.mcu.flash import check_flash, layer_weights
from graphopt.lower.program import Program
from graphopt.ops import MatMul
from graphopt.targets import Board, McuTarget

WEIGHT_BYTES = 4 * (64 * 32 + 32 * 8)


def two_products() -> Graph:
    """Two products of floats, `large` and `small`, named as ONNX nodes are."""
    rng = np.random.default_rng(0)
    x = Value("x", TensorType(DType.F32, (1, 64)))
    constants: dict[Value, Array] = {}
    nodes: list[Node] = []
    latest = x
    for name, shape in (("large", (64, 32)), ("small", (32, 8))):
        weights = Value(f"{name}_weights", TensorType(DType.F32, shape))
        constants[weights] = rng.normal(size=shape).astype(np.float32)
        output = Value(f"{name}_out", TensorType(DType.F32, (1, shape[1])))
        nodes.append(Node(MatMul(), (latest, weights), (output,), Location((name,))))
        latest = output
    return Graph("two", (x,), tuple(nodes), (latest,), constants)


def program(flash_bytes: int) -> Program:
    placed = compile(two_products(), "nrf52840", stop_after="placed")
    assert isinstance(placed.target, McuTarget)
    board = Board(
        name="tiny", description="", sram_bytes=10**6, flash_bytes=flash_bytes, clock_hz=1
    )
    return replace(placed, target=replace(placed.target, board=board))


def test_weights_belong_to_their_layers() -> None:
    layers = layer_weights(program(10**6))
    assert [(layer.location, layer.nbytes) for layer in layers] == [
        ("large", 4 * 64 * 32),
        ("small", 4 * 32 * 8),
    ]
    assert layers[0].saved == 3 * 64 * 32


def test_what_fits_passes() -> None:
    check_flash(program(WEIGHT_BYTES + 100), code_bytes=100)


def test_too_large_by_one_byte() -> None:
    with pytest.raises(BudgetError) as caught:
        check_flash(program(WEIGHT_BYTES + 99), code_bytes=100)
    text = str(caught.value)
    assert f"expected at most {WEIGHT_BYTES + 99} bytes, found {WEIGHT_BYTES + 100}" in text
    assert "1 too many" in text and "large 8192, small 1024" in text
    assert "quantize the weights of large to 8 bits" in text and "compile for" in text
    assert caught.value.smallest == {"flash_bytes": WEIGHT_BYTES + 100}


def test_no_type_is_narrow_enough() -> None:
    with pytest.raises(BudgetError) as caught:
        check_flash(program(1000), code_bytes=100)
    assert "quantize" not in str(caught.value)


def test_a_core_by_itself_has_no_limit() -> None:
    bare = program(0)
    assert isinstance(bare.target, McuTarget)
    check_flash(replace(bare, target=replace(bare.target, board=None)), code_bytes=1)
