"""What an artifact says about itself: `manifest.json` as typed data, to and from JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from graphopt.errors import ArtifactError
from graphopt.ir import DType, Quant, TensorType

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Port:
    """An input or output of a model, as its user names it.

    `quant` is what its integers stand for, where the model says so. One that is streamed passes by
    so many `rows`.
    """

    name: str
    type: TensorType
    quant: Quant | None = None
    rows: int = 0

    @property
    def streamed(self) -> bool:
        return self.rows > 0

    @property
    def row_bytes(self) -> int:
        """Of a row of a streamed one."""
        return self.type.nbytes // self.rows


@dataclass(frozen=True)
class CallRecord:
    """One kernel call: what it computes, where, and what it costs.

    `arguments` are (space, index, offset); bytes count every tensor read or written once. A call
    in a loop runs several `times`: MACs and bytes are those of all.
    """

    symbol: str
    schedule: str
    location: str
    operators: tuple[str, ...]
    arguments: tuple[tuple[str, int, int], ...]
    macs: int
    nbytes: int
    weight_bytes: int
    times: int = 1


@dataclass(frozen=True)
class Repeat:
    """What is in a loop, `times` times one after the other."""

    times: int
    body: tuple[Execution, ...]


Execution = int | Repeat
"""A call by its number, or a loop."""


@dataclass(frozen=True)
class Manifest:
    """Everything needed to run a model besides its code and its weights.

    A firmware's C names start with `prefix`, such as `model` in `model_run`. Its inputs and outputs
    may lie at `input_offsets` and `output_offsets` of the arena, or anywhere else. Its kernels have
    the `form` of machine code (`library`) or of C (`source`); `flash_bytes` is an estimate of them
    and the weights. `helpers` are functions that its driver calls besides kernels. Models for a CPU
    have none of these. `order` says which calls run when, where that is not each once in order.
    """

    name: str
    target: str
    features: tuple[str, ...]
    threads: int
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    calls: tuple[CallRecord, ...]
    arena_bytes: int
    arena_lower_bound: int
    weights_bytes: int
    prefix: str = ""
    input_offsets: tuple[int, ...] = ()
    output_offsets: tuple[int, ...] = ()
    form: str = ""
    flash_bytes: int = 0
    helpers: tuple[str, ...] = ()
    order: tuple[Execution, ...] = ()

    @property
    def executed(self) -> Iterator[int]:
        """The numbers of the calls in the order in which they run."""
        return _executed(self.order or range(len(self.calls)))


def _executed(order: Iterable[Execution]) -> Iterator[int]:
    for each in order:
        if isinstance(each, Repeat):
            for _ in range(each.times):
                yield from _executed(each.body)
        else:
            yield each


def to_json(manifest: Manifest) -> dict[str, Any]:
    """The manifest as what `json` can write."""
    content = asdict(manifest)
    for ports in ("inputs", "outputs"):
        content[ports] = [
            {
                "name": p.name,
                "dtype": p.type.dtype.value,
                "shape": list(p.type.shape),
                "quant": asdict(p.quant) if p.quant is not None else None,
                "rows": p.rows,
            }
            for p in getattr(manifest, ports)
        ]
    return content


def from_json(content: dict[str, Any], where: str) -> Manifest:
    """The inverse of `to_json`.

    Raises:
        ArtifactError: a field is missing or of the wrong kind.
    """
    try:
        fields = dict(content)
        for ports in ("inputs", "outputs"):
            fields[ports] = tuple(_port(port) for port in content[ports])
        for several in ("features", "input_offsets", "output_offsets", "helpers"):
            fields[several] = tuple(content[several])
        fields["calls"] = tuple(_call(call) for call in content["calls"])
        fields["order"] = tuple(_execution(each) for each in content["order"])
        return Manifest(**fields)
    except (KeyError, TypeError, ValueError) as error:
        raise ArtifactError(
            where, f"manifest: expected the fields of format {FORMAT_VERSION}, found {error}"
        ) from error


def _port(content: dict[str, Any]) -> Port:
    shape = tuple(int(dim) for dim in content["shape"])
    quant = content["quant"]
    if quant is not None:
        quant = Quant(tuple(quant["scales"]), tuple(quant["zero_points"]), quant["axis"])
    type = TensorType(DType(content["dtype"]), shape)
    return Port(str(content["name"]), type, quant, int(content["rows"]))


def _execution(content: Any) -> Execution:
    if isinstance(content, dict):
        return Repeat(int(content["times"]), tuple(map(_execution, content["body"])))
    return int(content)


def _call(content: dict[str, Any]) -> CallRecord:
    fields = dict(content)
    fields["operators"] = tuple(content["operators"])
    fields["arguments"] = tuple((str(s), int(i), int(o)) for s, i, o in content["arguments"])
    return CallRecord(**fields)
