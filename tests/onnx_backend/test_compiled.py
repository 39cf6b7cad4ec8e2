"""The ONNX node suite as machine code."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from .compiled import Compiler
from .lists import read
from .suite import cases, outcome

EXCLUDED = "compiled_excluded.txt"
PARTS = 24
SUPPORTED_AT_LEAST = 1300


def test_the_list_is_sorted_and_short_enough() -> None:
    excluded = read(EXCLUDED)
    assert list(excluded) == sorted(excluded) and all(excluded.values())
    assert set(excluded) <= set(cases())
    assert len(cases()) - len(excluded) >= SUPPORTED_AT_LEAST


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kernels")


@pytest.mark.parametrize("part", range(PARTS))
def test_every_case_is_right_or_excluded_for_a_reason(part: int, cache: Path) -> None:
    _check(part, Compiler(cache))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_every_case_is_right_when_optimized(part: int, cache: Path) -> None:
    _check(part, Compiler(cache, optimization=3))


def _check(part: int, compiler: Compiler) -> None:
    excluded = read(EXCLUDED)
    wrong, passing = {}, []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for name in sorted(cases())[part::PARTS]:
            if excluded.get(name, "").startswith("random"):
                continue  # it would pass by chance now and then
            reason = outcome(cases()[name], compiler)
            if reason and name not in excluded:
                wrong[name] = reason
            if not reason and name in excluded:
                passing.append(name)
    assert not wrong
    assert not passing, "these cases pass now: take them off the list"
