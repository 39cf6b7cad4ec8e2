"""Real samples of the shared models, as the accuracy script feeds them."""

from __future__ import annotations

import numpy as np

from graphopt.ir import Array

from .test_accuracy import Runner, evaluate


class _Recorder(Runner):
    """A compiled model that keeps what it is fed."""

    def __init__(self, path: str, feeds: list[dict[str, Array]]) -> None:
        super().__init__(path)
        self.feeds = feeds

    def __call__(self, feed: dict[str, Array]) -> list[Array]:
        self.feeds.append({name: np.array(array) for name, array in feed.items()})
        return super().__call__(feed)


def real_feeds(name: str, count: int) -> list[dict[str, Array]]:
    """The inputs of the first `count` samples of a model's data, or of as many as there are."""
    feeds: list[dict[str, Array]] = []
    evaluate(name, count, lambda path: _Recorder(path, feeds))
    return feeds[:count]
