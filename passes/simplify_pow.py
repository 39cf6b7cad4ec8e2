"""Write powers with simple exponents as what they are."""

from graphopt.ir import Value
from graphopt.ops import Mul, Pow, Reciprocal, Sqrt
from graphopt.rewrite import AnyValue, Apply, Constant, Match, Reject, RewritePass


class SimplifyPow(RewritePass):
    """pow(x, 2) becomes x * x; 3: x * x * x; 0.5: sqrt(x); -1: reciprocal(x); -0.5: both."""

    name = "simplify-pow"
    x, exponent = AnyValue(), Constant()
    root = Apply(Pow, x, exponent)

    def rewrite(self, match: Match) -> Value | Reject:
        x, array = match[self.x], match.constant(self.exponent)
        assert array is not None
        if x.type != match.root.output.type:
            return Reject("the exponent broadcasts x")
        if array.size == 0 or not (array == array.flat[0]).all():
            return Reject("the exponents differ")
        exponent = float(array.flat[0])
        if exponent in (2, 3) and (x.type.dtype.is_float or x.type.dtype.is_integer):
            square = match.emit(Mul(), x, x)
            return square if exponent == 2 else match.emit(Mul(), square, x)
        if not x.type.dtype.is_float or exponent not in (0.5, -0.5, -1):
            return Reject(f"no simpler form for exponent {exponent}")
        if exponent == 0.5:
            return match.emit(Sqrt(), x)
        return match.emit(Reciprocal(), x if exponent == -1 else match.emit(Sqrt(), x))
