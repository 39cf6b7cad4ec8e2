"""The instructions of a core that kernels name, as TIR expressions of i32."""

from __future__ import annotations

from typing import Any

from tvm import tirx

from graphopt.lower.expr import expression
from graphopt.ops import Rescale
from graphopt.schedules.mcu.scalar.rescaling import RESCALE
from graphopt.targets import McuTarget

Expr = Any


class Instructions:
    """Each method is one instruction.

    Machine code gets LLVM's intrinsic. C source calls `graphopt_<name>` of
    `targets/mcu/output/graphopt_support.h`, which has plain C for other machines.
    """

    def __init__(self, target: McuTarget) -> None:
        self.target = target

    def smlad(self, a: Expr, b: Expr, total: Expr) -> Expr:
        """total + a.low * b.low + a.high * b.high, the halves signed 16-bit integers."""
        return self._call("smlad", a, b, total)

    def smladx(self, a: Expr, b: Expr, total: Expr) -> Expr:
        """total + a.low * b.high + a.high * b.low."""
        return self._call("smladx", a, b, total)

    def smlabb(self, a: Expr, b: Expr, total: Expr) -> Expr:
        """total + a.low * b.low."""
        return self._call("smlabb", a, b, total)

    def smlabt(self, a: Expr, b: Expr, total: Expr) -> Expr:
        """total + a.low * b.high."""
        return self._call("smlabt", a, b, total)

    def smlatb(self, a: Expr, b: Expr, total: Expr) -> Expr:
        """total + a.high * b.low."""
        return self._call("smlatb", a, b, total)

    def smlatt(self, a: Expr, b: Expr, total: Expr) -> Expr:
        """total + a.high * b.high."""
        return self._call("smlatt", a, b, total)

    def sxtb16(self, word: Expr) -> Expr:
        """Bytes 0 and 2 as signed halves."""
        return self._call("sxtb16", word)

    def uxtb16(self, word: Expr) -> Expr:
        """Bytes 0 and 2 as unsigned halves."""
        return self._call("uxtb16", word)

    def rotate(self, word: Expr, bits: int) -> Expr:
        """The word rotated to the right; free as an operand of the extensions by 8, 16 and 24."""
        count = tirx.IntImm("int32", bits)
        if self.target.form == "source":
            return tirx.call_pure_extern("int32", "graphopt_rotate", word, count)
        return tirx.call_llvm_pure_intrin("int32", "llvm.fshr.i32", word, word, count)

    def saturate(self, x: Expr, low: int, high: int) -> Expr | None:
        """x within [low, high], or None where no instruction saturates to these bounds."""
        if self.target.core in ("cortex-m0plus", "rv32imc"):
            return None
        if low == -high - 1 and (high + 1).bit_count() == 1:
            return self._call("ssat", x, tirx.IntImm("int32", high.bit_length() + 1))
        if low == 0 and (high + 1).bit_count() == 1:
            return self._call("usat", x, tirx.IntImm("int32", high.bit_length()))
        return None

    def multiply_add(self, a: Expr, b: Expr, total: Expr) -> Expr:
        """total + a * b of floats, rounded once where the core does both in one instruction."""
        if self.target.fpu == "none" or self.target.form == "source":
            return total + a * b
        return tirx.call_llvm_pure_intrin("float32", "llvm.fma.f32", a, b, total)

    def rescale(self, x: Expr, multiplier: Expr, offset: Expr) -> Expr:
        """The law of `ops.dyadic`; a kernel that uses it lists `rescale_routines`."""
        if self.target.long_multiply:
            return expression(Rescale(), x, multiplier, offset)
        return tirx.call_pure_extern("int32", f"graphopt_{RESCALE}", x, multiplier, offset)

    def _call(self, name: str, *arguments: Expr) -> Expr:
        if self.target.form == "source":
            return tirx.call_pure_extern("int32", f"graphopt_{name}", *arguments)
        return tirx.call_llvm_pure_intrin("int32", f"llvm.arm.{name}", *arguments)
