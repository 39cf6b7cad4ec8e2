"""Looking up many elements at once in a table of up to 256 bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tvm import tirx

from graphopt.ir import DType
from graphopt.lower.casts import unpack
from graphopt.lower.lanes import Expr, Scope, bits, cast, const, lanes_of, select, shuffle
from graphopt.ops.quantization import integer_range

# The instructions that look up 16 entries for each byte of a vector, by its length.
_SHUFFLES = {16: "llvm.x86.ssse3.pshuf.b.128", 32: "llvm.x86.avx2.pshuf.b"}
ROW = 16


def look_up(table: Expr, x: Expr, index: DType, entry: DType) -> Expr:
    """`table[x - lowest]`: the buffer `table` holds an entry for each number of type `index`.

    Entries of a byte are found by shuffles of 16 bytes: for 256 entries one for each row of the
    table, of which the high bits of x choose. Others are loaded one by one.
    """
    lanes = lanes_of(x)
    if lanes == 1 or entry.itemsize > 1 or index.bits < 4:
        low, _ = integer_range(index)
        position = cast(x, "int32")
        return unpack(table[position - const(low, position)], entry)
    longest = max(_SHUFFLES)
    if lanes > longest:
        parts = [
            look_up(table, shuffle([x], range(first, min(first + longest, lanes))), index, entry)
            for first in range(0, lanes, longest)
        ]
        return shuffle(parts, range(lanes))
    wide = min(length for length in _SHUFFLES if length >= lanes)
    let = Scope()
    filled = let(bits(_repeated(x, wide), "int8"))
    found = _from_rows(let, table, filled, index)
    whole = bits(found, "int8" if entry.is_signed else "uint8")
    return let.close(unpack(shuffle([whole], range(lanes)), entry))


def _repeated(x: Expr, lanes: int) -> Expr:
    """A vector of so many lanes that holds those of x again and again."""
    return shuffle([x] * -(-lanes // lanes_of(x)), range(lanes))


def _from_rows(let: Scope, table: Expr, x: Expr, index: DType) -> Expr:
    wide = lanes_of(x)
    # The table starts with the lowest number; adding the highest bit or flipping it is the same.
    place = let(x ^ const(integer_range(index)[0], x)) if index.is_signed else x
    digit = let(place & const(ROW - 1, place))

    def row(number: int) -> Expr:
        start, one, many = (tirx.IntImm("int32", n) for n in (number * ROW, 1, ROW))
        entries = bits(table[tirx.Ramp(start, one, many)], "int8")
        repeated = _repeated(entries, wide)
        name = _SHUFFLES[wide]
        return let(tirx.call_llvm_pure_intrin(f"int8x{wide}", name, repeated, digit))

    # The bits of x above the digit, moved to where they are signs; the highest comes last.
    choices = [let(_shifted(place, 7 - bit)) for bit in range(4, index.bits)]
    return _chosen(let, range(1 << len(choices)), choices, row)


def _chosen(
    let: Scope, rows: Sequence[int], choices: list[Expr], row: Callable[[int], Expr]
) -> Expr:
    """The entry of one of `rows`: the last of `choices` is negative where it is in the upper half.

    Depth first, so that few entries are held at a time.
    """
    if not choices:
        return row(rows[0])
    half = len(rows) // 2
    lower = _chosen(let, rows[:half], choices[:-1], row)
    upper = _chosen(let, rows[half:], choices[:-1], row)
    sign = choices[-1]
    return let(select(sign < const(0, sign), upper, lower))


def _shifted(x: Expr, left: int) -> Expr:
    """Each byte of x shifted; what comes in from the right is of no use."""
    pairs = tirx.reinterpret(f"int16x{lanes_of(x) // 2}", x)
    return tirx.reinterpret(f"int8x{lanes_of(x)}", pairs << const(left, pairs))
