"""What quantization gives: a graph, and what was decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from graphopt.api import compile
from graphopt.errors import ArtifactError
from graphopt.ir import Graph
from graphopt.quantization.assignment import write_assignment
from graphopt.quantization.mixed import Mixed
from graphopt.quantization.plan import QuantizationPlan

if TYPE_CHECKING:
    from graphopt.runtime.firmware import Firmware
    from graphopt.runtime.model import Model


@dataclass(frozen=True)
class Quantized:
    """The result of quantization.

    Attributes:
        graph: canonical, with quantize and dequantize around everything that has an integer form.
        plan: what was decided.
        float_graph: the canonical graph before.
        seconds: the time of each step.
        mixed: what the formats of the layers were chosen by, if there was a budget.
    """

    graph: Graph
    plan: QuantizationPlan
    float_graph: Graph
    seconds: Mapping[str, float] = field(default_factory=dict[str, float])
    mixed: Mixed | None = None

    @overload
    def compile(self, target: Literal["cpu"] = "cpu", threads: int = 1) -> Model: ...
    @overload
    def compile(self, target: str = "cpu", threads: int = 1) -> Model | Firmware: ...
    def compile(self, target: str = "cpu", threads: int = 1) -> Model | Firmware:
        """The quantized graph for a target; see `graphopt.compile`."""
        return compile(self.graph, target, threads=threads)

    def save(self, folder: str | Path) -> None:
        """Write `model.onnx`, in QDQ form, `plan.json` and, after a budget, `assignment.json`.

        Raises:
            ArtifactError: the folder cannot be written.
            UnsupportedOperator: a node has no form in ONNX.
        """
        from graphopt.frontend import export_onnx

        folder = Path(folder)
        content = export_onnx(self.graph).SerializeToString()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "model.onnx").write_bytes(content)
            self.plan.save(folder / "plan.json")
            if self.mixed is not None:
                write_assignment(self.mixed.saved(), folder / "assignment.json")
        except OSError as error:
            raise ArtifactError(str(folder), f"cannot be written: {error.strerror}") from error
