"""The report as tables for a terminal."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from graphopt.report.data import Report
from graphopt.report.units import count, duration, size


def summary(report: Report) -> RenderableType:
    """A few lines: the model, its size, what it became."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_row("model", Text(report.model))
    table.add_row("target", f"{report.target}, {report.threads} thread(s)")
    table.add_row("inputs", Text(", ".join(report.inputs)))
    table.add_row("outputs", Text(", ".join(report.outputs)))
    table.add_row("kernels", f"{len(report.kernels)}, from {report.imported_nodes} ONNX operators")
    table.add_row("MACs", count(report.macs))
    table.add_row("weights", size(report.weight_bytes))
    if report.flash_bytes is not None:
        table.add_row("flash", f"{size(report.flash_bytes)} of weights and kernels")
    table.add_row("peak memory", f"{size(report.arena_bytes)} of activations in one arena")
    if report.regions:
        nodes = sum(len(region.nodes) for region in report.regions)
        where = f"{nodes} kernels in {len(report.regions)} region(s)"
        table.add_row("patches", f"{where}, {report.factor:.3f} times the MACs of whole maps")
    if report.seconds:
        steps = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in report.seconds.items())
        table.add_row("compiled in", f"{sum(report.seconds.values()):.2f} s ({steps})")
    return table


def kernels(report: Report) -> Table:
    """One row per kernel."""
    timed = any(k.microseconds is not None for k in report.kernels)
    scratch = any(k.scratch_bytes for k in report.kernels)
    table = Table("kernel", "operators", "schedule", box=None, pad_edge=False)
    again = any(k.calls > 1 for k in report.kernels)
    columns = ["MACs", "moved", "weights", *(["scratch"] if scratch else [])]
    columns = [*(["calls"] if again else []), *columns]
    for name in (*columns, *(["time"] if timed else [])):
        table.add_column(name, justify="right", no_wrap=True)
    for k in report.kernels:
        row: list[Text | str] = [Text(k.name), Text(" ".join(k.operators)), k.schedule]
        if again:
            row.append(str(k.calls))
        row += [count(k.macs), size(k.nbytes), size(k.weight_bytes)]
        if scratch:
            row.append(size(k.scratch_bytes) if k.scratch_bytes else "")
        if timed:
            row.append("" if k.microseconds is None else duration(k.microseconds))
        table.add_row(*row)
    return table


def fusion(report: Report) -> Table:
    """What every pass that did or refused something did, and why it refused."""
    table = Table("pass", "phase", "rewrites", "nodes", "left alone", box=None, pad_edge=False)
    for run in report.passes:
        if not run.rewrites and not run.rejections:
            continue
        reasons: dict[str, int] = {}
        for _, reason in run.rejections:
            reasons[reason] = reasons.get(reason, 0) + 1
        left = "; ".join(f"{times} x {reason}" for reason, times in reasons.items())
        nodes = f"{run.nodes_before} -> {run.nodes_after}"
        table.add_row(run.name, run.phase, str(run.rewrites), nodes, Text(left))
    return table


def regions(report: Report) -> Table:
    """One row per patched region."""
    table = Table("region", box=None, pad_edge=False)
    table.add_column("form", min_width=len("line buffers"))
    for name in ("kernels", "tile", "MACs", "F", "buffers", "moved", "calls"):
        table.add_column(name, justify="right", no_wrap=True)
    for r in report.regions:
        figures = [str(len(r.nodes)), f"{r.tile[0]} x {r.tile[1]}", count(r.macs)]
        figures += [f"{r.factor:.3f}", size(r.peak_bytes), size(r.moved_bytes), str(r.calls)]
        table.add_row(r.name, r.form, *figures)
    return table


def patches(report: Report) -> Group:
    """The regions, where their halos come from, and what other windows there would save."""
    if not report.regions:
        return Group()
    advice = (
        Text(f"{region.name}: {line}", style="cyan")
        for region in report.regions
        if region.halo
        for line in region.halo.lines
    )
    return Group(Text(), regions(report), *advice, Text())


def tradeoff(report: Report) -> Group:
    """Memory against latency: a row per plan."""
    if report.tradeoff is None:
        return Group()
    table = Table(box=None, pad_edge=False)
    for name in ("arena", "latency", "F", "regions", "kernels"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    for p in report.tradeoff.points:
        counts = (str(p.regions or ""), str(p.kernels or ""))
        chosen = "chosen" if p == report.tradeoff.chosen else ""
        row = (size(p.arena_bytes), f"{p.latency:.3f}", f"{p.factor:.3f}", *counts, chosen)
        table.add_row(*row)
    return Group(Text(), table)


def floats(report: Report) -> Table | Text:
    """What a quantized model still computes in floats, and why."""
    if not report.floats:
        return Text("every operator of the quantized model computes on integers")
    table = Table("in floats", "operator", "where", "why", box=None, pad_edge=False)
    for each in report.floats:
        where = "between integers" if each.inside else "at a border"
        table.add_row(Text(each.name), each.operator, where, Text(each.reason))
    return table


def notes(report: Report) -> Iterator[Text]:
    """Slower routes of the whole model, and of how many kernels a full report tells more."""
    for note in report.notes:
        yield Text(f"slower route: {note}", style="yellow")
    slower = sum(bool(kernel.notes) for kernel in report.kernels)
    if slower:
        yield Text(f"slower routes of {slower} kernels: see the report", style="yellow")


def full(report: Report) -> RenderableType:
    """Summary, kernels, passes, floats and warnings, one under the other."""

    def parts() -> Iterator[RenderableType]:
        yield summary(report)
        yield Text()
        yield kernels(report)
        yield patches(report)
        yield tradeoff(report)
        if report.passes:
            yield Text()
            yield fusion(report)
        if report.floats is not None:
            yield Text()
            yield floats(report)
        for warning in report.warnings:
            yield Text(f"slower route: {warning}", style="yellow")

    return Group(*parts())
