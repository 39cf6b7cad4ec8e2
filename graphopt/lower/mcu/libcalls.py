"""Names of the functions for floats that code calls on cores without an FPU."""

from __future__ import annotations

from graphopt.lower.mcu.elf import read_object, write_object

_ARM = 40
# LLVM calls them as everywhere else; what Arm's compilers link for ARMv6-M has only the names of
# the "Run-time ABI for the Arm Architecture", 4.1.2. Parameters and results are the same.
_ARM_NAMES = {
    "__addsf3": "__aeabi_fadd",
    "__subsf3": "__aeabi_fsub",
    "__mulsf3": "__aeabi_fmul",
    "__divsf3": "__aeabi_fdiv",
    "__adddf3": "__aeabi_dadd",
    "__subdf3": "__aeabi_dsub",
    "__muldf3": "__aeabi_dmul",
    "__divdf3": "__aeabi_ddiv",
    "__extendsfdf2": "__aeabi_f2d",
    "__truncdfsf2": "__aeabi_d2f",
    "__fixsfsi": "__aeabi_f2iz",
    "__fixunssfsi": "__aeabi_f2uiz",
    "__fixdfsi": "__aeabi_d2iz",
    "__fixunsdfsi": "__aeabi_d2uiz",
    "__floatsisf": "__aeabi_i2f",
    "__floatunsisf": "__aeabi_ui2f",
    "__floatsidf": "__aeabi_i2d",
    "__floatunsidf": "__aeabi_ui2d",
    "__unordsf2": "__aeabi_fcmpun",
    "__unorddf2": "__aeabi_dcmpun",
}


def linkable_calls(content: bytes) -> bytes:
    """An object file that calls the functions for floats by the names that linkers know."""
    file = read_object(content)
    renamed = [s for s in file.symbols if s.section is None and s.name in _ARM_NAMES]
    if file.machine != _ARM or not renamed:
        return content
    for symbol in renamed:
        symbol.name = _ARM_NAMES[symbol.name]
    return write_object(file)
