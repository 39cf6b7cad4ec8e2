"""A model's folder for a microcontroller runs on the emulator of every core, and is measured."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from graphopt.errors import ArtifactError, BuildError, EmulatorError, InputError, TargetError
from graphopt.ir import Array
from graphopt.runtime.firmware import Firmware, load_firmware
from graphopt.targets import McuTarget
from tests.targets.mcu.cores import CORES, mcu
from tests.targets.mcu.firmware import DRIVER, KERNELS, write_firmware


@pytest.fixture(params=CORES)
def target(request: pytest.FixtureRequest) -> McuTarget:
    return mcu(request.param)


@pytest.fixture
def firmware(target: McuTarget, tmp_path: Path) -> Firmware:
    return load_firmware(write_firmware(tmp_path / "out", target))


def changed(tmp_path: Path, driver: tuple[str, str] = ("", ""), kernels: str = KERNELS) -> Firmware:
    """The firmware for a Cortex-M7 with a piece of its driver replaced."""
    folder = write_firmware(tmp_path / "out", mcu("cortex-m7"), DRIVER.replace(*driver), kernels)
    return load_firmware(folder, timeout_seconds=1)


def expected(x: Array) -> Array:
    return (3 * (x + 2 * np.arange(1, 9))).astype(np.int8)


X = np.array([[1, -2, 3, -4, 5, -6, 7, -8]], np.int8)


@pytest.mark.parametrize("in_arena", [True, False])
def test_outputs(firmware: Firmware, in_arena: bool) -> None:
    found = firmware.run({"x": X}, in_arena=in_arena)["y"]
    np.testing.assert_array_equal(found, expected(X))
    assert found.dtype == np.int8


def test_bench(firmware: Firmware) -> None:
    bench = firmware.bench({"x": X})
    assert [c.call.location for c in bench.calls] == ["/first", "/second", "/third"]
    first, second, third = (c.count for c in bench.calls)
    assert first.instructions == second.instructions >= 8 * 4
    assert 8 * 3 <= third.instructions <= 8 * 8 + 10
    assert first.loads >= 16 and first.stores >= 8 and first.unaligned == 0
    assert 8 <= third.loads < first.loads
    assert 10 <= bench.driver.instructions <= 60
    total = bench.driver.instructions + 2 * first.instructions + third.instructions
    assert bench.instructions == total
    assert third.cycles > 0 and 0.5 <= bench.cycles / bench.instructions <= 4
    assert bench.arena.agree and bench.arena.measured_bytes == 20
    assert 0 < bench.stack_bytes <= 128
    assert bench.flash.weights_bytes == 8
    assert 50 <= bench.flash.code_bytes <= 400
    assert bench.clock_hz is None and bench.seconds is None


def test_code_that_nothing_calls_takes_no_flash(tmp_path: Path) -> None:
    bench = changed(tmp_path).bench({"x": X})
    (tmp_path / "more").mkdir()
    more = KERNELS + "int32_t k_table(int i) { static const int t[99] = {1}; return t[i]; }"
    assert changed(tmp_path / "more", kernels=more).bench({"x": X}).flash == bench.flash


def test_samples_in_one_start(tmp_path: Path) -> None:
    firmware = changed(tmp_path)
    many = np.random.default_rng(0).integers(-128, 128, (50, 8), dtype=np.int8)
    np.testing.assert_array_equal(firmware.run({"x": many})["y"], expected(many))
    stacked = firmware.run({"x": many[:, None]})["y"]
    np.testing.assert_array_equal(stacked, expected(many))


def test_the_board_gives_the_clock(tmp_path: Path) -> None:
    firmware = load_firmware(write_firmware(tmp_path / "out", mcu("stm32f746")))
    bench = firmware.bench({"x": X})
    assert bench.clock_hz == 216_000_000 and bench.seconds == bench.cycles / 216e6


def test_a_kernel_whose_loop_starts_at_its_entry_is_one_call(tmp_path: Path) -> None:
    loop = """
