"""Samples to calibrate on: from an npz file, a folder of files, or a Python iterable."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from graphopt.errors import InputError
from graphopt.ir import Array, TensorType, Value

Sample = Mapping[str, Array]
Data = str | Path | Iterable[Mapping[str, Any] | Any]
SUFFIXES = (".npy", ".npz")


class Samples:
    """The samples of a model's inputs, checked as they are read; may be iterated several times.

    A file holds one sample or many: with `[N, ...]` in front of the shape of an input that is N
    samples, and so is a multiple N of the input's own leading (batch) dimension. A npz file and
    the files of a folder are read again for each pass, one file at a time; a Python iterable
    that can be iterated again (a list, a dataset object) is; what can be iterated only once (a
    generator) is first written to a temporary folder, so that no more than one sample of it is
    in memory.

    Args:
        inputs: the inputs of the graph, with static shapes.
        data: a .npz or .npy file, a folder of such files (in the order of their names), or an
            iterable. A sample of an iterable, and a npz file, holds arrays by input name; for a
            model with one input, a bare array will do.
        limit: at most this many samples are used; None: all.

    Raises:
        InputError: there are no samples, or one has a wrong name, shape or dtype, or holds NaN
            or infinity; names the sample by its index. Other than for a generator, this happens
            while iterating.
    """

    def __init__(self, inputs: Sequence[Value], data: Data, limit: int | None = None) -> None:
        self._types = {value.name: value.type for value in inputs}
        self._limit = limit
        self._spool: tempfile.TemporaryDirectory[str] | None = None
        if isinstance(data, str | Path):
            self._source: Path | Iterable[Any] = _existing(Path(data))
        elif iter(data) is data:
            self._spool = tempfile.TemporaryDirectory(prefix="graphopt-samples-")
            self._source = Path(self._spool.name)
            self._write(islice(data, limit))
        else:
            self._source = data

    def __iter__(self) -> Iterator[dict[str, Array]]:
        index = -1
        for index, sample in enumerate(islice(self._read(), self._limit)):
            self._check_numbers(index, sample)
            yield sample
        if index < 0:
            raise InputError("samples", "expected at least one, found none", "give more data")

    def _read(self) -> Iterator[dict[str, Array]]:
        if not isinstance(self._source, Path):
            for index, item in enumerate(self._source):
                yield from self._split(index, self._named(index, item))
            return
        index = 0
        for file in _files(self._source):
            for sample in self._split(index, self._named(index, _load(file))):
                yield sample
                index += 1

    def _write(self, items: Iterator[Any]) -> None:
        assert isinstance(self._source, Path)
        for index, item in enumerate(items):
            arrays = self._named(index, item)
            np.savez(self._source / f"{index:09d}.npz", **arrays)  # type: ignore[arg-type]

    def _named(self, index: int, item: Any) -> dict[str, Array]:
        """The arrays of one item by input name."""
        where = f"sample {index}"
        expected = ", ".join(self._types)
        if not isinstance(item, Mapping):
            if len(self._types) != 1:
                raise InputError(where, f"expected arrays named {expected}, found one array")
            return {next(iter(self._types)): np.asarray(item)}
        if len(item) == len(self._types) == 1 and "arr_0" in item:  # numpy.savez without names
            return {next(iter(self._types)): np.asarray(item["arr_0"])}
        if set(item) != set(self._types):
            raise InputError(
                where, f"names: expected {expected}, found {', '.join(map(str, item)) or 'none'}"
            )
        return {name: np.asarray(item[name]) for name in self._types}

    def _split(self, index: int, arrays: Mapping[str, Array]) -> Iterator[dict[str, Array]]:
        """The samples that arrays with further leading indices hold."""
        pieces = {name: self._pieces(index, name, array) for name, array in arrays.items()}
        counts = {name: len(piece) for name, piece in pieces.items()}
        if len(set(counts.values())) > 1:
            found = ", ".join(f"{count} of {name}" for name, count in counts.items())
            raise InputError(f"sample {index}", f"expected as many of each input, found {found}")
        for each in zip(*pieces.values(), strict=True):
            yield {
                name: np.ascontiguousarray(piece) for name, piece in zip(pieces, each, strict=True)
            }

    def _pieces(self, index: int, name: str, array: Array) -> Array:
        """An array [N, *shape of the input]; N = 1 for a single sample."""
        type_ = self._types[name]
        where, shape = f"sample {index}", type_.dims
        if array.dtype != type_.dtype.numpy:
            raise InputError(
                where,
                f"dtype of {name}: expected {type_.dtype.numpy}, found {array.dtype}",
                f"convert it with .astype({str(type_.dtype.numpy)!r})",
            )
        fits = array.shape[-len(shape) :] == shape if shape else True
        if fits and array.ndim == len(shape) + 1:
            return array
        same_rest = array.ndim == len(shape) >= 1 and array.shape[1:] == shape[1:]
        if same_rest and shape[0] and array.shape[0] % shape[0] == 0:
            return array.reshape(-1, *shape)
        if shape[:1] == (1,) and array.shape == shape[1:]:
            return array.reshape(1, *shape)
        raise InputError(
            where,
            f"shape of {name}: expected {TensorType(type_.dtype, shape)}, or N of them, "
            f"found {list(array.shape)}",
        )

    def _check_numbers(self, index: int, sample: Sample) -> None:
        for name, array in sample.items():
            if self._types[name].dtype.is_float and not np.isfinite(array.astype(np.float64)).all():
                found = "NaN" if np.isnan(array.astype(np.float64)).any() else "infinity"
                raise InputError(f"sample {index}", f"{name}: expected numbers, found {found}")


def _existing(path: Path) -> Path:
    if not path.exists():
        raise InputError(str(path), "expected a file or folder of samples, found none")
    return path


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.suffix in SUFFIXES)
    return [path]


def _load(file: Path) -> Any:
    try:
        content = np.load(file)
        return dict(content) if isinstance(content, np.lib.npyio.NpzFile) else content
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(
            str(file), f"expected a .npy or .npz file of numbers, found {error}"
        ) from error


@dataclass(frozen=True)
class Some:
    """Every `step`-th of the samples, from the one with the index `first` on."""

    samples: Iterable[Sample]
    first: int
    step: int

    def __iter__(self) -> Iterator[Sample]:
        return islice(self.samples, self.first, None, self.step)
