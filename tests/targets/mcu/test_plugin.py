"""What the plugin writes is read back, and what it was cut off in is not lost."""

import tempfile
from pathlib import Path

import numpy as np
import pytest

from graphopt.errors import EmulatorError
from graphopt.targets.mcu.emulator import execute
from graphopt.targets.mcu.image import link
from graphopt.targets.mcu.job import Job
from graphopt.targets.mcu.plugin import plugin_library, read_counts, watch
from tests.targets.mcu.cores import compile_c, mcu

OPEN, CLOSE = 1, 2


def written(tmp_path: Path, *words: int) -> Path:
    path = tmp_path / "counts"
    np.array(words, np.uint64).tofile(path)
    return path


def test_calls_and_their_segments(tmp_path: Path) -> None:
    first = (OPEN, 0, CLOSE, 2, 0, 1, 0, 0x2010, 1, 0x100, 2)
    second = (OPEN, 3, CLOSE, 5, 4, 1, 1, 0, 2, 0x200, 4, 0x204, 1)
    third = (OPEN, 0, CLOSE, 7, 0, 0, 0, 0, 0)
    (before, entered), (again,) = read_counts(written(tmp_path, *first, *second, *third))
    assert (before.entry, before.instructions, before.stores) == (None, 2, 1)
    assert before.reach == 0x2010
    assert (entered.entry, entered.loads, entered.unaligned) == (2, 4, 1)
    np.testing.assert_array_equal(entered.addresses, [[0x200, 4], [0x204, 1]])
    assert again.instructions == 7 and again.addresses.shape == (0, 2)


def test_a_call_that_was_cut_off(tmp_path: Path) -> None:
    ((before, last),) = read_counts(written(tmp_path, OPEN, 0, CLOSE, 2, 0, 0, 0, 0, 0, OPEN, 1))
    assert before.instructions == 2
    assert (last.entry, last.instructions) == (0, 0)


def test_nothing_was_called(tmp_path: Path) -> None:
    assert read_counts(written(tmp_path)) == []


def test_something_else(tmp_path: Path) -> None:
    with pytest.raises(EmulatorError, match="expected a record of counts, found 77"):
        read_counts(written(tmp_path, 77, 1, 2))


def test_it_is_built_once_into_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mcu("cortex-m7")
    folder = tmp_path / "a, b"
    monkeypatch.setenv("GRAPHOPT_CACHE", str(folder))
    library = plugin_library()
    built = library.stat().st_mtime_ns
    assert library.parent == folder and [library] == list(folder.iterdir())
    monkeypatch.setenv("PATH", "/nowhere")  # no compiler any more
    assert plugin_library() == library and library.stat().st_size > 1000
    assert library.stat().st_mtime_ns >= built
    # QEMU reads two commas as one.
    option = watch(0x10, 0x12, [0x20, 0x30], True, range(64, 80), "counts")
    assert option.startswith(str(library).replace(",", ",,"))
    assert option.endswith(
        ",begin=0x10,end=0x12,entry=0x20,entry=0x30,from=0x40,to=0x50,detail=on,out=counts"
    )


def test_the_reach_into_memory_counts_reads_and_whole_words() -> None:
    target = mcu("cortex-m7")
    source = "int f(volatile int *a) { a[0] = 1; return a[2] + *(volatile char *)(a + 1); }"
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "f.o"
        path.write_bytes(compile_c(target, source))
        image = link(target, [path], ["f"])
    start, job = image.free[0], Job()
    job.call(image.symbols.address("f"), [start], image.stack[1])
    for memory, reach in [
        (range(start, start + 64), start + 12),
        (range(start, start + 8), start + 5),
        (range(start + 32, start + 64), 0),
    ]:
        (segments,) = execute(image, job, detail=True, memory=memory).calls
        assert [segment.reach for segment in segments] == [reach]
