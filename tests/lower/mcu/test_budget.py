"""A model that is too big for a board is refused with figures and advice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from graphopt.errors import BudgetError
from graphopt.ir import Graph
from graphopt.lower.lowering import lower_program
from graphopt.lower.mcu.budget import check_sram
from graphopt.solver.memory import Placed
from graphopt.targets import load_target
from graphopt.text import parse_graph


def widening(elements: int) -> Graph:
    """Two maps of `elements` bytes are live in the second call."""
    shape = f"{elements // 8},1,8"
    return parse_graph(
        f"""
        graph wide(%x: i8[1,1,1,8]) {{
          %a: i8[1,{shape}] = fused(%x) region r(%a: i8[1,1,1,8]) {{
            %r: i8[1,{shape}] = tile(%a) {{repeats = (1, {elements // 8}, 1, 1)}} return %r }}
          %b: i8[1,1,{elements // 8},8] = fused(%a) region r(%a: i8[1,{shape}]) {{
            %r: i8[1,1,{elements // 8},8] = transpose(%a) {{perm = (0, 2, 1, 3)}} return %r }}
          return %b
        }}"""
    )


def test_a_model_that_fits_its_board_is_not_refused() -> None:
    program = lower_program(widening(120_000), load_target("nrf52840"))
    assert program.arena_bytes == 240_000


def test_too_much_for_the_board_says_what_would_fit() -> None:
    with pytest.raises(BudgetError) as raised:
        lower_program(widening(140_000), load_target("nrf52840"))
    text = str(raised.value)
    assert text.splitlines() == [
        "wide on nrf52840: arena: expected at most 262144 bytes of SRAM, found 280000, "
        "17856 too many",
        "bytes live in call 1 (b): %a 140000, %b 140000; no order and no placement needs less",
        "compile for stm32f746, which has 327680 bytes, or scale height and width of the input to "
        "about 96 %",
    ]
    assert raised.value.smallest == {"sram_bytes": 280_000}


def test_a_core_by_itself_has_no_limit() -> None:
    program = lower_program(widening(140_000), load_target("cortex-m4"))
    assert program.arena_bytes == 280_000


def test_no_board_is_named_that_is_too_small_as_well() -> None:
    with pytest.raises(BudgetError, match="no known board"):
        lower_program(
            parse_graph(
                """
                graph huge(%x: i8[40000000]) {
                  %y: i8[40000000] = fused(%x) region r(%a: i8[40000000]) {
                    %r: i8[40000000] = relu(%a) return %r }
                  return %y
                }"""
            ),
            load_target("nrf52840"),
        )


def test_names_that_list_several_nodes_are_cut_and_scratch_is_called_so() -> None:
    program = lower_program(widening(120_000), load_target("nrf52840"))
    name = "block/relu_prequant+block/conv;block/bias;block/relu"
    buffers = (Placed(name, 0, 200_000, 0, 1), Placed(f"{name} scratch", 200_000, 80_000, 0, 1))
    with pytest.raises(BudgetError, match=r": %block/conv 200000, %block/conv scratch 80000; no"):
        check_sram(replace(program, arena_bytes=280_000, buffers=buffers))
