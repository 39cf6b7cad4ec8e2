"""What a schedule and the code generator know about a device."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """One x86-64 instruction set and the sizes that schedules are chosen by.

    `features` are the flags of /proc/cpuinfo that the code needs to run. `vector_bytes` and
    `vector_registers` describe the register file a micro-kernel may fill. `integer_dot` says how
    many neighbouring products of integers an instruction sums exactly into a lane of 32 bits: 2
    signed ones of 16 bits (vpmaddwd), or also 4 of unsigned with signed bytes (vpdpbusd).
    `threads` is how many threads one run of the model uses; kernels are serial when it is 1.
    `optimization` is LLVM's level, from 0 (code that is right and quick to compile) to 3.
    """

    name: str
    mtriple: str
    mcpu: str
    mattr: tuple[str, ...]
    features: frozenset[str]
    vector_bytes: int
    vector_registers: int
    integer_dot: int
    l1_bytes: int
    l2_bytes: int
    threads: int = 1
    optimization: int = 3

    def lanes(self, element_bytes: int) -> int:
        """How many elements of `element_bytes` bytes one vector register holds."""
        return self.vector_bytes // element_bytes
