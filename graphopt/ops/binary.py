"""Arithmetic, logic and comparison of two or more tensors, casts and tests."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from graphopt.errors import TypeRuleError
from graphopt.ir import Array, DType, Quant, TensorType
from graphopt.ops.elementwise import Elementwise, broadcast_shapes, same_quant


@dataclass(frozen=True)
class Add(Elementwise):
    """a + b"""

    name = "add"
    arity = 2
    commutative = True
    quantized = True

    def quant_of(self, *inputs: TensorType) -> Quant:
        return same_quant(self.name, inputs, centered=True)

    def compute(self, *inputs: Array) -> Any:
        a, b = inputs
        return a + b


@dataclass(frozen=True)
class Sub(Elementwise):
    """a - b"""

    name = "sub"
    arity = 2
    quantized = True

    def quant_of(self, *inputs: TensorType) -> Quant:
        return same_quant(self.name, inputs, centered=True)

    def compute(self, *inputs: Array) -> Any:
        a, b = inputs
        return a - b


@dataclass(frozen=True)
class Mul(Elementwise):
    """a * b"""

    name = "mul"
    arity = 2
    commutative = True
    quantized = True

    def quant_of(self, *inputs: TensorType) -> Quant:
        a, b = (t.quant for t in inputs)
        if a is None or b is None or not (a.centered and b.centered):
            raise TypeRuleError(self.name, f"expected two zero points of 0, found {a} and {b}")
        if a.axis is not None or b.axis is not None:
            raise TypeRuleError(self.name, "expected one scale for each input")
        return Quant((a.scales[0] * b.scales[0],))

    def compute(self, *inputs: Array) -> Any:
        a, b = inputs
        return a * b


@dataclass(frozen=True)
class Min(Elementwise):
    """The smaller; NaN if either is NaN."""

    name = "min"
    arity = 2
    commutative = True
    quantized = True

    def quant_of(self, *inputs: TensorType) -> Quant:
        return same_quant(self.name, inputs, centered=False)

    def compute(self, *inputs: Array) -> Any:
        a, b = inputs
        return np.minimum(a, b)


@dataclass(frozen=True)
class Max(Elementwise):
    """The larger; NaN if either is NaN."""

    name = "max"
    arity = 2
    commutative = True
    quantized = True

    def quant_of(self, *inputs: TensorType) -> Quant:
        return same_quant(self.name, inputs, centered=False)

    def compute(self, *inputs: Array) -> Any:
        a, b = inputs
        return np.maximum(a, b)


@dataclass(frozen=True)
class And(Elementwise):
    """Logical conjunction of booleans."""

    name = "and"
    arity = 2
    commutative = True

    def compute(self, *inputs: Array) -> Any:
        a, b = inputs
        return np.logical_and(a, b)


@dataclass(frozen=True)
class Or(Elementwise):
    """Logical disjunction of booleans."""

    name = "or"
    arity = 2
    commutative = True

    def compute(self, *inputs: Array) -> Any:
        a, b = inputs
        return np.logical_or(a, b)


@dataclass(frozen=True)
class Xor(Elementwise):
    """Exclusive or of booleans."""

    name = "xor"
    arity = 2
    commutative = True

    def compute(self, *inputs: Array) -> Any:
        a, b = inputs
        return np.logical_xor(a, b)


@dataclass(frozen=True)
class BitwiseAnd(Elementwise):
    """Bitwise and of integers."""

    name = "bitwise_and"
    arity = 2
    commutative = True

    def compute(self, *inputs: Array) -> Any:
        a, b = inputs
        return np.bitwise_and(a, b)


@dataclass(frozen=True)
class BitwiseOr(Elementwise):
    """Bitwise or of integers."""

    name = "bitwise_or"
    arity = 2
    commutative = True

    def compute(self, *inputs: Array) -> Any:
        a, b = inputs
        return np.bitwise_or(a, b)


@dataclass(frozen=True)
class BitwiseXor(Elementwise):
    """Bitwise exclusive or of integers."""

    name = "bitwise_xor"
    arity = 2
    commutative = True

    def compute(self, *inputs: Array) -> Any:
        a, b = inputs
        return np.bitwise_xor(a, b)


@dataclass(frozen=True)
class ShiftLeft(Elementwise):
    """a shifted left by b bits."""

    name = "shift_left"
    arity = 2

    def compute(self, *inputs: Array) -> Any:
        a, b = inputs
        return np.left_shift(a, b)


@dataclass(frozen=True)
class ShiftRight(Elementwise):
    """a shifted right by b bits."""

    name = "shift_right"
    arity = 2

    def compute(self, *inputs: Array) -> Any:
        a, b = inputs
        return np.right_shift(a, b)


@dataclass(frozen=True)
class Equal(Elementwise):
    """Whether a equals b."""

    name = "equal"
    arity = 2
    result = DType.BOOL
    commutative = True

    def compute(self, *inputs: Array) -> Any:
        a, b = inputs
        return a == b


@dataclass(frozen=True)
class Less(Elementwise):
    """Whether a is below b."""

    name = "less"
    arity = 2
    result = DType.BOOL

    def compute(self, *inputs: Array) -> Any:
        a, b = inputs
        return a < b


@dataclass(frozen=True)
class LessOrEqual(Elementwise):
    """Whether a is not above b."""

    name = "less_or_equal"
    arity = 2
    result = DType.BOOL

    def compute(self, *inputs: Array) -> Any:
        a, b = inputs
        return a <= b


@dataclass(frozen=True)
class Greater(Elementwise):
    """Whether a is above b."""

    name = "greater"
    arity = 2
    result = DType.BOOL

    def compute(self, *inputs: Array) -> Any:
        a, b = inputs
        return a > b


@dataclass(frozen=True)
class GreaterOrEqual(Elementwise):
    """Whether a is not below b."""

    name = "greater_or_equal"
    arity = 2
    result = DType.BOOL

    def compute(self, *inputs: Array) -> Any:
        a, b = inputs
        return a >= b


@dataclass(frozen=True)
class Div(Elementwise):
    """a / b; integers are divided towards zero."""

    name = "div"
    arity = 2

    def compute(self, *inputs: Array) -> Any:
        a, b = inputs
        if np.issubdtype(a.dtype, np.integer):
            quotient = np.floor_divide(a, np.where(b == 0, 1, b))
            inexact = quotient * b != a
            return np.where(b == 0, 0, quotient + (inexact & ((a < 0) != (b < 0))))
        return a / b


@dataclass(frozen=True)
class Pow(Elementwise):
    """a to the power b."""

    name = "pow"
    arity = 2

    def compute(self, *inputs: Array) -> Any:
        a, b = inputs
        if np.issubdtype(a.dtype, np.integer):
            return np.power(a.astype(np.float64), b.astype(np.float64))
        return np.power(a, b)


@dataclass(frozen=True)
class Mod(Elementwise):
    """The remainder of a / b: with the sign of b, or with that of a when `truncated`."""

    name = "mod"
    arity = 2

    truncated: bool = False

    def compute(self, *inputs: Array) -> Any:
        a, b = inputs
        return np.fmod(a, b) if self.truncated else np.mod(a, b)


@dataclass(frozen=True)
class PRelu(Elementwise):
    """x where not negative, else slope * x."""

    name = "prelu"
    arity = 2

    def compute(self, *inputs: Array) -> Any:
        x, slope = inputs
        return np.where(x >= 0, x, x * slope)


@dataclass(frozen=True)
class Where(Elementwise):
    """a where the condition (bool) holds, else b. Quantized values have one quantization."""

    name = "where"
    arity = 3
    quantized = True

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        if len(inputs) != 3 or inputs[0].dtype is not DType.BOOL:
            raise TypeRuleError(self.name, "inputs: expected a bool condition and two values")
        if inputs[1].dtype is not inputs[2].dtype:
            raise TypeRuleError(
                self.name, f"dtypes: expected one, found {inputs[1].dtype}, {inputs[2].dtype}"
            )
        shape = broadcast_shapes(self.name, *(t.shape for t in inputs))
        if inputs[1].quant != inputs[2].quant:
            raise TypeRuleError(self.name, f"expected one scale, found {inputs[1]} and {inputs[2]}")
        return (inputs[1].moved(shape),)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        return (np.where(*inputs),)


@dataclass(frozen=True)
class Cast(Elementwise):
    """Another element type. Floats become integers by truncation; out of range wraps."""

    name = "cast"

    to: DType = DType.F32

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        (x,) = super().infer(*inputs)
        return (TensorType(self.to, x.shape),)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        (x,) = inputs
        with np.errstate(all="ignore"):
            return (x.astype(self.to.numpy),)


@dataclass(frozen=True)
class Bitcast(Elementwise):
    """The same bits, read as another element type of the same size."""

    name = "bitcast"

    to: DType = DType.I32

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        (x,) = super().infer(*inputs)
        if x.dtype.itemsize != self.to.itemsize:
            raise TypeRuleError(
                self.name, f"size: expected {self.to.itemsize} bytes an element, found {x.dtype}"
            )
        return (TensorType(self.to, x.shape),)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        return (inputs[0].view(self.to.numpy),)


@dataclass(frozen=True)
class IsNan(Elementwise):
    """Whether x is not a number."""

    name = "is_nan"
    result = DType.BOOL

    def compute(self, *inputs: Array) -> Any:
        return np.isnan(inputs[0])


@dataclass(frozen=True)
class IsInf(Elementwise):
    """Whether x is infinite, of a sign that is asked for."""

    name = "is_inf"
    result = DType.BOOL

    negative: bool = True
    positive: bool = True

    def compute(self, *inputs: Array) -> Any:
        (x,) = inputs
        return np.isinf(x) & (((x > 0) & self.positive) | ((x < 0) & self.negative))
