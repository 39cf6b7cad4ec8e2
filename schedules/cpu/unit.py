"""What multiplies and adds: the vector registers of a target, and one step of a sum of products."""

from __future__ import annotations

from dataclasses import dataclass

from graphopt.ir import DType
from graphopt.targets import CpuTarget

# Signed integers of these types, widened, fit the 16-bit operands of a step of two terms.
_PAIRED = (DType.I16, DType.I8, DType.U8, DType.I4, DType.U4, DType.I2, DType.U2)
# A step of four terms takes unsigned bytes times signed ones; signed inputs are moved up.
_QUAD_ROWS = (DType.I8, DType.U8, DType.I4, DType.U4, DType.I2, DType.U2)
_QUAD_WEIGHTS = (DType.I8, DType.I4, DType.I2)
# Shorter bursts of steps than this gain nothing over pairs.
_MIN_BURST = 4


@dataclass(frozen=True)
class VectorUnit:
    """The vector registers that a kernel may use, and what one step does with them.

    A step adds, to each of `lanes` sums of 32 bits, `terms` products of neighbouring elements of
    the input with as many weights. It needs `temporaries` registers of its own; a core starts
    `steps_per_cycle`. Where `burst` is not 0, steps add to sums of 16 bits, in which so many of
    them cannot overflow; those are then added to the sums of 32 bits, which wait in memory.
    """

    lanes: int
    registers: int
    terms: int = 1
    temporaries: int = 0
    steps_per_cycle: float = 2.0
    burst: int = 0

    def fits(self, rows: int, vectors: int) -> bool:
        """Whether a tile of rows x vectors accumulators, with its operands, stays in registers."""
        operands = vectors + 1 + self.temporaries  # weights, and a piece of input in every lane
        return rows * vectors + operands <= self.registers

    @property
    def operand_bytes(self) -> int:
        """The bytes of an element of the input as a step reads it."""
        return 4 // self.terms

    def steps(self, depth: int) -> int:
        """How many steps sum `depth` products."""
        return -(-depth // self.terms)


def float_unit(target: CpuTarget) -> VectorUnit:
    """Fused multiply-adds of f32."""
    return VectorUnit(target.lanes(4), target.vector_registers)


def pair_unit(target: CpuTarget, x: DType, w: DType) -> VectorUnit | None:
    """Exact steps of two products for inputs of type `x` and weights of type `w`, if they fit."""
    if x not in _PAIRED or w not in _PAIRED:
        return None
    # A multiplication and an addition: together 3.1 start in a cycle on Zen 3.
    lanes, registers = target.lanes(4), target.vector_registers
    return VectorUnit(lanes, registers, terms=2, temporaries=1, steps_per_cycle=1.55)


def integer_unit(target: CpuTarget, x: DType, w: DType) -> VectorUnit | None:
    """The widest exact integer step for inputs of type `x` and weights of type `w`, if any."""
    lanes, registers = target.lanes(4), target.vector_registers
    if x in _QUAD_ROWS and w in _QUAD_WEIGHTS:
        if target.integer_dot == 4:
            return VectorUnit(lanes, registers, terms=4)
        # Of two products, which a step adds in 16 bits.
        largest = 2 * (2**x.bits - 1) * 2 ** (w.bits - 1)
        burst = (2**15 - 1) // largest
        if burst >= _MIN_BURST:
            return VectorUnit(lanes, registers, 4, 1, steps_per_cycle=1.5, burst=burst)
    return pair_unit(target, x, w)
