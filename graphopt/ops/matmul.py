"""Matrix products."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphopt.errors import TypeRuleError
from graphopt.ir import Array, Op, TensorType
from graphopt.ops.elementwise import broadcast_shapes
from graphopt.ops.products import accumulator, exact, product_quant, rounded_to


@dataclass(frozen=True)
class MatMul(Op):
    """a @ b over the last two dimensions; leading dimensions broadcast. Rank 2 or more.

    With `transpose_b`, b holds [..., N, K] instead of [..., K, N]. Integers of at most 16 bits
    accumulate in i32, also of two types.
    """

    name = "matmul"
    quantized = True

    transpose_b: bool = False

    def infer(self, *inputs: TensorType) -> tuple[TensorType, ...]:
        if len(inputs) != 2:
            raise TypeRuleError(self.name, f"inputs: expected 2, found {len(inputs)}")
        a, b = inputs
        if a.rank < 2 or b.rank < 2:
            raise TypeRuleError(self.name, f"rank: expected at least 2, found {a} and {b}")
        dtype = accumulator(self.name, a, b)
        k, n = b.shape[-2:] if not self.transpose_b else (b.shape[-1], b.shape[-2])
        if a.shape[-1] != k:
            raise TypeRuleError(self.name, f"inner sizes: expected one, found {a} and {b}")
        batch = broadcast_shapes(self.name, a.shape[:-2], b.shape[:-2])
        shape = (*batch, a.shape[-2], n)
        columns = b.rank - (2 if self.transpose_b else 1)
        quant = product_quant(self.name, a, b, columns, len(shape) - 1)
        return (TensorType(dtype, shape, quant),)

    def evaluate(self, *inputs: Array) -> tuple[Array, ...]:
        a, b = inputs
        dtype = accumulator(self.name, TensorType.of(a), TensorType.of(b))
        right = np.swapaxes(b, -1, -2) if self.transpose_b else b
        return (rounded_to(np.matmul(exact(a), exact(right)), dtype),)

    def macs(self, inputs: tuple[TensorType, ...], outputs: tuple[TensorType, ...]) -> int:
        return outputs[0].elements * int(inputs[0].dims[-1])
