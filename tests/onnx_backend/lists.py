"""The lists beside this file: one sorted line per case, with a reason where it is excluded."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent


def read(name: str) -> dict[str, str]:
    """Case name to reason ("" in a list of supported cases)."""
    entries = {}
    for line in (FOLDER / name).read_text().splitlines():
        case, _, reason = line.partition(": ")
        entries[case] = reason
    return entries


def write(name: str, entries: dict[str, str]) -> None:
    """Replace a list."""
    lines = (f"{case}: {reason}" if reason else case for case, reason in sorted(entries.items()))
    (FOLDER / name).write_text("".join(f"{line}\n" for line in lines))
