"""The three passes over a row that softmax makes."""

from __future__ import annotations

from collections.abc import Mapping

from tvm import tirx

from graphopt.ir import Value
from graphopt.lower.casts import unpack
from graphopt.lower.lanes import cast, const, select
from graphopt.ops.dyadic import FRACTION_BITS
from graphopt.ops.integer_softmax import ONE_BITS, SHARE_BITS
from graphopt.ops.quantization import integer_range
from graphopt.schedules.emit import Buffer, Expr, Registers, T, named, rolled
from graphopt.schedules.mcu.epilogue import Epilogue
from graphopt.schedules.region import Anchored
from graphopt.targets import McuTarget


def emit_softmax(
    where: Anchored,
    buffers: Mapping[Value, Buffer],
    target: McuTarget,
    outer: Expr,
    length: Expr,
    inner: Expr,
) -> None:
    """Maximum; sum of the powers; shares, for which each power is looked up again."""
    x, table = where.anchor.inputs
    epilogue = Epilogue(where, buffers, target)
    operands = epilogue.channel(T.int32(0))
    with rolled(outer) as before, rolled(inner) as after:
        first = named(before * length * inner + after)

        def stored(i: Expr) -> Expr:
            return cast(unpack(buffers[x][first + i * inner], x.type.dtype), "int32")

        largest = Registers(1, 1, "int32")
        largest.set(0, T.int32(integer_range(x.type.dtype)[0]))
        with rolled(length) as i:
            largest.set(0, T.max(largest.get(0), stored(i)))

        def power(i: Expr) -> Expr:
            return named(buffers[table][largest.get(0) - stored(i)])

        total = Registers(1, 1, "uint64")
        total.set(0, tirx.const(0, "uint64"))
        with rolled(length) as i:
            total.set(0, total.get(0) + cast(cast(power(i), "uint32"), "uint64"))
        reciprocal = _reciprocal(total.get(0))
        with rolled(length) as i:
            share = epilogue.instructions.rescale(power(i), reciprocal, T.int32(0))
            epilogue.store(operands, share, first + i * inner)


def _reciprocal(total: Expr) -> Expr:
    """(2^56 + total / 2) / total as i32, for a total of at least 2^30.

    Bit by bit: the division of 64-bit numbers in the compilers' libraries is ten times the code.
    """
    bits = FRACTION_BITS + SHARE_BITS - ONE_BITS + 1  # of the largest quotient
    half = named(total >> const(1, total))
    one = const(1 << FRACTION_BITS + SHARE_BITS - bits, total)
    rest, digits, quotient = (Registers(1, 1, d) for d in ("uint64", "uint32", "uint32"))
    # What is left of the dividend: above, less than the divisor; below, in the highest bits.
    rest.set(0, one + (half >> const(bits, total)))
    low = cast(half, "uint32")
    digits.set(0, low << const(32 - bits, low))
    quotient.set(0, const(0, low))
    with rolled(bits):
        digit = cast(digits.get(0) >> const(31, low), "uint64")
        shifted = named((rest.get(0) << const(1, total)) | digit)
        digits.set(0, digits.get(0) << const(1, low))
        goes = named(cast(shifted >= total, "uint32"))
        quotient.set(0, (quotient.get(0) << const(1, low)) | goes)
        left = select(tirx.NE(goes, const(0, low)), shifted - total, shifted)
        rest.set(0, left)
    return named(cast(quotient.get(0), "int32"))
