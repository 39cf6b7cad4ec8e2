"""What the machine that runs this process offers."""

from functools import cache
from pathlib import Path


@cache
def host_features() -> frozenset[str]:
    """The CPU's instruction set flags as Linux names them; empty where it does not tell."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return frozenset()
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "flags":
            return frozenset(value.split())
    return frozenset()


def host_cache_bytes(level: int) -> int | None:
    """Size of the data cache of `level` of the first core, or None where Linux does not tell."""
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        try:
            kind = (index / "type").read_text(encoding="utf-8").strip()
            found = (index / "level").read_text(encoding="utf-8").strip()
            size = (index / "size").read_text(encoding="utf-8").strip()
        except OSError:
            continue
        if found == str(level) and kind in ("Data", "Unified") and size.endswith("K"):
            return int(size[:-1]) * 1024
    return None
