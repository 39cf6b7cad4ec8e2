"""`graphopt_main` stops at the first call that fails and says which."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graphopt.errors import GraphoptError
from graphopt.lower.build import Built
from graphopt.lower.codegen import compile_kernel
from graphopt.lower.entry import entry_function
from graphopt.lower.kernel import Schedule
from graphopt.lower.link import link
from graphopt.lower.lowering import lower_program
from graphopt.lower.package import package
from graphopt.lower.steps import Kernel
from graphopt.runtime.model import Model
from graphopt.targets import Target, load_target
from graphopt.text import parse_graph

TEXT = """
graph g(%x: f32[4]) {
  %0: f32[4] = fused(%x) @ ["first"]
    region r(%a: f32[4]) { %s: f32[4] = add(%a, %a) return %s }
  %1: f32[4] = fused(%0) @ ["second"]
    region r(%a: f32[4]) { %s: f32[4] = add(%a, %a) return %s }
  return %0, %1
}"""


class NonZero(Kernel):
    """A function of the C library that returns a number other than zero."""

    @property
    def symbol(self) -> str:
        return "getpid"


def test_failed_call_is_named_and_nothing_follows(sum_schedule: Schedule[Target]) -> None:
    program = lower_program(parse_graph(TEXT), load_target(), [sum_schedule])
    first, second = program.calls
    failing = replace(second, kernel=NonZero(second.kernel.key, second.kernel.plan))
    program = replace(program, steps=(first, failing, first))
    objects = [
        compile_kernel(function, symbol, program.target, noalias=False)
        for function, symbol in (
            (entry_function(program), "graphopt_main"),
            (first.kernel.plan.build(), first.kernel.symbol),
        )
    ]
    model = Model(package(program, Built(link(objects), 0)))
    with pytest.raises(GraphoptError, match="second: kernel getpid failed"):
        model.run({"x": np.ones(4, np.float32)})
