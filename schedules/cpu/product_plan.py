"""How a product with a packed matrix is cut into panels, tiles and blocks."""

from __future__ import annotations

from dataclasses import dataclass

from graphopt.schedules.cpu.staging import Staging
from graphopt.schedules.cpu.tiling import (
    Grid,
    Group,
    Panels,
    choose_grid,
    choose_tile,
    split,
)
from graphopt.schedules.cpu.unit import VectorUnit
from graphopt.schedules.region import Anchored
from graphopt.targets import CpuTarget


@dataclass(frozen=True)
class ProductPlan:
    """rows x depth times depth x channels: the anchor's first input times its packed second."""

    where: Anchored
    panels: Panels
    tiles: tuple[Group, ...]
    grid: Grid
    threads: int


def plan_product(
    where: Anchored, target: CpuTarget, unit: VectorUnit, rows: int, depth: int
) -> ProductPlan:
    """Cut the product of a [rows, depth] matrix with one of as many columns as the output has."""
    channels = where.result.type.dims[-1]
    tile = choose_tile(unit, rows, -(-channels // unit.lanes), depth)
    panels = Panels(channels, depth, tile.vectors, unit, where.anchor.inputs[1].type.dtype.itemsize)
    tiles = split(rows, tile.rows)
    tile_bytes = tile.rows * depth * unit.operand_bytes
    grid = choose_grid(target, tiles[-1].end, tile_bytes, panels.count, panels.bytes)
    return ProductPlan(where, panels, tiles, grid, target.threads)


@dataclass(frozen=True)
class BatchPlan:
    """One `product` for each index of the `batch` dimensions; room for `slots` packed matrices.

    With `staging`, the first matrix is copied behind the packed second one.
    """

    product: ProductPlan
    batch: tuple[int, ...]
    slots: int
    staging: Staging | None

    @property
    def slot_elements(self) -> int:
        """The elements of the memory for one packed matrix, and one copied one."""
        return self.product.panels.elements + (self.staging.slot if self.staging else 0)

    @property
    def scratch_bytes(self) -> int:
        return self.slots * self.slot_elements * self.product.panels.unit.operand_bytes
