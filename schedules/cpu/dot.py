"""One step of a sum of products: the instruction, and how its operands get into registers."""

from __future__ import annotations

from abc import ABC, abstractmethod

from tvm import tirx

from graphopt.lower.lanes import cast, const
from graphopt.schedules.cpu.unit import VectorUnit
from graphopt.schedules.emit import Buffer, Expr, T, load, splat
from graphopt.targets import CpuTarget


class Dot(ABC):
    """Adds `unit.terms` products to each lane of a vector of sums of type `dtype`.

    A loop over steps does `unroll` of them at once.
    """

    dtype: str
    # Two hide the loop; many more overflow the instruction buffers.
    unroll = 2

    def __init__(self, unit: VectorUnit) -> None:
        self.unit = unit
        self.lanes = unit.lanes

    @abstractmethod
    def spread(self, rows: Buffer, offset: Expr) -> Expr:
        """The elements of the input from `offset` on that a step needs, in every lane."""

    @abstractmethod
    def weights(self, packed: Buffer, offset: Expr) -> Expr:
        """The weights of one vector of channels and one step."""

    @abstractmethod
    def add(self, total: Expr, x: Expr, w: Expr) -> Expr:
        """`total` and the products of what `spread` and `weights` gave."""


class FloatDot(Dot):
    """A fused multiply-add of f32."""

    dtype = "float32"

    def spread(self, rows: Buffer, offset: Expr) -> Expr:
        return splat(rows[offset], self.lanes)

    def weights(self, packed: Buffer, offset: Expr) -> Expr:
        return load(packed, offset, self.lanes)

    def add(self, total: Expr, x: Expr, w: Expr) -> Expr:
        return total + x * w


class PairDot(Dot):
    """Two products of i16, exact in i32 (vpmaddwd), and an addition. Rows are i16."""

    dtype = "int32"
    # LLVM adds the products of several steps to each other first, and runs out of registers.
    unroll = 1
    _NAMES = {8: "llvm.x86.avx2.pmadd.wd", 16: "llvm.x86.avx512.pmaddw.d.512"}

    def spread(self, rows: Buffer, offset: Expr) -> Expr:
        return _repeated(load(rows, offset, 2), "int16", self.lanes)

    def weights(self, packed: Buffer, offset: Expr) -> Expr:
        return cast(load(packed, offset, 2 * self.lanes), "int16")

    def add(self, total: Expr, x: Expr, w: Expr) -> Expr:
        name = self._NAMES[self.lanes]
        return total + tirx.call_llvm_pure_intrin(f"int32x{self.lanes}", name, x, w)


class QuadDot(Dot):
    """Four products of u8 with i8, exact in i32. Rows are u8."""

    dtype = "int32"

    def spread(self, rows: Buffer, offset: Expr) -> Expr:
        return _repeated(load(rows, offset, 4), "int8", self.lanes)

    def weights(self, packed: Buffer, offset: Expr) -> Expr:
        return load(packed, offset, 4 * self.lanes)

    def add(self, total: Expr, x: Expr, w: Expr) -> Expr:
        """As plain integer operations, for targets without an instruction for it."""
        wide = f"int32x{self.lanes}"
        quads, factors = tirx.reinterpret(wide, x), tirx.reinterpret(wide, w)
        for term in range(4):
            unsigned = (quads >> const(8 * term, quads)) & const(255, quads)
            signed = (factors << const(24 - 8 * term, factors)) >> const(24, factors)
            total = total + unsigned * signed
        return total


class BurstDot(QuadDot):
    """The same for few bits: pairs of products in 16 bits (vpmaddubsw), which steps add up there.

    A step would saturate, and several of them wrap, only beyond what `unit.burst` allows.
    """

    _NAMES = {8: "llvm.x86.avx2.pmadd.ub.sw", 16: "llvm.x86.avx512.pmaddubs.w.512"}

    def add(self, total: Expr, x: Expr, w: Expr) -> Expr:
        name = self._NAMES[self.lanes]
        return total + tirx.call_llvm_pure_intrin(f"int16x{2 * self.lanes}", name, x, w)

    def widen(self, total: Expr, narrow: Expr) -> Expr:
        """`total` and the sums of a burst, of which neighbouring pairs belong together."""
        return PairDot(self.unit).add(total, narrow, const(1, narrow))


class VnniDot(QuadDot):
    """The same as one instruction, vpdpbusd."""

    def add(self, total: Expr, x: Expr, w: Expr) -> Expr:
        bits = 32 * self.lanes
        name = f"llvm.x86.avx512.vpdpbusd.{bits}"
        return tirx.call_llvm_pure_intrin(f"int32x{self.lanes}", name, total, x, w)


def integer_dot(unit: VectorUnit, target: CpuTarget) -> Dot:
    """The step that `integer_unit` chose."""
    if unit.terms == 2:
        return PairDot(unit)
    if unit.burst:
        return BurstDot(unit)
    return (VnniDot if "avx512_vnni" in target.features else QuadDot)(unit)


def _repeated(piece: Expr, element: str, lanes: int) -> Expr:
    """32 bits in every lane of a vector, seen as elements of type `element`."""
    word = T.broadcast(tirx.reinterpret("int32", piece), lanes)
    width = {"int8": 4, "int16": 2}[element]
    return tirx.reinterpret(f"{element}x{width * lanes}", word)
