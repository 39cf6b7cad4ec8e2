"""Products with a constant matrix in f32: matmul, and convolutions that are one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphopt.ir import Array, Graph
from graphopt.lower.kernel import KernelPlan
from graphopt.ops.matmul import MatMul
from graphopt.rewrite import Reject
from graphopt.schedules.cpu.region import Anchored, find_anchor
from graphopt.schedules.cpu.tiling import (
    Grid,
    Group,
    Panels,
    choose_grid,
    choose_tile,
    split,
    vector_unit,
)
from graphopt.targets import Target

if TYPE_CHECKING:
    from tvm.tirx import PrimFunc


@dataclass(frozen=True)
class ProductPlan:
    """rows x depth times depth x channels: the anchor's first input times its packed second."""

    where: Anchored
    panels: Panels
    tiles: tuple[Group, ...]
    grid: Grid
    threads: int

    def build(self) -> PrimFunc:
        from graphopt.schedules.cpu.matmul_loops import build_product

        return build_product(self)


def plan_product(where: Anchored, target: Target, rows: int, depth: int) -> ProductPlan:
    """Cut the product of a [rows, depth] matrix with one of as many columns as the output has."""
    channels = where.result.type.dims[-1]
    unit = vector_unit(target)
    tile = choose_tile(unit, rows, -(-channels // unit.lanes), depth)
    panels = Panels(channels, depth, unit.lanes, tile.vectors)
    tiles = split(rows, tile.rows)
    grid = choose_grid(target, tiles[-1].end, tile.rows * depth * 4, panels.count, panels.bytes)
    return ProductPlan(where, panels, tiles, grid, target.threads)


@dataclass(frozen=True)
class ConstantMatMul:
    """a @ b for a constant matrix b, packed while compiling."""

    name: str = "matmul"

    def plan(
        self, region: Graph, target: Target, constant_inputs: frozenset[int]
    ) -> KernelPlan | Reject:
        where = find_anchor(region, MatMul)
        if isinstance(where, Reject):
            return where
        a, b = where.anchor.inputs
        if b.type.elements != b.type.dims[-1] * b.type.dims[-2]:
            return Reject("b is more than one matrix")
        if not where.packable(b, constant_inputs):
            return Reject("b is not constant")
        op = where.anchor.op
        assert isinstance(op, MatMul)
        depth = a.type.dims[-1]
        product = plan_product(where, target, a.type.elements // depth, depth)

        def pack(matrix: Array) -> Array:
            flat = matrix.reshape(matrix.shape[-2:])
            return product.panels.pack(flat.T if op.transpose_b else flat)

        return KernelPlan(
            schedule=self.name,
            region=region,
            build=product.build,
            packs={where.input_index(b): pack},
            inplace=where.inplace(a, b),
        )
