"""Compile and run imported graphs, for the ONNX backend suite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from graphopt.instruments import Instruments
from graphopt.ir import Array, Graph
from graphopt.lower.build import build
from graphopt.lower.cache import CodeCache
from graphopt.lower.lowering import lower_program
from graphopt.lower.package import package
from graphopt.pipeline import run_pipeline
from graphopt.runtime.model import Model
from graphopt.targets import load_target


class Compiler:
    """Runs graphs as machine code for this CPU, without LLVM's optimizations unless asked."""

    def __init__(self, cache: Path, optimization: int = 0) -> None:
        self.cache = CodeCache(cache)
        self.target = replace(load_target("cpu"), optimization=optimization)

    def __call__(self, graph: Graph, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """The outputs by name.

        Raises:
            GraphoptError: the graph cannot be compiled.
        """
        program = lower_program(run_pipeline(graph, Instruments()), self.target)
        return Model(package(program, build(program, self.cache))).run(inputs)
