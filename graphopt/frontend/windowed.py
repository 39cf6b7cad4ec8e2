"""The attributes that convolutions and pools share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphopt.frontend.call import Call


@dataclass(frozen=True)
class Window:
    """Where a sliding window stands. `pads`: the begins of all dimensions, then the ends."""

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    pads: tuple[int, ...]
    dilations: tuple[int, ...]


def window(call: Call, size: Sequence[int], kernel: Sequence[int]) -> Window:
    """The window of a node over an input of spatial size `size`; `auto_pad` is resolved.

    Raises:
        ModelError: the attributes do not fit the number of spatial dimensions.
    """
    rank = len(size)
    strides = call.integers("strides", (1,) * rank)
    dilations = call.integers("dilations", (1,) * rank)
    pads = call.integers("pads", (0,) * (2 * rank))
    auto = call.string("auto_pad", "NOTSET")
    if not rank == len(kernel) == len(strides) == len(dilations) or len(pads) != 2 * rank:
        raise call.invalid(
            f"window: expected {rank} dimensions, found kernel {tuple(kernel)}, "
            f"strides {strides}, dilations {dilations}, pads {pads}"
        )
    if min(strides, default=1) < 1 or min(dilations, default=1) < 1:
        raise call.invalid(f"strides {strides} and dilations {dilations}: expected at least 1")
    if auto in ("SAME_UPPER", "SAME_LOWER"):
        pads = _same(size, kernel, strides, dilations, upper=auto == "SAME_UPPER")
    elif auto == "VALID":
        pads = (0,) * (2 * rank)
    elif auto != "NOTSET":
        raise call.invalid(f"auto_pad: expected SAME_UPPER, SAME_LOWER or VALID, found {auto!r}")
    return Window(tuple(kernel), strides, pads, dilations)


def _same(
    size: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    upper: bool,
) -> tuple[int, ...]:
    """Pads for which the output has ceil(size / stride) elements."""
    totals = [
        max(0, (-(-n // s) - 1) * s + (k - 1) * d + 1 - n)
        for n, k, s, d in zip(size, kernel, strides, dilations, strict=True)
    ]
    return split_pads(totals, upper)


def split_pads(totals: Sequence[int], upper: bool) -> tuple[int, ...]:
    """Totals split in halves; of an odd one the larger half is at the end if `upper`."""
    small, large = [t // 2 for t in totals], [t - t // 2 for t in totals]
    return (*small, *large) if upper else (*large, *small)
