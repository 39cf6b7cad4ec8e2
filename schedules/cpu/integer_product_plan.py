"""How a product of integers with a packed matrix is cut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from graphopt.ir import Array
from graphopt.schedules.cpu.integer_weights import IntegerWeights
from graphopt.schedules.cpu.product_plan import ProductPlan, plan_product
from graphopt.schedules.cpu.staging import Staging
from graphopt.schedules.cpu.tiling import Blocks
from graphopt.schedules.cpu.unit import VectorUnit
from graphopt.schedules.region import Anchored
from graphopt.targets import CpuTarget

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc


@dataclass(frozen=True)
class IntegerProductPlan:
    """A product whose first matrix is copied block by block."""

    product: ProductPlan
    target: CpuTarget

    @property
    def where(self) -> Anchored:
        return self.product.where

    @property
    def unit(self) -> VectorUnit:
        return self.product.panels.unit

    @cached_property
    def staging(self) -> Staging:
        product = self.product
        rows = product.grid.rows.size * product.tiles[0].size
        parts = product.grid.count
        return Staging(
            self.unit,
            self.where.anchor.inputs[0].type,
            rows * product.panels.depth,
            self.target.vector_bytes,
            Blocks(parts, -(-parts // self.target.threads)),
        )

    @cached_property
    def weights(self) -> IntegerWeights:
        dtype = self.where.anchor.inputs[1].type.dtype
        return IntegerWeights(self.product.panels, 1, dtype, self.staging.bias)

    @property
    def scratch_bytes(self) -> int:
        return self.staging.bytes + self.weights.room * self.staging.work.count

    def pack(self, matrix: Array) -> Array:
        """Pack the [depth, channels] matrix."""
        return self.weights.pack([matrix])


def plan_integer_product(
    where: Anchored, target: CpuTarget, unit: VectorUnit, rows: int, depth: int
) -> IntegerProductPlan:
    """Cut the product of a [rows, depth] matrix with one of as many columns as the output has."""
    return IntegerProductPlan(plan_product(where, target, unit, rows, depth), target)


def integer_product_builder(plan: IntegerProductPlan) -> Callable[[], PrimFunc]:
    """What builds the function of a planned product."""

    def build() -> PrimFunc:
        from graphopt.schedules.cpu.integer_product_loops import build_integer_product

        return build_integer_product(plan)

    return build
