"""What a user allows a network to cost, as limits of the precision program."""

from __future__ import annotations

import math
from collections.abc import Mapping

from graphopt.errors import OptionError
from graphopt.quantization.costs import ACTIVATION_BYTES, COSTS, ELEMENT_BYTES
from graphopt.solver.precision import FORMATS, Limit, Row

Budget = Mapping[str, float | str]


def read_budget(budget: Budget, uniform: Mapping[str, float]) -> dict[str, float]:
    """The largest allowed values by name.

    Args:
        budget: a number, or a share of `uniform` like "62%", for "weight_bytes", "bops", "latency"
            (seconds of the layers) or "activation_bytes" (the peak), and a number for "formats"
            (how many different ones).
        uniform: what the network costs with 8 bits everywhere.

    Raises:
        OptionError: a name that is no cost, or a value that is not a number or a share.
    """
    return {name: _amount(name, value, uniform) for name, value in budget.items()}


def _amount(name: str, value: float | str, uniform: Mapping[str, float]) -> float:
    where = f"budget: {name}"
    if name not in (*COSTS, FORMATS):
        raise OptionError("budget", f"expected {', '.join((*COSTS, FORMATS))}, found {name!r}")
    share = isinstance(value, str) and value.endswith("%") and name in uniform
    try:
        amount = float(str(value).removesuffix("%") if share else value)
    except ValueError:
        amount = math.nan
    if not amount > 0:
        raise OptionError(
            where, f"expected a number above 0, or a share like '62%' of 8 bits, found {value!r}"
        )
    return amount / 100 * uniform[name] if share else amount


def limits(amounts: Mapping[str, float], rows: tuple[Row, ...]) -> tuple[Limit, ...]:
    """The limits of the program for amounts by name.

    Args:
        rows: the activations in memory at each step; see `activation_rows`.
    """
    return tuple(
        Limit(name, amount, rows, ELEMENT_BYTES)
        if name == ACTIVATION_BYTES
        else Limit(name, amount)
        for name, amount in amounts.items()
        if name != FORMATS
    )
