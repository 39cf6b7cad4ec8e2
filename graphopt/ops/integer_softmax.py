"""Softmax of integers, by a table of exponentials."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphopt.errors import TypeRuleError
from graphopt.ir import Array, DType, Op, TensorType
from graphopt.ops.dyadic import FRACTION_BITS
from graphopt.ops.normalization import check_axes

# exp(0) in the table; the product of two of these loses 2 bits to the law of rescaling.
ONE_BITS = 30
# Of 1 in the shares.
SHARE_BITS = 24
ENTRIES = 256


@dataclass(frozen=True)
class IntegerSoftmax(Op):
    """powers / sum(powers) over one axis, in steps of 2^-24. Inputs: x, table; i32.

    Powers are table[max(x) - x], the table i32 with 2^30 for 0: exp(-scale * n) in steps of 2^-30.
    The only division is that of the reciprocal M = (2^56 + sum / 2) / sum, as in I-BERT (arXiv
    2101.01321); shares are (power * M + 2^31) >> 32.
    """

    name = "integer_softmax"

    axis: int

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        x, table = inputs
        check_axes(self.name, (self.axis,), x.rank)
        if not x.dtype.is_integer or x.dtype.bits > 8 or x.quant is not None:
            raise TypeRuleError(self.name, f"expected plain integers of at most 8 bits, found {x}")
        if (table.dtype, table.shape) != (DType.I32, (ENTRIES,)):
            raise TypeRuleError(self.name, f"table: expected i32[{ENTRIES}], found {table}")
        return (TensorType(DType.I32, x.shape),)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        x, table = inputs
        if not x.size:
            return (x.astype(np.int32),)
        wide = x.astype(np.int64)
        powers = table.astype(np.int64)[wide.max(axis=self.axis, keepdims=True) - wide]
        total = powers.sum(axis=self.axis, keepdims=True)
        reciprocal = ((1 << FRACTION_BITS + SHARE_BITS) + (total >> 1)) // total
        half = 1 << FRACTION_BITS - 1
        return (((powers * reciprocal + half) >> FRACTION_BITS).astype(np.int32),)
