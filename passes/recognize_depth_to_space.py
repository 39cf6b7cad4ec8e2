"""Recognize PixelShuffle."""

from graphopt.ir import Value
from graphopt.ops import DepthToSpace, Reshape, Transpose
from graphopt.rewrite import AnyValue, Apply, Match, Reject, RewritePass


class RecognizeDepthToSpace(RewritePass):
    """reshape(transpose(reshape(x))) that spreads channels over pixels becomes depth_to_space."""

    name = "recognize-depth-to-space"
    x = AnyValue()
    split = Apply(Reshape, x)
    transpose = Apply(Transpose, split)
    root = Apply(Reshape, transpose)

    def rewrite(self, match: Match) -> Value | Reject:
        x, result = match[self.x], match.root.output.type
        if x.type.rank != 4 or result.rank != 4 or match[self.split].type.rank != 6:
            return Reject("it does not go from rank 4 over rank 6 to rank 4")
        n, c, h, w = x.type.dims
        block = result.dims[2] // h if h else 0
        if block < 2 or result.dims != (n, c // block**2, h * block, w * block):
            return Reject("the shapes are not those of blocks of pixels")
        for mode, shape, perm in (
            ("CRD", (n, c // block**2, block, block, h, w), (0, 1, 4, 2, 5, 3)),
            ("DCR", (n, block, block, c // block**2, h, w), (0, 3, 4, 1, 5, 2)),
        ):
            if match[self.split].type.dims == shape and match.op(self.transpose).perm == perm:
                return match.emit(DepthToSpace(block, "CRD" if mode == "CRD" else "DCR"), x)
        return Reject("the order is neither DCR nor CRD")
