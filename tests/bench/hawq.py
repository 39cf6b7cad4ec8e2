"""The nine assignments that HAWQ-V3 published for ResNet18, and ours from the same vectors."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from graphopt.solver.precision import Assignment, Choice, Group, Limit, Problem, solve

from ..frontend.shared_models import FOLDER

FILE = FOLDER.parent / "hawq" / "resnet18.json"
BITS = (8, 4)


@dataclass(frozen=True)
class HawqRow:
    """Bits per layer under one limit; the published ones and the loss that they have."""

    name: str
    published: tuple[int, ...]
    published_loss: float
    found: tuple[int, ...]
    assignment: Assignment


def hawq_rows() -> list[HawqRow]:
    """Every published row, solved from the published vectors (Yao et al. 2021, section 3.4).

    The loss of a layer at b bits is its mean Hessian trace times the squared error of its weights;
    a limit lies at a fraction of the way from the cost of all 4 to that of all 8 bits.
    """
    data = json.loads(FILE.read_text("utf-8"))
    groups = tuple(_group(data, layer) for layer in range(data["layers"]))
    equal = tuple(frozenset(f"layer{i}" for i in layers) for layers in data["equal_bits"])
    rows = []
    for name, bits in data["published"].items():
        cost, fraction = name.rsplit("_", 1)
        ends = {b: sum(_choice(g, b).costs[cost] for g in groups) for b in BITS}
        limit = Limit(cost, ends[4] + float(fraction) * (ends[8] - ends[4]))
        assignment = solve(Problem(groups, (limit,), equal))
        rows.append(
            HawqRow(
                name,
                tuple(bits),
                sum(_choice(g, b).loss for g, b in zip(groups, bits, strict=True)),
                tuple(int(format[1]) for format in assignment.formats.values()),
                assignment,
            )
        )
    return rows


def _group(data: dict[str, Any], layer: int) -> Group:
    """BOPS are published relative to 32 by 32 bits, sizes for 8 bits."""
    return Group(
        f"layer{layer}",
        tuple(
            Choice(
                f"w{bits}a{bits}",
                data["mean_hessian_trace"][layer] * data[f"weight_error_sq_{bits}bit"][layer],
                {
                    "modelsize": data["size_mb_8bit"][layer] * bits / 8,
                    "bops": data["bops_32bit_m"][layer] / (32 / bits) ** 2,
                    "latency": data[f"latency_ms_{bits}bit"][layer],
                },
            )
            for bits in BITS
        ),
    )


def _choice(group: Group, bits: int) -> Choice:
    return next(choice for choice in group.choices if choice.format == f"w{bits}a{bits}")
