"""One step of the optimizers of ai.onnx.preview.training, which are plain arithmetic."""

from __future__ import annotations

from collections.abc import Callable

from graphopt.frontend.call import Call, Import
from graphopt.frontend.compose import Compose
from graphopt.ir import Value
from graphopt.ops import Greater, Sqrt

# (rate, step count, one tensor of each kind) -> the updated ones, weights first.
Update = Callable[[Call, Compose, Value, Value, tuple[Value, ...]], tuple[Value, ...]]


def _per_tensor(kinds: int, update: Update) -> Import:
    """Inputs: rate, step count, then the tensors kind by kind (weights, gradients, states)."""

    def run(call: Call) -> tuple[Value, ...]:
        c = Compose(call.builder)
        count = (len(call.inputs) - 2) // kinds
        results = [
            update(
                call,
                c,
                call.input(0),
                call.input(1),
                tuple(call.input(2 + kind * count + i) for kind in range(kinds)),
            )
            for i in range(count)
        ]
        return tuple(value for kind in zip(*results, strict=True) for value in kind)

    return run


def _regularized(call: Call, c: Compose, x: Value, gradient: Value) -> Value:
    return c.add(c.mul(x, call.number("norm_coefficient", 0.0)), gradient)


def adagrad(
    call: Call, c: Compose, rate: Value, step: Value, tensors: tuple[Value, ...]
) -> tuple[Value, ...]:
    x, gradient, squares = tensors
    steps = c.cast(step, x.type.dtype)
    decayed = c.div(rate, c.add(c.mul(steps, call.number("decay_factor", 0.0)), 1))
    gradient = _regularized(call, c, x, gradient)
    squares = c.add(squares, c.mul(gradient, gradient))
    scale = c.add(c.apply(Sqrt(), squares), call.number("epsilon", 1e-6))
    return c.sub(x, c.div(c.mul(decayed, gradient), scale)), squares


def adam(
    call: Call, c: Compose, rate: Value, step: Value, tensors: tuple[Value, ...]
) -> tuple[Value, ...]:
    x, gradient, mean, squares = tensors
    alpha, beta = call.number("alpha", 0.9), call.number("beta", 0.999)
    gradient = _regularized(call, c, x, gradient)
    mean = c.add(c.mul(mean, alpha), c.mul(gradient, 1 - alpha))
    squares = c.add(c.mul(squares, beta), c.mul(c.mul(gradient, gradient), 1 - beta))
    scale = c.add(c.apply(Sqrt(), squares), call.number("epsilon", 1e-6))
    steps = c.cast(step, x.type.dtype)
    correction = c.div(c.apply(Sqrt(), c.sub(1, c.pow(beta, steps))), c.sub(1, c.pow(alpha, steps)))
    # Without a first step there is no bias to correct.
    first = c.apply(Greater(), steps, c.scalar(0, x.type.dtype))
    rate = c.where(first, c.mul(rate, correction), rate)
    updated = c.sub(x, c.div(c.mul(rate, mean), scale))
    return c.mul(updated, 1 - call.number("norm_coefficient_post", 0.0)), mean, squares


def momentum(
    call: Call, c: Compose, rate: Value, step: Value, tensors: tuple[Value, ...]
) -> tuple[Value, ...]:
    x, gradient, velocity = tensors
    alpha = call.number("alpha")
    gradient = _regularized(call, c, x, gradient)
    steps = c.cast(step, x.type.dtype)
    first = c.apply(Greater(), steps, c.scalar(0, x.type.dtype))
    weight = c.where(first, c.scalar(call.number("beta"), x.type.dtype), 1)
    velocity = c.add(c.mul(velocity, alpha), c.mul(gradient, weight))
    if call.string("mode") == "nesterov":
        return c.sub(x, c.mul(rate, c.add(gradient, c.mul(velocity, alpha)))), velocity
    return c.sub(x, c.mul(rate, velocity)), velocity


IMPORTERS: dict[str, Import] = {
    "ai.onnx.preview.training:Adagrad": _per_tensor(3, adagrad),
    "ai.onnx.preview.training:Adam": _per_tensor(4, adam),
    "ai.onnx.preview.training:Momentum": _per_tensor(3, momentum),
}
