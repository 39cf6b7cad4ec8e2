"""Go from one quantization to another without floats between."""

from graphopt.ir import Value
from graphopt.ops import Decode, Encode, Requantize
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
        return match.emit(Requantize(source, encode.dtype, encode.quant), x)
