"""Numbers as people read them."""


def size(nbytes: int) -> str:
    """12.3 kB, 4.5 MB: powers of 1000, three digits."""
    return _scaled(nbytes, ("B", "kB", "MB", "GB"))


def count(number: int) -> str:
    """12.3 k, 4.5 M, 1.2 G."""
    return _scaled(number, ("", "k", "M", "G", "T"))


def duration(microseconds: float) -> str:
    """12.3 us, 4.5 ms, 1.2 s."""
    return _scaled(microseconds, ("us", "ms", "s"))


def cost(value: float, name: str) -> str:
    """A number in the unit that the name of a cost ends in: bytes, us, ms; else as it is."""
    if name.endswith("bytes"):
        return size(round(value))
    if name.endswith(("_us", "_ms")):
        return duration(value * (1000 if name.endswith("_ms") else 1))
    return count(round(value)) if value >= 1000 else f"{value:.4g}"


def _scaled(number: float, units: tuple[str, ...]) -> str:
    unit = 0
    while number >= 999.5 and unit + 1 < len(units):
        number, unit = number / 1000, unit + 1
    whole = unit == 0 and number == int(number)
    text = f"{number:.0f}" if whole or number >= 99.95 else f"{number:.3g}"
    return f"{text} {units[unit]}".strip()
