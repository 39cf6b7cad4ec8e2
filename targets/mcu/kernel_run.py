"""Run single kernels on the emulator, many cases in one start; for authors of kernels and tests."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphopt.errors import EmulatorError
from graphopt.lower.program import as_bytes
from graphopt.targets.mcu.emulator import TIMEOUT_SECONDS, execute
from graphopt.targets.mcu.image import link
from graphopt.targets.mcu.job import Job
from graphopt.targets.mcu.plugin import Segment
from graphopt.targets.mcu.stack import paint_stack, save_stack, used_stack
from graphopt.targets.target import McuTarget

MARK = 0xA5
MARGIN_BYTES = 64
_ALIGNMENT = 4


@dataclass(frozen=True)
class Buffer:
    """An argument of a kernel: the array before the call, and whether the kernel may write it.

    `over` is (index, offset): the buffer starts `offset` bytes, perhaps negative, after the start
    of buffer `index`, which itself lies over none. Neither keeps its content where they meet.
    """

    array: NDArray[Any]
    written: bool = False
    over: tuple[int, int] | None = None


@dataclass(frozen=True)
class KernelCase:
    """One call of `symbol`: pointers to the buffers in order, then the 32-bit sizes."""

    symbol: str
    buffers: tuple[Buffer, ...]
    sizes: tuple[int, ...] = ()


@dataclass(frozen=True)
class KernelRun:
    """What a call left behind: the written buffers by index, and exact counts.

    Attributes:
        outputs: the arrays of the buffers that are `written`, by their index in the case.
        returned: what the function returned.
        instructions: executed from the function's first instruction to its return.
        stack_bytes: of the stack that the call used.
        profile: more counts, where details were asked for.
    """

    outputs: dict[int, NDArray[Any]]
    returned: int
    instructions: int
    stack_bytes: int
    profile: Segment


def run_kernel(target: McuTarget, objects: Sequence[bytes], case: KernelCase) -> KernelRun:
    """One case of `run_kernels`."""
    (run,) = run_kernels(target, objects, [case])
    return run


def run_kernels(
    target: McuTarget,
    objects: Sequence[bytes],
    cases: Sequence[KernelCase],
    *,
    detail: bool = False,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> list[KernelRun]:
    """Run kernels of object files on the emulator of `target`.

    Every buffer starts at a multiple of 4 bytes, and lies between margins that no kernel may touch.

    Raises:
        ToolchainError: a program is missing; names the package.
        BuildError: the objects do not link.
        EmulatorError: a kernel faulted, did not end, wrote outside of its buffers or to one that is
            not `written`, or accessed memory at addresses that the core does not allow.
    """
    with tempfile.TemporaryDirectory(prefix="graphopt-") as name:
        paths = [Path(name) / f"kernel{i}.o" for i in range(len(objects))]
        for path, content in zip(paths, objects, strict=True):
            path.write_bytes(content)
        symbols = sorted({case.symbol for case in cases})
        image = link(target, paths, symbols)
    job, layouts = Job(), [_Layout(case, image.free[0]) for case in cases]
    results: list[tuple[int, int, int]] = []
    for case, layout in zip(cases, layouts, strict=True):
        layout.check_fits(image.free[1])
        job.load(layout.start, layout.before.tobytes())
        paint_stack(job, image)
        arguments = [*layout.addresses, *case.sizes]
        returned = job.call(image.symbols.address(case.symbol), arguments, image.stack[1])
        results.append((returned, save_stack(job, image), job.save(layout.start, layout.nbytes)))
    # Some emulators let pass what the core would trap.
    outcome = execute(
        image, job, symbols, detail or not target.unaligned, timeout_seconds=timeout_seconds
    )
    runs: list[KernelRun] = []
    for layout, indices, (_, profile) in zip(layouts, results, outcome.calls, strict=True):
        if profile.unaligned and not target.unaligned:
            raise EmulatorError(
                layout.case.symbol,
                f"expected every access to memory at a multiple of its size on {target.core}, "
                f"found {profile.unaligned} at others",
            )
        status, stack, memory = (outcome.results[index] for index in indices)
        runs.append(
            KernelRun(
                layout.outputs(memory),
                int(status.view(np.int32)[0]),
                profile.instructions,
                used_stack(stack, image),
                profile,
            )
        )
    return runs


class _Layout:
    """Where the buffers of a case lie, from address `start` on, and what memory holds there."""

    def __init__(self, case: KernelCase, start: int) -> None:
        self.case, self.start = case, start
        offsets: dict[int, int] = {}  # of each buffer, from `start`
        end = 0
        for root in (i for i, buffer in enumerate(case.buffers) if buffer.over is None):
            group = _group(case.buffers, root)
            first = min(group.values())
            base = _aligned(end + MARGIN_BYTES - first)
            offsets |= {i: base + offset for i, offset in group.items()}
            end = max(offsets[i] + case.buffers[i].array.nbytes for i in group)
        self.nbytes = _aligned(end + MARGIN_BYTES)
        self.addresses = [start + offsets[i] for i in range(len(case.buffers))]
        self._places = [
            slice(offsets[i], offsets[i] + buffer.array.nbytes)
            for i, buffer in enumerate(case.buffers)
        ]
        self.before = np.full(self.nbytes, MARK, np.uint8)
        # What is only read comes last: where two buffers meet, its content counts.
        for i in sorted(offsets, key=lambda i: not case.buffers[i].written):
            self.before[self._places[i]] = as_bytes(case.buffers[i].array)

    def check_fits(self, end: int) -> None:
        """Raise EmulatorError where the buffers reach beyond address `end`."""
        if self.start + self.nbytes > end:
            raise EmulatorError(
                self.case.symbol,
                f"expected at most {end - self.start} bytes of buffers, found {self.nbytes}",
            )

    def outputs(self, memory: NDArray[np.uint8]) -> dict[int, NDArray[Any]]:
        """The written buffers, from what memory holds after the call."""
        changed = memory != self.before
        written = [i for i, buffer in enumerate(self.case.buffers) if buffer.written]
        for i in written:
            changed[self._places[i]] = False
        if changed.any():
            raise EmulatorError(self.case.symbol, self._describe(int(changed.argmax())))
        return {
            i: memory[self._places[i]]
            .view(self.case.buffers[i].array.dtype)
            .reshape(self.case.buffers[i].array.shape)
            for i in written
        }

    def _describe(self, offset: int) -> str:
        def distance(i: int) -> int:
            place = self._places[i]
            return max(place.start - offset, offset - place.stop + 1, 0)

        nearest = min(range(len(self._places)), key=distance)
        place, away = self._places[nearest], distance(nearest)
        size = f"buffer {nearest} of {place.stop - place.start} bytes"
        if away == 0:
            return f"expected {size} to be read only, found byte {offset - place.start} changed"
        side = "before" if offset < place.start else "behind"
        return f"expected writes inside buffers only, found one {away} bytes {side} {size}"


def _group(buffers: Sequence[Buffer], root: int) -> dict[int, int]:
    """Buffers that lie over `root`, itself included, and how far after its start they start."""
    group = {root: 0}
    for i, buffer in enumerate(buffers):
        if buffer.over is not None and buffer.over[0] == root:
            group[i] = buffer.over[1]
    return group


def _aligned(offset: int) -> int:
    return -(-offset // _ALIGNMENT) * _ALIGNMENT
