"""What a plan of regions has to keep."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What a plan has to keep.

    Attributes:
        sram: bytes of the arena; None for as few as the other limits admit.
        work: how long it may take at most, as a multiple of the time without regions.
        macs: multiply-accumulates at most, as a multiple of those of the graph: F of MCUNetV2.
    """

    sram: int | None = None
    work: float | None = None
    macs: float | None = None
