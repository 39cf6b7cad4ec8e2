"""The ONNX node suite in the interpreter."""

from __future__ import annotations

import warnings

import numpy as np

from .lists import read
from .suite import cases, check


def test_every_case_is_right_or_excluded_for_a_reason() -> None:
    excluded = read("interpreter_excluded.txt")
    assert list(excluded) == sorted(excluded) and all(excluded.values())
    assert set(excluded) <= set(cases())
    wrong, passing = {}, []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for name, case in cases().items():
            if excluded.get(name, "").startswith("random"):
                continue  # it would pass by chance now and then
            try:
                reason = check(case)
            except AssertionError as error:
                reason = f"wrong: {error}"
            if reason and name not in excluded:
                wrong[name] = reason
            if not reason and name in excluded:
                passing.append(name)
    assert not wrong
    assert not passing, "these cases pass now: take them off the list"
