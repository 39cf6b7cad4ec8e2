"""What watches the passes: records, dumps, verification and bisection of rewrites."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from graphopt.analysis.floats import FloatNode, float_nodes, is_quantized
from graphopt.analysis.ports import PortQuants, port_quants
from graphopt.errors import OptionError
from graphopt.ir import Graph
from graphopt.progress import Progress
from graphopt.text import print_graph
from graphopt.verify import verify, verify_explained, verify_integer_regions, verify_phase

VerifyLevel = Literal["each", "phase", "off"]


@dataclass(frozen=True)
class Rejection:
    """A structural match that a pass left alone."""

    where: str
    reason: str


@dataclass
class PassRecord:
    """One run of one pass."""

    name: str
    phase: str
    seconds: float = 0.0
    nodes_before: int = 0
    nodes_after: int = 0
    rewrites: int = 0
    changed: bool = False
    rejections: list[Rejection] = field(default_factory=list)


@dataclass
class Instruments:
    """Records every pass; dumps, verifies and bisects as told.

    Attributes:
        dump: folder for ``NNN-pass.txt`` after every pass that changed something.
        verify: after each pass, at the end of each phase, or never.
        bisect: rewrites after this many are refused; None allows all.
        progress: called with the name of each pass before it runs.
        floats: what a quantized graph still computes in floats; None before the end of the
            quantized phase, and of graphs without quantization.
    """

    dump: Path | None = None
    verify: VerifyLevel = "phase"
    bisect: int | None = None
    progress: Progress | None = None
    records: list[PassRecord] = field(default_factory=list)
    permitted: int = 0
    last_permitted: str = ""
    floats: tuple[FloatNode, ...] | None = None
    ports: PortQuants | None = None
    _dumped: int = 0

    @staticmethod
    def from_environment(progress: Progress | None = None) -> Instruments:
        """Instruments as GRAPHOPT_DUMP, GRAPHOPT_VERIFY and GRAPHOPT_BISECT say.

        Raises:
            OptionError: a variable has a value that means nothing.
        """
        dump = os.environ.get("GRAPHOPT_DUMP")
        level = os.environ.get("GRAPHOPT_VERIFY", "phase")
        bisect = os.environ.get("GRAPHOPT_BISECT")
        if level not in ("each", "phase", "off"):
            raise OptionError("GRAPHOPT_VERIFY", f"expected each, phase or off, found {level!r}")
        if bisect is not None and not bisect.isdigit():
            raise OptionError("GRAPHOPT_BISECT", f"expected a number, found {bisect!r}")
        return Instruments(
            dump=Path(dump) if dump else None,
            verify=cast(VerifyLevel, level),
            bisect=int(bisect) if bisect is not None else None,
            progress=progress,
        )

    def permit(self, pass_name: str, where: str) -> bool:
        """Whether one more rewrite may happen; counts it if so."""
        if self.bisect is not None and self.permitted >= self.bisect:
            return False
        self.permitted += 1
        self.last_permitted = f"{pass_name} at {where}"
        if self.records:
            self.records[-1].rewrites += 1
        return True

    def reject(self, pass_name: str, where: str, reason: str) -> None:
        """Note why a pass left a structural match alone."""
        if self.records and self.records[-1].name == pass_name:
            self.records[-1].rejections.append(Rejection(where, reason))

    @contextmanager
    def observe(self, name: str, phase: str, graph: Graph) -> Iterator[PassRecord]:
        """Time one pass and keep its record."""
        if self.progress:
            self.progress(name)
        record = PassRecord(name, phase, nodes_before=len(graph.nodes))
        self.records.append(record)
        start = time.perf_counter()
        yield record
        record.seconds = time.perf_counter() - start

    def after_pass(self, record: PassRecord, graph: Graph) -> None:
        """Verify and dump what a pass left."""
        record.nodes_after = len(graph.nodes)
        if self.verify == "each" and record.changed:
            verify(graph)
        if self.dump is not None and record.changed:
            self.dump.mkdir(parents=True, exist_ok=True)
            self._dumped += 1
            head = (
                f"// {record.phase}: {record.name}, {record.seconds * 1e3:.1f} ms, "
                f"{record.nodes_before} -> {record.nodes_after} nodes\n"
            )
            file = self.dump / f"{self._dumped:03d}-{record.name}.txt"
            file.write_text(head + print_graph(graph, locations=True) + "\n")

    def after_phase(self, phase: str, graph: Graph) -> None:
        """Check the invariant of a phase that has ended; note what its borders and floats are."""
        if self.verify != "off":
            verify_phase(graph, phase)
        if phase == "quantized":
            self.ports = port_quants(graph)
        if phase == "quantized" and is_quantized(graph):
            told = [
                (record.name, each.where, each.reason)
                for record in self.records
                if record.phase == phase
                for each in record.rejections
            ]
            self.floats = float_nodes(graph, told)
            if self.verify != "off" and self.records:
                verify_explained(graph, {where for _, where, _ in told})
        if phase == "fused" and self.floats is not None and self.verify != "off":
            names = {name for each in self.floats for name in each.name.split("+")}
            verify_integer_regions(graph, names)


_CURRENT: ContextVar[Instruments | None] = ContextVar("graphopt_instruments", default=None)


def current() -> Instruments:
    """The instruments of the pipeline that is running; plain ones outside a pipeline."""
    return _CURRENT.get() or Instruments()


@contextmanager
def using(instruments: Instruments) -> Iterator[Instruments]:
    """Make `instruments` the current ones."""
    token = _CURRENT.set(instruments)
    try:
        yield instruments
    finally:
        _CURRENT.reset(token)
