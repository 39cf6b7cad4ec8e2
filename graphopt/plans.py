"""Reading saved plans: what every kind of plan checks of its JSON."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from graphopt.errors import PlanError


def entries(data: Any, where: str, names: Collection[str]) -> Mapping[str, Any]:
    """`data` as an object that has at least the entries `names`.

    Raises:
        PlanError: it is no object, or lacks an entry.
    """
    content = mapping(data, where)
    missing = set(names) - set(content)
    if missing:
        raise PlanError(where, f"expected the entry {sorted(missing)[0]!r}, found none")
    return content


def mapping(data: Any, where: str) -> Mapping[str, Any]:
    """`data` as an object.

    Raises:
        PlanError: it is something else.
    """
    if not isinstance(data, Mapping):
        raise PlanError(where, f"expected an object, found {data!r}")
    return data


def names(data: Any, where: str) -> tuple[str, ...]:
    """`data` as a list of names.

    Raises:
        PlanError: it is something else.
    """
    if not isinstance(data, list) or not all(isinstance(name, str) for name in data):
        raise PlanError(where, f"expected a list of names, found {data!r}")
    return tuple(data)
