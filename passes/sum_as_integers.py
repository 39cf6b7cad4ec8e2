"""Sum the products of quantized tensors as the integers they are."""

import numpy as np

from graphopt.analysis.axes import column
from graphopt.ir import Array, DType, Op, Value
from graphopt.ops import Add, Conv, Dequantize, MatMul, Mul, Reshape
from graphopt.rewrite import AnyValue, Apply, Constant, Match, OneOf, Reject, RewritePass


class SumAsIntegers(RewritePass):
    """conv(dequantize(x), dequantize(w), b) becomes conv(x - x_zero, w - w_zero) * scale + b.

    Also for matmul. The whole numbers are held in f32, where sums below 2^24 are exact in any
    order: a kernel then rounds as an integer runtime does. Weights have one scale, or one for
    each output channel; x has one scale.
    """

    name = "sum-as-integers"
    shares_inner = True
    x, x_scale, x_zero = AnyValue(), Constant(), Constant()
    w, w_scale, w_zero = Constant(), Constant(), Constant()
    real_x = Apply(Dequantize, x, x_scale, x_zero)
    real_w = Apply(Dequantize, w, w_scale, w_zero)
    conv = Apply(Conv, real_x, real_w, ...)
    matmul = Apply(MatMul, real_x, real_w)
    root = OneOf(conv, matmul)

    def rewrite(self, match: Match) -> Value | Reject:
        op, node = match.root.op, match.root
        if node.output.type.dtype is not DType.F32:
            return Reject("the sums are not in f32")
        if match.op(self.real_x).axis is not None:
            return Reject("x has several scales")
        if any(not match[v].type.dtype.is_integer for v in (self.x, self.w)):
            return Reject("x or w is not made of integers")
        x_scale, w_scale = match.constant(self.x_scale), match.constant(self.w_scale)
        weights, zero = match.constant(self.w), match.constant(self.w_zero)
        assert x_scale is not None and w_scale is not None
        assert weights is not None and zero is not None
        axis = match.op(self.real_w).axis
        outputs = _output_axis(op, weights.ndim)
        if axis not in (None, outputs):
            return Reject("the weights have scales along another axis than their outputs")
        if axis is not None:
            zero = zero.reshape(column(axis, weights.ndim))
        whole = (weights.astype(np.int64) - zero.astype(np.int64)).astype(np.float32)
        one = match.emit_constant(np.ones((), np.float32))
        steps = match.emit(Dequantize(), match[self.x], one, match[self.x_zero])
        sums = match.emit(op, steps, match.emit_constant(whole))
        scale = x_scale * w_scale
        shape = _per_output(op, node.output.type.rank)
        real = match.emit(Mul(), sums, match.emit_constant(_shaped(scale, shape)))
        if len(node.inputs) == 3:
            outputs = node.output.type.dims[shape.index(-1)]
            bias = Reshape(tuple(outputs if dim < 0 else dim for dim in shape))
            real = match.emit(Add(), real, match.emit(bias, node.inputs[2]))
        return real


def _output_axis(op: Op, rank: int) -> int:
    """The dimension of the weights that counts outputs."""
    if isinstance(op, Conv):
        return 0
    return rank - 2 if isinstance(op, MatMul) and op.transpose_b else rank - 1


def _per_output(op: Op, rank: int) -> tuple[int, ...]:
    """The shape that broadcasts one number per output over the result."""
    axis = 1 if isinstance(op, Conv) and op.layout == "NCHW" else rank - 1
    return column(axis, rank)


def _shaped(array: Array, shape: tuple[int, ...]) -> Array:
    return array.reshape(shape) if array.ndim else array
