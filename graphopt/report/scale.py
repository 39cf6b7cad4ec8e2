"""Numbers along an axis of a picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor, log10

STEPS = (1, 2, 5, 10)


@dataclass(frozen=True)
class Scale:
    """Numbers from `low` to `high` as shares of a length, by themselves or by their logarithm."""

    low: float
    high: float
    logarithmic: bool = False

    @staticmethod
    def over(numbers: list[float], logarithmic: bool = False) -> Scale:
        """A scale with some room on either side; logarithmic only if all numbers are above 0."""
        low, high = min(numbers), max(numbers)
        if logarithmic and low > 0:
            margin = (high / low) ** 0.06 if high > low else 2.0
            return Scale(low / margin, high * margin, True)
        margin = 0.06 * (high - low) or abs(high) / 2 or 1.0
        return Scale(max(low - margin, 0.0) if low >= 0 else low - margin, high + margin)

    def at(self, number: float) -> float:
        """Where a number lies: 0 at `low`, 1 at `high`."""
        if self.logarithmic:
            return (log10(number) - log10(self.low)) / (log10(self.high) - log10(self.low))
        return (number - self.low) / (self.high - self.low)

    def ticks(self, most: int = 6) -> list[float]:
        """Round numbers within the scale."""
        if not self.logarithmic:
            return self._even(most)
        for wanted in ((1, 2, 5), (1, 3), (1,)):
            found = [tick for tick in self._decades(wanted) if self.low <= tick <= self.high]
            if 2 <= len(found) <= most:
                return found
        return found[:: ceil(len(found) / most)] if len(found) > 1 else self._even(most)

    def _even(self, most: int) -> list[float]:
        exact = (self.high - self.low) / most
        power = 10.0 ** floor(log10(exact))
        step = next(s * power for s in STEPS if s * power >= exact * (1 - 1e-9))
        first = ceil(self.low / step)
        return [n * step for n in range(first, floor(self.high / step) + 1)]

    def _decades(self, wanted: tuple[int, ...]) -> Iterator[float]:
        for decade in range(floor(log10(self.low)), ceil(log10(self.high)) + 1):
            yield from (digit * 10.0**decade for digit in wanted)
