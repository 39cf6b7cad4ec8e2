"""Operators that draw random numbers: a compiled model gives the same answer every time."""

from __future__ import annotations

from graphopt.frontend.call import Call, Import
from graphopt.ir import Value


def random(call: Call) -> Value:
    raise call.unsupported(
        "random numbers: expected an operator with one answer",
        "make the random numbers an input of the model",
    )


IMPORTERS: dict[str, Import] = {
    "Bernoulli": random,
    "Multinomial": random,
    "RandomNormal": random,
    "RandomNormalLike": random,
    "RandomUniform": random,
    "RandomUniformLike": random,
}
