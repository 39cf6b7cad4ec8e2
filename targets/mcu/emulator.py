"""Run a program on QEMU: commands in, memory and exact instruction counts out."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graphopt.errors import EmulatorError
from graphopt.targets.mcu.fault import fault_error
from graphopt.targets.mcu.image import Image
from graphopt.targets.mcu.job import Job
from graphopt.targets.mcu.plugin import Segment, read_counts, watch
from graphopt.targets.mcu.toolchain import emulator

TIMEOUT_SECONDS = 600.0
_JOB, _RESULT, _COUNTS = "job", "result", "counts"  # the first two are named in monitor.c
_PATIENCE_SECONDS = 10.0
_PLUGIN_HINT = "counting needs the plugin interface of QEMU 7.2, as in Debian 12"


@dataclass(frozen=True)
class Outcome:
    """What a job brought back: its results by index, and what each of its calls executed."""

    results: list[NDArray[np.uint8]]
    calls: list[list[Segment]]


def execute(
    image: Image,
    job: Job,
    entries: Sequence[str] = (),
    detail: bool = False,
    memory: range = range(0),
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> Outcome:
    """Run `job` on the machine that `image` was linked for.

    Counts are split at the functions named in `entries`. With `detail`, which is slower, memory
    accesses are counted too, how far they reach in the addresses `memory`, and instructions by
    their address.

    Raises:
        ToolchainError: QEMU or this machine's C compiler is not installed.
        EmulatorError: the program faulted, did not end in time, or QEMU failed; names the function.
    """
    machine, symbols = image.emulator, image.symbols
    qemu = emulator(machine)
    begin, end = symbols.address("call_begin"), symbols.address("call_end")
    watched = [symbols.address(name) for name in entries]
    plugin = watch(begin, end, watched, detail, memory, _COUNTS)
    board = ["-M", machine.machine, *(("-bios", "none") if machine.system == "riscv32" else ())]
    silent = ["-display", "none", "-monitor", "none", "-serial", "none"]
    files = ["-semihosting-config", "enable=on,target=native", "-kernel", "image.elf"]
    with tempfile.TemporaryDirectory(prefix="graphopt-") as name:
        folder = Path(name)
        (folder / "image.elf").write_bytes(image.content)
        (folder / _JOB).write_bytes(job.encode())
        done = _run([qemu, *board, *silent, *files, "-plugin", plugin], folder, timeout_seconds)
        counts = folder / _COUNTS
        calls = read_counts(counts) if counts.exists() else []
        if done is None:
            raise _hang(calls, entries, image, timeout_seconds)
        fault = re.search(r"^fault((?: [0-9a-f]{8})+)$", done.stdout + done.stderr, re.MULTILINE)
        if fault is not None:
            registers = [int(word, 16) for word in fault[1].split()]
            raise fault_error(machine.system, registers, symbols, _running(calls, entries))
        if done.returncode != 0:
            said = " ".join(done.stderr.split())[:300] or f"status {done.returncode}"
            hint = _PLUGIN_HINT if "plugin" in said else ""
            raise EmulatorError(Path(qemu).name, f"expected the job to end, found: {said}", hint)
        return Outcome(job.decode((folder / _RESULT).read_bytes()), calls)


def _run(
    command: Sequence[str], folder: Path, timeout_seconds: float
) -> subprocess.CompletedProcess[str] | None:
    """The finished process, or None where it had to be stopped."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    with process:
        try:
            out, err = process.communicate(timeout=timeout_seconds)
            return subprocess.CompletedProcess(command, process.returncode, out, err)
        except subprocess.TimeoutExpired:
            process.terminate()  # gives the plugin time to write what it counted
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=_PATIENCE_SECONDS)
            return None
        finally:
            if process.poll() is None:
                process.kill()


def _running(calls: list[list[Segment]], entries: Sequence[str]) -> str | None:
    """Of the watched functions the one that was entered last."""
    entry = calls[-1][-1].entry if calls and calls[-1] else None
    return None if entry is None else entries[entry]


def _hang(
    calls: list[list[Segment]], entries: Sequence[str], image: Image, timeout_seconds: float
) -> EmulatorError:
    hint = "give it more time, or look for a loop that does not end"
    if not calls or not calls[-1]:
        return EmulatorError("emulator", f"no call ended within {timeout_seconds:g} s", hint)
    last = calls[-1][-1]
    where = _running(calls, entries) or "the called function"
    what = f"expected it to end within {timeout_seconds:g} s, found it still running in call "
    what += f"{len(calls)}, after {last.instructions} instructions"
    if len(last.addresses):
        address = int(last.addresses[last.addresses[:, 1].argmax(), 0])
        function = image.symbols.function_at(address)
        what += f", most of them around {address:#x} in {function.name if function else '?'}"
    return EmulatorError(where, what, hint)
