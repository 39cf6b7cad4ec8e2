"""The name of a kernel: a hash of everything its machine code follows from."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path

from graphopt import ir
from graphopt.ir import Graph, Node, Value
from graphopt.lower.kernel import KernelPlan
from graphopt.targets import Target
from graphopt.text import print_graph

_ROOT = Path(ir.__file__).parent


def kernel_key(plan: KernelPlan, constants: frozenset[int], target: Target) -> str:
    """Equal for two plans if and only if the same machine code serves both."""
    identity = plan.identity
    if identity is None:
        identity = f"{print_graph(canonical(plan.region))}\n{sorted(constants)}"
    parts = (code_version(), plan.schedule, identity, target.code_text)
    return text_key("\n".join(parts))


def text_key(text: str) -> str:
    """The hash by which compiled code is found again."""
    return hashlib.sha256(text.encode()).hexdigest()


def canonical(region: Graph) -> Graph:
    """The region with every name replaced by a number, so that equal computations print alike."""
    names = {value: Value(f"v{i}", value.type) for i, value in enumerate(region.values())}

    def renamed(values: tuple[Value, ...]) -> tuple[Value, ...]:
        return tuple(names[v] for v in values)

    nodes = (Node(n.op, renamed(n.inputs), renamed(n.outputs)) for n in region.nodes)
    return replace(
        region,
        name="region",
        inputs=renamed(region.inputs),
        nodes=tuple(nodes),
        outputs=renamed(region.outputs),
        constants={names[v]: array for v, array in region.constants.items()},
        output_names=(),
    )


@cache
def code_version() -> str:
    """The versions of TVM and of graphopt's own code generating files, as one hash."""
    digest = hashlib.sha256(version("apache-tvm").encode())
    for folder in ("ops", "lower", "schedules"):
        for path in sorted((_ROOT / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
