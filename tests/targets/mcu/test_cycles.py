"""The estimate of cycles, against sums by hand from the Cortex-M4's table of timings."""

import numpy as np
import pytest

from graphopt.targets.mcu.cycles import CycleModel, cycles_of, read_disassembly
from tests.targets.mcu.cores import mcu

CYCLES = {
    "other": 1.0,
    "load": 2.0,
    "load_next": 1.0,
    "store": 1.0,
    "multiple_base": 1.0,
    "multiple_word": 1.0,
    "divide": 7.0,
    "branch_taken": 3.0,
    "branch": 1.0,
}
LOOP = """
00000100 <k>:
     100:\tldr\tr3, [r0], #4
     104:\tldr.w\tr4, [r1], #4
     108:\tadds\tr5, r3, r4
     10a:\tsubs\tr2, #1
     10c:\tbne.n\t100 <k>
     10e:\tbx\tlr
     110:\t.word\t0x00020026
"""


def test_a_loop() -> None:
    model = read_disassembly(LOOP, CYCLES)
    executed = [(0x100, 8), (0x104, 8), (0x108, 8), (0x10A, 8), (0x10C, 8), (0x10E, 1)]
    loads, arithmetic, branches = 8 * (2 + 1), 8 * 2, 7 * 3 + 1
    found = model.estimate(np.array(executed, np.uint64))
    assert found == loads + arithmetic + branches + 3


def test_rows_of_one_address_add_up() -> None:
    model = read_disassembly(LOOP, CYCLES)
    once = model.estimate(np.array([(0x108, 6)], np.uint64))
    assert model.estimate(np.array([(0x108, 2), (0x108, 4)], np.uint64)) == once == 6
    assert model.estimate(np.zeros((0, 2), np.uint64)) == 0


@pytest.mark.parametrize(
    ("line", "cycles"),
    [
        ("push\t{r4, r5, lr}", 4),
        ("stmdb\tsp!, {r4-r9, lr}", 8),
        ("pop\t{r4, pc}", 3 + 3),
        ("ldmia.w\tr0!, {r1, r2}", 3),
        ("vldmia\tr0!, {d8-d9}", 5),
        ("ldrd\tr0, r1, [sp, #4]", 3),
        ("strb.w\tr1, [r0], #1", 1),
        ("ldrsb\tr1, [r0, r2]", 2),
        ("vldr\ts0, [r0]", 2),
        ("sdiv\tr0, r1, r2", 7),
        ("smlad\tr0, r1, r2, r3", 1),
        ("bl\t100 <k>", 3),
        ("blx\tr4", 3),
        ("lw\ta0,0(a1)", 2),
        ("sw\ta0,0(a1)", 1),
        ("remu\ta0,a1,a2", 7),
        ("jal\t100 <k>", 3),
        ("ret", 3),
        ("sub\ta0,a0,a1", 1),
        ("lsls\tr0, r1, #2", 1),
        ("shadd16\tr0, r1, r2", 1),
    ],
)
def test_classes(line: str, cycles: float) -> None:
    model = read_disassembly(f"     100:\t{line}\n", CYCLES)
    assert model.estimate(np.array([(0x100, 1)], np.uint64)) == cycles


@pytest.mark.parametrize(
    "line", ["beq.n\t200 <x>", "cbnz\tr0, 200 <x>", "bnez\ta0,200 <x>", "bltu\ta0,a1,200 <x>"]
)
def test_a_branch_costs_more_when_it_is_taken(line: str) -> None:
    model = read_disassembly(f"     100:\t{line}\n     104:\tnop\n", CYCLES)
    assert model.estimate(np.array([(0x100, 5), (0x104, 5)], np.uint64)) == 5 + 5
    assert model.estimate(np.array([(0x100, 5), (0x104, 1)], np.uint64)) == 1 + 4 * 3 + 1


def test_vectors_have_a_class_where_there_are_any() -> None:
    line = "     100:\tvmladava.s8\tr0, q0, q1\n"
    one = np.array([(0x100, 1)], np.uint64)
    assert read_disassembly(line, CYCLES | {"vector": 2.0}).estimate(one) == 2
    assert read_disassembly(line, CYCLES).estimate(one) == 1


@pytest.mark.parametrize("core", ["cortex-m4", "rv32imc"])
def test_a_program_is_read_whole(core: str) -> None:
    from graphopt.targets.mcu.image import link

    target = mcu(core)
    image = link(target, [], [])
    model: CycleModel = cycles_of(image.content, target)
    starts = [image.symbols.address(name) for name in ("monitor", "invoke", "reset")]
    assert set(starts) <= set(model.addresses.tolist())
    assert (np.diff(model.addresses.astype(np.int64)) > 0).all()
