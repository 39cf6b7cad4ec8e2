"""How much stack a call used: it is painted before and looked at after."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graphopt.errors import EmulatorError
from graphopt.targets.mcu.image import Image
from graphopt.targets.mcu.job import Job

_PAINT = 0xA5A5A5A5
# What a frame may leave as it was where a stack overflows.
_SPARE_BYTES = 1024


def paint_stack(job: Job, image: Image) -> None:
    """Paint the stack of the next call."""
    start, end = image.stack
    job.fill(start, end - start, _PAINT)


def save_stack(job: Job, image: Image) -> int:
    """Bring back the stack. Returns its index among the results."""
    start, end = image.stack
    return job.save(start, end - start)


def used_stack(saved: NDArray[np.uint8], image: Image) -> int:
    """The bytes of a painted stack that a call used, without arguments put there for it.

    Raises:
        EmulatorError: it used all there is, so that there is no telling how much it needs.
    """
    (touched,) = np.nonzero(saved.view(np.uint32) != _PAINT)
    if len(touched) and 4 * touched[0] < _SPARE_BYTES:
        allowed = len(saved) - _SPARE_BYTES
        raise EmulatorError("stack", f"expected at most {allowed} bytes used, found it full")
    deepest = 4 * int(touched[0]) if len(touched) else len(saved)
    top = len(saved) - image.symbols.address("stacked_argument_bytes")
    return max(top - deepest, 0)
