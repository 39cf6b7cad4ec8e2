"""Samples from files, folders and iterables, and what is wrong with bad ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphopt.errors import InputError
from graphopt.ir import Array, DType, TensorType, Value
from graphopt.quantization.samples import Data, Samples

X = Value("x", TensorType(DType.F32, (1, 2, 3)))
MASK = Value("mask", TensorType(DType.I64, (1, 4)))


def numbers(*shape: int) -> Array:
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def listed(samples: Samples) -> list[Any]:
    """The samples, after a second pass over them gave the same."""
    first = [{k: a.tolist() for k, a in sample.items()} for sample in samples]
    assert first == [{k: a.tolist() for k, a in sample.items()} for sample in samples]
    return first


def test_npz_by_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", x=numbers(5, 2, 3), mask=np.ones((5, 4), np.int64))
    samples = listed(Samples([X, MASK], tmp_path / "s.npz"))
    assert len(samples) == 5
    assert samples[1] == {"x": numbers(5, 2, 3)[1:2].tolist(), "mask": [[1, 1, 1, 1]]}


def test_npz_without_names_serves_a_single_input(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", numbers(5, 1, 2, 3))
    assert len(listed(Samples([X], tmp_path / "s.npz"))) == 5


def test_limit(tmp_path: Path) -> None:
    np.savez(tmp_path / "s.npz", x=numbers(5, 2, 3))
    assert len(listed(Samples([X], tmp_path / "s.npz", limit=2))) == 2


def test_folder_in_the_order_of_names(tmp_path: Path) -> None:
    np.save(tmp_path / "b.npy", numbers(1, 2, 3) + 100)
    np.save(tmp_path / "a.npy", numbers(2, 3))
    np.savez(tmp_path / "c.npz", x=numbers(2, 2, 3) + 200)
    (tmp_path / "readme.txt").write_text("no sample")
    samples = listed(Samples([X], tmp_path))
    assert [sample["x"][0][0][0] for sample in samples] == [0, 100, 200, 206]


def test_a_batch_stays_together() -> None:
    batched = Value("x", TensorType(DType.F32, (2, 3)))
    assert listed(Samples([batched], [numbers(4, 3)])) == [
        {"x": numbers(2, 3).tolist()},
        {"x": (numbers(2, 3) + 6).tolist()},
    ]


def test_list_of_arrays_and_of_mappings() -> None:
    assert len(listed(Samples([X], [numbers(1, 2, 3)] * 3))) == 3
    assert len(listed(Samples([X], [{"x": numbers(2, 3)}] * 3))) == 3


def test_generator_can_be_read_twice() -> None:
    taken: list[int] = []

    def generate() -> Iterator[Array]:
        for index in range(10):
            taken.append(index)
            yield numbers(1, 2, 3) + index

    samples = Samples([X], generate(), limit=4)
    assert [sample["x"][0][0][0] for sample in listed(samples)] == [0, 1, 2, 3]
    assert taken == [0, 1, 2, 3]


def nan(sample: Array) -> Array:
    sample[0, 1, 1] = np.nan
    return sample


def infinite(sample: Array) -> Array:
    sample[0, 1, 1] = -np.inf
    return sample


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: {"y": s}, "sample 1: names: expected x, found y"),
        (lambda s: {"x": s, "y": s}, "sample 1: names: expected x, found x, y"),
        (lambda s: s[:, :, :2], "sample 1: shape of x: expected f32[1,2,3], or N of them, found "),
        (lambda s: s.astype(np.float64), "sample 1: dtype of x: expected float32, found float64"),
        (nan, "sample 1: x: expected numbers, found NaN"),
        (infinite, "sample 1: x: expected numbers, found infinity"),
    ],
)
def test_a_bad_sample_is_named(change: Callable[[Array], Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        list(Samples([X], [numbers(1, 2, 3), change(numbers(1, 2, 3))]))
    assert str(caught.value).startswith(message)


def test_several_inputs_need_names() -> None:
    with pytest.raises(InputError, match="sample 0: expected arrays named x, mask, found one"):
        list(Samples([X, MASK], [numbers(1, 2, 3)]))


def test_as_many_of_each_input() -> None:
    given = {"x": numbers(3, 2, 3), "mask": np.ones((2, 4), np.int64)}
    with pytest.raises(InputError, match="expected as many of each input, found 3 of x, 2 of mask"):
        list(Samples([X, MASK], [given]))


def test_no_samples(tmp_path: Path) -> None:
    empty: list[Data] = [[], iter([]), tmp_path]
    for data in empty:
        with pytest.raises(InputError, match="samples: expected at least one, found none"):
            list(Samples([X], data))


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a file or folder of samples, found none"):
        Samples([X], tmp_path / "s.npz")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04damaged", b"text"])
def test_damaged_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "s.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"s.npz: expected a .npy or .npz file of numbers"):
        list(Samples([X], tmp_path / "s.npz"))
