"""Say what is being done, and how long each step took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Called with one line on what starts now.
Progress = Callable[[str], None]


def say(progress: Progress | None, line: str) -> None:
    """Tell a listener, if there is one."""
    if progress is not None:
        progress(line)


@contextmanager
def step(name: str, progress: Progress | None, seconds: dict[str, float]) -> Iterator[None]:
    """Tell that a step starts, and add the time that it takes to `seconds`."""
    say(progress, name)
    start = time.perf_counter()
    yield
    seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - start