#include <stdint.h>
__attribute__((naked)) int32_t k_sum(const int8_t *x, const int8_t *w, int8_t *y, int32_t n) {
  __asm volatile("ldrsb r12, [r0], #1\\n push {r4}\\n ldrsb r4, [r1], #1\\n add r12, r4\\n"
                 "pop {r4}\\n strb r12, [r2], #1\\n subs r3, #1\\n bne k_sum\\n"
                 "movs r0, #0\\n bx lr");
}
"""
    kernels = loop + KERNELS[KERNELS.index("int32_t k_scale") :]
    bench = changed(tmp_path, kernels=kernels).bench({"x": X})
    assert [c.count.instructions for c in bench.calls[:2]] == [8 * 8 + 2] * 2


@pytest.mark.parametrize(
    ("driver", "message"),
    [
        (("return 0;", "return -3;"), "tiny_run: expected it to return 0, found -3"),
        (("return 0;", "bytes[21] = 1; return 0;"), "20 bytes of arena.* found one at byte 21"),
        (("bytes + 8, out", "(int8_t *)0xF0000000, out"), "k_scale: .*BusFault.*0xf0000000"),
        (("out, 8", "out, 0x40000000"), "k_scale: .*data access to an address without memory"),
    ],
)
def test_a_model_that_breaks_its_contract(
    tmp_path: Path, driver: tuple[str, str], message: str
) -> None:
    with pytest.raises(EmulatorError, match=message):
        changed(tmp_path, driver).run({"x": X})


def test_inputs_outside_of_the_arena_are_read_only(tmp_path: Path) -> None:
    firmware = changed(tmp_path, ("return 0;", "((int8_t *)in)[2] = 9; return 0;"))
    firmware.run({"x": X})
    with pytest.raises(EmulatorError, match="expected input x to be read only, found it changed"):
        firmware.run({"x": X}, in_arena=False)


def test_a_model_that_reads_what_nothing_wrote(tmp_path: Path) -> None:
    stale = "bytes[8] = (int8_t)(bytes[8] + bytes[3]);"
    firmware = changed(tmp_path, ("  k_scale(bytes", f"  {stale}\n  k_scale(bytes"))
    with pytest.raises(EmulatorError, match="same output y whatever the arena held"):
        firmware.bench({"x": X})


def test_a_hang_names_the_kernel(tmp_path: Path) -> None:
    kernels = KERNELS.replace("y[i] = (int8_t)(3", "while (n) y[i] = (int8_t)(3")
    message = "k_scale: expected it to end within 1 s, found it still running in call 1"
    with pytest.raises(EmulatorError, match=message):
        changed(tmp_path, kernels=kernels).run({"x": X})


def test_an_arena_that_is_larger_than_what_is_touched(tmp_path: Path) -> None:
    firmware = changed(tmp_path)
    larger = replace(firmware.manifest, arena_bytes=24)
    arena = Firmware(replace(firmware.artifact, manifest=larger)).bench({"x": X}).arena
    assert not arena.agree
    assert (arena.planned_bytes, arena.header_bytes, arena.measured_bytes) == (24, 20, 20)


def test_a_read_beyond_the_arena_counts_as_touched(tmp_path: Path) -> None:
    beyond = "if (*(volatile int8_t *)(bytes + 22) == 99) return 1;\n  return 0;"
    arena = changed(tmp_path, ("return 0;", beyond)).bench({"x": X}).arena
    assert not arena.agree and (arena.header_bytes, arena.measured_bytes) == (20, 24)


def test_c_that_does_not_compile_or_link(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="tiny.c: expected .*gcc to succeed, found: .*nonsense"):
        changed(tmp_path, ("int8_t *bytes", "nonsense *bytes")).run({"x": X})
    (tmp_path / "again").mkdir()
    with pytest.raises(BuildError, match="undefined reference to `k_scale'"):
        changed(tmp_path / "again", kernels=KERNELS.replace("k_scale", "k_other")).run({"x": X})


def test_bad_input(tmp_path: Path) -> None:
    firmware = changed(tmp_path)
    with pytest.raises(InputError, match="names: expected x, found z"):
        firmware.run({"z": X})
    with pytest.raises(InputError, match="dtype: expected int8, found float32"):
        firmware.run({"x": X.astype(np.float32)})
    with pytest.raises(InputError, match=r"shape: expected \[1, 8\], found \[1, 9\]"):
        firmware.run({"x": np.zeros((1, 9), np.int8)})


def test_bad_folders(tmp_path: Path) -> None:
    folder = write_firmware(tmp_path / "out", mcu("cortex-m7"))
    (folder / "tiny.h").write_text("#define TINY_ARENA_BYTES 4\n")
    with pytest.raises(ArtifactError, match="tiny.h: expected sha256"):
        load_firmware(folder)
    with pytest.raises(ArtifactError, match="expected an artifact folder"):
        load_firmware(tmp_path / "nothing")


def test_another_family(tmp_path: Path) -> None:
    target = replace(mcu("cortex-m7"), name="x86-64-avx2")
    firmware = load_firmware(write_firmware(tmp_path / "out", target))
    with pytest.raises(TargetError, match="code for a microcontroller, found it for x86-64-avx2"):
        firmware.run({"x": X})
