"""The plugin of QEMU that counts instructions: built once, and its file of counts read."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graphopt.errors import EmulatorError
from graphopt.lower.cache import default_cache
from graphopt.targets.mcu.toolchain import call, host_compiler

_SOURCE = Path(__file__).parent / "support" / "plugin.c"
_FLAGS = ("-O2", "-shared", "-fPIC", "-fvisibility=hidden")
_OPEN, _CLOSE = 1, 2
_CLOSE_WORDS = 7  # before the pairs


@dataclass(frozen=True)
class Segment:
    """What one function executed, from its entry to the next entry or to the end of the call.

    `entry` is the index of the function among the entries that were watched, None for what comes
    before the first. `instructions` is exact. So are, where details were asked for, `loads`,
    `stores` and `unaligned`, those of them whose address is no multiple of what they move. `reach`
    is then the address behind the highest byte that was read or written of the memory that was
    watched, 0 if none was, and `addresses` holds rows of (address, times executed).
    """

    entry: int | None
    instructions: int
    loads: int
    stores: int
    unaligned: int
    reach: int
    addresses: NDArray[np.uint64]


def plugin_library() -> Path:
    """The plugin as QEMU loads it, from the user's cache or built there.

    Raises:
        ToolchainError: this machine has no C compiler.
        BuildError: the plugin does not compile, or the cache cannot be written.
    """
    source = _SOURCE.read_bytes()
    key = hashlib.sha256(b"\0".join([source, *(flag.encode() for flag in _FLAGS)])).hexdigest()
    cache, name = default_cache(), f"qemu-plugin-{key[:24]}.so"
    if cache.get(name) is None:
        with tempfile.TemporaryDirectory(prefix="graphopt-") as folder:
            built = Path(folder) / name
            call([host_compiler(), *_FLAGS, _SOURCE, "-o", built], "plugin of QEMU")
            cache.put(name, built.read_bytes())
    return cache.folder / name


def read_counts(path: Path) -> list[list[Segment]]:
    """The segments of each call that was counted, in order.

    The last one may have been cut off with the emulator; it then says 0 instructions.

    Raises:
        EmulatorError: the file is not what the plugin writes.
    """
    words = np.fromfile(path, np.uint64)
    calls: list[list[Segment]] = []
    place, entry = 0, 0
    while place < len(words):
        kind = int(words[place])
        if kind == _OPEN and place + 2 <= len(words):
            entry = int(words[place + 1])
            if entry == 0:
                calls.append([])
            place += 2
            if place == len(words):
                calls[-1].append(Segment(_index(entry), 0, 0, 0, 0, 0, _pairs(words[:0])))
        elif kind == _CLOSE and place + _CLOSE_WORDS <= len(words):
            executed, loads, stores, unaligned, reach, count = map(
                int, words[place + 1 : place + _CLOSE_WORDS]
            )
            place += _CLOSE_WORDS
            pairs = _pairs(words[place : place + 2 * count])
            segment = Segment(_index(entry), executed, loads, stores, unaligned, reach, pairs)
            calls[-1].append(segment)
            place += 2 * count
        else:
            raise EmulatorError("emulator", f"expected a record of counts, found {kind}")
    return calls


def watch(
    begin: int, end: int, entries: Sequence[int], detail: bool, memory: range, out: str
) -> str:
    """The value of QEMU's option -plugin that counts between two addresses into the file `out`."""
    library = str(plugin_library()).replace(",", ",,")
    watched = "".join(f",entry={entry:#x}" for entry in entries)
    where = f"begin={begin:#x},end={end:#x}{watched},from={memory.start:#x},to={memory.stop:#x}"
    return f"{library},{where},detail={'on' if detail else 'off'},out={out}"


def _index(entry: int) -> int | None:
    return entry - 1 if entry else None


def _pairs(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return words.reshape(-1, 2)
