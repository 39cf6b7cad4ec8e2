"""Let a product with a weight matrix keep the batch dimensions that are there."""

from graphopt.ir import Value
from graphopt.ops import MatMul, Reshape
from graphopt.passes.sink_reshapes import adds_ones
from graphopt.rewrite import AnyValue, Apply, Constant, Match, Reject, RewritePass


class SinkReshapesPastMatmul(RewritePass):
    """reshape(x) @ w becomes reshape(x @ w), where the reshape keeps the last dimension.

    Not where it only drops dimensions of 1: those do not come back behind the product.
    """

    name = "sink-reshapes-past-matmul"
    shares_inner = True
    x, weights = AnyValue(), Constant()
    reshape = Apply(Reshape, x)
    root = Apply(MatMul, reshape, weights)

    def rewrite(self, match: Match) -> Value | Reject:
        x, reshaped = match[self.x].type, match[self.reshape].type
        if x.rank < 2 or x.dims[-1] != reshaped.dims[-1]:
            return Reject("the reshape changes the last dimension")
        if adds_ones(reshaped.dims, x.dims):
            return Reject("the reshape only drops dimensions of 1, which the result has no use for")
        if match[self.weights].type.rank != 2:
            return Reject("the weights have batch dimensions")
        y = match.emit(match.root.op, match[self.x], match[self.weights])
        return match.emit(Reshape(match.root.output.type.dims), y)
