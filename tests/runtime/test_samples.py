"""Several samples at once are split for a model of one, and its results joined the same way."""

import numpy as np
import pytest

from graphopt.errors import InputError
from graphopt.ir import DType, TensorType
from graphopt.runtime.manifest import Port
from graphopt.runtime.samples import join_samples, split_samples

X = Port("x", TensorType(DType.I8, (1, 3)))
Y = Port("y", TensorType(DType.F32, (2, 2)))


def test_one_sample_is_none() -> None:
    assert split_samples([X], {"x": np.zeros((1, 3), np.int8)}) is None
    assert split_samples([], {}) is None


def test_samples_along_the_models_own_dimension() -> None:
    given = np.arange(12, dtype=np.int8).reshape(4, 3)
    samples = split_samples([X], {"x": given})
    assert samples is not None and [s[0].shape for s in samples] == [(1, 3)] * 4
    np.testing.assert_array_equal(join_samples([s[0] for s in samples]), given)


def test_samples_along_a_further_dimension() -> None:
    given = np.arange(12, dtype=np.float32).reshape(3, 2, 2)
    samples = split_samples([Y], {"y": given})
    assert samples is not None and len(samples) == 3
    np.testing.assert_array_equal(join_samples([s[0] for s in samples]), given)


def test_all_inputs_have_as_many() -> None:
    x, y = np.zeros((4, 3), np.int8), np.zeros((4, 2, 2), np.float32)
    samples = split_samples([X, Y], {"y": y, "x": x})
    assert samples is not None and [a.shape for a in samples[0]] == [(1, 3), (2, 2)]
    with pytest.raises(InputError, match="as many of each input, found y: 3, x: 4"):
        split_samples([X, Y], {"y": y[:3], "x": x})
    with pytest.raises(InputError, match="as many of each input, found y: one, x: 4"):
        split_samples([X, Y], {"y": y[0], "x": x})


def test_names_and_types_are_checked() -> None:
    with pytest.raises(InputError, match="names: expected x, found x, z"):
        split_samples([X], {"x": np.zeros((4, 3), np.int8), "z": np.zeros(4)})
    with pytest.raises(InputError, match="dtype: expected int8"):
        split_samples([X], {"x": np.zeros((4, 3))})
