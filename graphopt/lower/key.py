"""The name of a kernel: a hash of everything its machine code follows from."""

from __future__ import annotations

import hashlib
from dataclasses import fields, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path

from graphopt import ir
from graphopt.ir import Graph, Node, Value
from graphopt.targets import Target
from graphopt.text import print_graph

_ROOT = Path(ir.__file__).parent


def kernel_key(schedule: str, region: Graph, constants: frozenset[int], target: Target) -> str:
    """Equal for two regions if and only if the same machine code serves both."""
    parts = (
        code_version(),
        schedule,
        print_graph(canonical(region)),
        str(sorted(constants)),
        target_text(target),
    )
    return text_key("\n".join(parts))


def text_key(text: str) -> str:
    """The hash by which compiled code is found again."""
    return hashlib.sha256(text.encode()).hexdigest()


def target_text(target: Target) -> str:
    """Everything about a target that code may depend on; equal for equal targets."""
    described = {field.name: getattr(target, field.name) for field in fields(target)}
    described["features"] = sorted(target.features)
    return repr(described)


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
