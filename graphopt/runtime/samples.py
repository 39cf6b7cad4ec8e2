"""Several samples at once: arrays with one sample after the other along their first dimension."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphopt.errors import InputError
from graphopt.ir import Array
from graphopt.runtime.arrays import bind
from graphopt.runtime.manifest import Port


def split_samples(ports: Sequence[Port], given: Mapping[str, Any]) -> list[list[Array]] | None:
    """The arrays of each sample in the order of `ports`; None where `given` is a single sample.

    Samples stand along a further first dimension, or along the model's own where that is 1.

    Raises:
        InputError: a name is missing or unknown, an array has another dtype or shape, or there are
            more samples of one input than of another.
    """
    counts = {
        port.name: np.shape(given[port.name])[0]
        for port in ports
        if port.name in given and _is_several(np.shape(given[port.name]), port.type.dims)
    }
    if not counts:
        return None
    if len(set(counts.values())) > 1 or len(counts) < len(ports):
        found = ", ".join(f"{name}: {counts.get(name, 'one')}" for name in given)
        raise InputError("inputs", f"samples: expected as many of each input, found {found}")
    shapes = {port.name: port.type.dims for port in ports}
    return [
        bind(
            ports,
            {
                name: np.asarray(array)[i].reshape(shapes[name]) if name in shapes else array
                for name, array in given.items()
            },
        )
        for i in range(next(iter(counts.values())))
    ]


def join_samples(outputs: Sequence[Array]) -> Array:
    """The results of several samples as `split_samples` takes inputs."""
    if outputs[0].ndim > 0 and outputs[0].shape[0] == 1:
        return np.concatenate(outputs)
    return np.stack(outputs)


def _is_several(shape: tuple[int, ...], one: tuple[int, ...]) -> bool:
    if shape[1:] == one:
        return len(shape) == len(one) + 1
    return shape[1:] == one[1:] and len(shape) == len(one) > 0 and one[0] == 1 < shape[0]
