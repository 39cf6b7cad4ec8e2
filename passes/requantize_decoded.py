"""Go from one quantization to another without floats between."""

from graphopt.ir import Value
from graphopt.ops import Decode, Encode, Requantize
from graphopt.ops.dyadic import MAX_FACTOR
from graphopt.rewrite import AnyValue, Apply, Match, Reject, RewritePass


class RequantizeDecoded(RewritePass):
    """encode(decode(x)) becomes requantize(x), or x where both quantizations are the same."""

    name = "requantize-decoded"
    shares_inner = True
    x = AnyValue()
    decode = Apply(Decode, x)
    root = Apply(Encode, decode)

    def rewrite(self, match: Match) -> Value | Reject:
        x, encode = match[self.x], match.root.op
        assert isinstance(encode, Encode)
        if x.type == match.root.output.type:
            return x
        source = match.op(self.decode).quant
        requantize = Requantize(source, encode.dtype, encode.quant)
        if requantize.factor(x.type.rank).max() >= MAX_FACTOR:
            return Reject("a step of x is far larger than the result can be")
        return match.emit(requantize, x)
