"""The facts of a report. They travel in the artifact's manifest, so they convert to JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from graphopt.report.regions import Region, Timeline, Tradeoff


@dataclass(frozen=True)
class Kernel:
    """One fused region.

    Attributes:
        name: unique within the program.
        operators: the operators inside, in execution order.
        source: the ONNX nodes it comes from.
        schedule: how it runs; "" before one was chosen.
        macs: multiply-accumulates of one run of the model.
        nbytes: activations read and written by one run of the model.
        weight_bytes: constants it reads.
        microseconds: measured time of one run; None when not profiled.
        notes: why the route is slower or less exact than it could be.
        scratch_bytes: working memory in the arena that a call needs.
        calls: in one run of the model; more than one for tiles of a region.
    """

    name: str
    operators: tuple[str, ...]
    source: str
    schedule: str
    macs: int
    nbytes: int
    weight_bytes: int
    microseconds: float | None = None
    notes: tuple[str, ...] = ()
    scratch_bytes: int = 0
    calls: int = 1


@dataclass(frozen=True)
class Buffer:
    """A value's place in the arena: bytes, and the kernels (by index) during which it lives."""

    name: str
    offset: int
    nbytes: int
    first: int
    last: int


@dataclass(frozen=True)
class PassRun:
    """What one pass did, over all its runs in a phase; `rejections` are (where, why not)."""

    name: str
    phase: str
    milliseconds: float
    rewrites: int
    nodes_before: int
    nodes_after: int
    rejections: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Island:
    """A node of a quantized model that computes in floats: its ONNX name, operator, and why.

    `inside`: between quantized tensors, rather than where the model itself has floats.
    """

    name: str
    operator: str
    reason: str
    inside: bool


@dataclass(frozen=True)
class Report:
    """One compilation, explained.

    `source` is the absolute path of the ONNX file, if it was one, and `seconds` the time of each
    step of the compilation. `floats` is None for models without quantization. `notes` say why the
    route of the whole model is slower than it could be. `flash_bytes` is what the code and the
    constants of a firmware take, without its driver and the compiler's library; None: not known.
    `regions` run tile by tile; `timeline` shows what they save, None where there are none.
    `tradeoff` is what other plans would take, if that was asked for.
    """

    model: str
    target: str
    threads: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    imported_nodes: int
    weight_bytes: int
    kernels: tuple[Kernel, ...]
    passes: tuple[PassRun, ...]
    arena_bytes: int = 0
    buffers: tuple[Buffer, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict[str, float])
    floats: tuple[Island, ...] | None = None
    source: str = ""
    source_sha256: str = ""
    notes: tuple[str, ...] = ()
    flash_bytes: int | None = None
    regions: tuple[Region, ...] = ()
    timeline: Timeline | None = None
    tradeoff: Tradeoff | None = None

    @property
    def macs(self) -> int:
        return sum(kernel.macs for kernel in self.kernels)

    @property
    def factor(self) -> float:
        """Executed multiply-accumulates over those of the same nodes run whole."""
        plain = self.macs - sum(region.macs - region.plain_macs for region in self.regions)
        return self.macs / plain if plain else 1.0

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line for the whole model or a kernel that takes a slower or less exact route."""
        kernels = (f"{k.name} ({k.source}): {note}" for k in self.kernels for note in k.notes)
        return (*self.notes, *kernels)

    def timed(self, microseconds: Mapping[str, float]) -> "Report":
        """The report with measured times, by kernel name."""
        kernels = (replace(k, microseconds=microseconds.get(k.name)) for k in self.kernels)
        return replace(self, kernels=tuple(kernels))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Report":
        """The inverse of `to_json`, also after a trip through JSON text.

        Raises:
            KeyError, TypeError: `data` is not such a report.
        """
        fields = dict(data)
        fields["inputs"] = tuple(data["inputs"])
        fields["outputs"] = tuple(data["outputs"])
        fields["kernels"] = tuple(
            Kernel(**{**k, "operators": tuple(k["operators"]), "notes": tuple(k["notes"])})
            for k in data["kernels"]
        )
        fields["passes"] = tuple(
            PassRun(**{**p, "rejections": tuple((w, r) for w, r in p["rejections"])})
            for p in data["passes"]
        )
        fields["buffers"] = tuple(Buffer(**b) for b in data["buffers"])
        fields["notes"] = tuple(data["notes"])
        if data["floats"] is not None:
            fields["floats"] = tuple(Island(**each) for each in data["floats"])
        fields["regions"] = tuple(Region.from_json(each) for each in data["regions"])
        if data["timeline"] is not None:
            fields["timeline"] = Timeline.from_json(data["timeline"])
        if data["tradeoff"] is not None:
            fields["tradeoff"] = Tradeoff.from_json(data["tradeoff"])
        return Report(**fields)
