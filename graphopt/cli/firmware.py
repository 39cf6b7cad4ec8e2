"""bench for microcontrollers: exact counts of the emulator, and what the model takes of a board."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from graphopt.ir import Array
    from graphopt.runtime.firmware import Bench, CallBench, Firmware


def measure(firmware: Firmware, inputs: dict[str, Array] | None) -> dict[str, Any]:
    """The figures of one run on the emulator, on random inputs where none are given."""
    import numpy as np

    from graphopt.testing import random_array

    if inputs is None:
        rng = np.random.default_rng(0)
        inputs = {port.name: random_array(port.type, rng) for port in firmware.manifest.inputs}
    return facts(firmware, firmware.bench(inputs))


def facts(firmware: Firmware, bench: Bench) -> dict[str, Any]:
    """A bench as what `json` can write. Cycles and seconds are estimates, all else is exact."""
    emulator = firmware.target.emulator
    return {
        "model": firmware.manifest.name,
        "target": firmware.target.name,
        "emulator": emulator.machine if emulator else None,
        "instructions": bench.instructions,
        "cycles_estimate": round(bench.cycles),
        "seconds_estimate": bench.seconds,
        "arena_bytes": {
            "planned": bench.arena.planned_bytes,
            "header": bench.arena.header_bytes,
            "measured": bench.arena.measured_bytes,
            "lower_bound": firmware.manifest.arena_lower_bound,
        },
        "stack_bytes": bench.stack_bytes,
        "flash_bytes": {
            "weights": bench.flash.weights_bytes,
            "code": bench.flash.code_bytes,
            "total": bench.flash.total_bytes,
        },
        "driver_instructions": bench.driver.instructions,
        "driver_cycles_estimate": round(bench.driver.cycles),
        "calls": [_call(each) for each in bench.calls],
    }


def table(found: dict[str, Any]) -> RenderableType:
    """The same for people."""
    from graphopt.lower.mcu.text import short_location
    from graphopt.report.units import duration

    title = f"{found['model']}: {found['target']}, one run on {found['emulator']} (QEMU)"
    rows = Table(title=title, box=None, title_justify="left", pad_edge=False)
    for name in ("instructions", "share", "per MAC", "cycles (est.)"):
        rows.add_column(name, justify="right", no_wrap=True)
    rows.add_column("schedule", no_wrap=True)
    rows.add_column("node")
    total = found["instructions"]
    for call in found["calls"]:
        figures = _figures(call["instructions"], total, call["macs"], call["cycles_estimate"])
        node = Text(short_location(call["location"]), no_wrap=True, overflow="ellipsis")
        rows.add_row(*figures, call["schedule"], node)
    driver = found["driver_instructions"]
    rows.add_row(*_figures(driver, total, 0, found["driver_cycles_estimate"]), "", "(driver)")
    macs = sum(call["macs"] for call in found["calls"])
    rows.add_row(*_figures(total, total, macs, found["cycles_estimate"]), "", "total")
    arena, flash = found["arena_bytes"], found["flash_bytes"]
    sizes = [arena["planned"], arena["header"], arena["measured"]]
    same = len(set(sizes)) == 1
    planned, header, measured = (f"{size:,}" for size in sizes)
    sign, remark = ("=", "") if same else ("|", ", not the same")
    seconds = found["seconds_estimate"]
    lines = [
        f"arena   {planned} {sign} header {header} {sign} measured {measured} bytes{remark}; "
        f"lower bound {arena['lower_bound']:,}",
        f"stack   {found['stack_bytes']:,} bytes",
        f"flash   {flash['total']:,} bytes: weights {flash['weights']:,}, code {flash['code']:,}",
        *(
            [f"time    {duration(seconds * 1e6)} at the board's clock (estimate)"]
            if seconds
            else []
        ),
    ]
    return Group(rows, Text("\n".join(lines)))


def _figures(instructions: int, total: int, macs: int, cycles: int) -> tuple[str, ...]:
    per_mac = f"{instructions / macs:.2f}" if macs else ""
    return f"{instructions:,}", f"{instructions / total:.1%}", per_mac, f"{cycles:,}"


def _call(each: CallBench) -> dict[str, Any]:
    return {
        "symbol": each.call.symbol,
        "schedule": each.call.schedule,
        "location": each.call.location,
        "operators": list(each.call.operators),
        "macs": each.call.macs,
        "instructions": each.count.instructions,
        "loads": each.count.loads,
        "stores": each.count.stores,
        "unaligned": each.count.unaligned,
        "cycles_estimate": round(each.count.cycles),
    }
