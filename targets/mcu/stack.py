"""How much stack a call used: it is painted before and looked at after."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graphopt.targets.mcu.image import Image
from graphopt.targets.mcu.job import Job

_PAINT = 0xA5A5A5A5


def paint_stack(job: Job, image: Image) -> None:
    """Paint the stack of the next call."""
    start, end = image.stack
    job.fill(start, end - start, _PAINT)


def save_stack(job: Job, image: Image) -> int:
    """Bring back the stack. Returns its index among the results."""
    start, end = image.stack
    return job.save(start, end - start)


def used_stack(saved: NDArray[np.uint8], image: Image) -> int:
    """The bytes of a painted stack that a call used, without arguments put there for it."""
    (touched,) = np.nonzero(saved.view(np.uint32) != _PAINT)
    deepest = 4 * int(touched[0]) if len(touched) else len(saved)
    top = len(saved) - image.symbols.address("stacked_argument_bytes")
    return max(top - deepest, 0)
