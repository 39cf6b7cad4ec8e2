"""Elementwise operators as ONNX nodes."""

from __future__ import annotations

from onnx import helper

from graphopt import ops
from graphopt.frontend.emitter import Emitter, Export
from graphopt.ir import Node, Op


def plain(op_type: str) -> Export:
    """Export as `op_type`, without attributes."""

    def run(emitter: Emitter, node: Node) -> None:
        emitter.apply(node, op_type)

    return run


def _silu(emitter: Emitter, node: Node) -> None:
    x = emitter.name(node.inputs[0])
    gate = emitter.node("Sigmoid", [x])
    emitter.node("Mul", [x, gate], [emitter.name(node.output)])


def _gelu(emitter: Emitter, node: Node) -> None:
    assert isinstance(node.op, ops.Gelu)
    emitter.apply(node, "Gelu", approximate=node.op.approximate)


def _clip(emitter: Emitter, node: Node) -> None:
    assert isinstance(node.op, ops.Clip)
    type = node.output.type
    bounds = [
        "" if bound is None else emitter.scalar(bound, type)
        for bound in (node.op.low, node.op.high)
    ]
    emitter.apply(node, "Clip", *bounds)


def _leaky_relu(emitter: Emitter, node: Node) -> None:
    assert isinstance(node.op, ops.LeakyRelu)
    emitter.apply(node, "LeakyRelu", alpha=node.op.alpha)


def _elu(emitter: Emitter, node: Node) -> None:
    assert isinstance(node.op, ops.Elu)
    if node.op.gamma == 1:
        emitter.apply(node, "Elu", alpha=node.op.alpha)
    else:
        emitter.apply(node, "Selu", alpha=node.op.alpha, gamma=node.op.gamma)


def _hard_sigmoid(emitter: Emitter, node: Node) -> None:
    assert isinstance(node.op, ops.HardSigmoid)
    emitter.apply(node, "HardSigmoid", alpha=node.op.alpha, beta=node.op.beta)


def _shift(direction: str) -> Export:
    def run(emitter: Emitter, node: Node) -> None:
        emitter.apply(node, "BitShift", direction=direction)

    return run


def _mod(emitter: Emitter, node: Node) -> None:
    assert isinstance(node.op, ops.Mod)
    emitter.apply(node, "Mod", fmod=int(node.op.truncated))


def _is_inf(emitter: Emitter, node: Node) -> None:
    op = node.op
    assert isinstance(op, ops.IsInf)
    emitter.apply(node, "IsInf", detect_negative=int(op.negative), detect_positive=int(op.positive))


def _cast(emitter: Emitter, node: Node) -> None:
    assert isinstance(node.op, ops.Cast)
    to = node.op.to
    code = helper.np_dtype_to_tensor_dtype(to.numpy)
    if to.is_float and to.itemsize == 1:
        emitter.apply(node, "Cast", to=code, saturate=0)
    else:
        emitter.apply(node, "Cast", to=code)


EXPORTERS: dict[type[Op], Export] = {
    ops.Abs: plain("Abs"),
    ops.Acos: plain("Acos"),
    ops.Acosh: plain("Acosh"),
    ops.Add: plain("Add"),
    ops.And: plain("And"),
    ops.Asin: plain("Asin"),
    ops.Asinh: plain("Asinh"),
    ops.Atan: plain("Atan"),
    ops.Atanh: plain("Atanh"),
    ops.BitwiseAnd: plain("BitwiseAnd"),
    ops.BitwiseNot: plain("BitwiseNot"),
    ops.BitwiseOr: plain("BitwiseOr"),
    ops.BitwiseXor: plain("BitwiseXor"),
    ops.Cast: _cast,
    ops.Ceil: plain("Ceil"),
    ops.Clip: _clip,
    ops.Cos: plain("Cos"),
    ops.Cosh: plain("Cosh"),
    ops.Div: plain("Div"),
    ops.Elu: _elu,
    ops.Equal: plain("Equal"),
    ops.Erf: plain("Erf"),
    ops.Exp: plain("Exp"),
    ops.Floor: plain("Floor"),
    ops.Gelu: _gelu,
    ops.Greater: plain("Greater"),
    ops.GreaterOrEqual: plain("GreaterOrEqual"),
    ops.HardSigmoid: _hard_sigmoid,
    ops.HardSwish: plain("HardSwish"),
    ops.IsInf: _is_inf,
    ops.IsNan: plain("IsNaN"),
    ops.LeakyRelu: _leaky_relu,
    ops.Less: plain("Less"),
    ops.LessOrEqual: plain("LessOrEqual"),
    ops.Log: plain("Log"),
    ops.Max: plain("Max"),
    ops.Min: plain("Min"),
    ops.Mod: _mod,
    ops.Mul: plain("Mul"),
    ops.Neg: plain("Neg"),
    ops.Not: plain("Not"),
    ops.Or: plain("Or"),
    ops.PRelu: plain("PRelu"),
    ops.Pow: plain("Pow"),
    ops.Reciprocal: plain("Reciprocal"),
    ops.Relu: plain("Relu"),
    ops.Round: plain("Round"),
    ops.ShiftLeft: _shift("LEFT"),
    ops.ShiftRight: _shift("RIGHT"),
    ops.Sigmoid: plain("Sigmoid"),
    ops.Sign: plain("Sign"),
    ops.Silu: _silu,
    ops.Sin: plain("Sin"),
    ops.Sinh: plain("Sinh"),
    ops.Softplus: plain("Softplus"),
    ops.Softsign: plain("Softsign"),
    ops.Sqrt: plain("Sqrt"),
    ops.Sub: plain("Sub"),
    ops.Tan: plain("Tan"),
    ops.Tanh: plain("Tanh"),
    ops.Where: plain("Where"),
    ops.Xor: plain("Xor"),
}
