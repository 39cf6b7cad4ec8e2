"""What a schedule and the code generator know about a device."""

from dataclasses import dataclass, field, fields
from typing import ClassVar, Literal

Fpu = Literal["none", "single", "double"]
Form = Literal["library", "source"]
FORMS: tuple[Form, ...] = ("library", "source")


@dataclass(frozen=True, kw_only=True)
class Target:
    """A device, as far as every family has the same to say.

    `mtriple`, `mcpu` and `mattr` are LLVM's words. `threads` is how many threads one run of the
    model uses; kernels are serial when it is 1. `optimization` is LLVM's level, from 0 (code that
    is right and quick to compile) to 3. Buffers and constants start at multiples of `alignment`
    bytes.
    """

    name: str
    mtriple: str
    mcpu: str
    mattr: tuple[str, ...]
    threads: int = 1
    optimization: int = 3

    alignment: ClassVar[int]

    @property
    def llvm(self) -> dict[str, object]:
        """The target as TVM's LLVM code generator takes it."""
        described: dict[str, object] = {
            "kind": "llvm",
            "mtriple": self.mtriple,
            "mcpu": self.mcpu,
            "opt-level": self.optimization,
        }
        if self.mattr:
            described["mattr"] = list(self.mattr)
        return described

    @property
    def code_text(self) -> str:
        """Everything that machine code may depend on; equal for targets that can share code."""
        described = {f.name: getattr(self, f.name) for f in fields(self) if f.compare}
        return repr({k: sorted(v) if isinstance(v, frozenset) else v for k, v in described.items()})


@dataclass(frozen=True, kw_only=True)
class CpuTarget(Target):
    """One x86-64 instruction set and the sizes that schedules are chosen by.

    `features` are the flags of /proc/cpuinfo that the code needs to run. `vector_bytes` and
    `vector_registers` describe the register file a micro-kernel may fill. `integer_dot` says how
    many neighbouring products of integers an instruction sums exactly into a lane of 32 bits: 2
    signed ones of 16 bits (vpmaddwd), or also 4 of unsigned with signed bytes (vpdpbusd).
    """

    features: frozenset[str]
    vector_bytes: int
    vector_registers: int
    integer_dot: int
    l1_bytes: int
    l2_bytes: int

    alignment: ClassVar[int] = 64

    def lanes(self, element_bytes: int) -> int:
        """How many elements of `element_bytes` bytes one vector register holds."""
        return self.vector_bytes // element_bytes


@dataclass(frozen=True, kw_only=True)
class Toolchain:
    """The GNU tools of a core: their prefix, the flags that choose the core, Debian packages."""

    prefix: str
    flags: tuple[str, ...]
    packages: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Emulator:
    """A machine of QEMU that executes the code of a core.

    `system` is the suffix of `qemu-system-`; code starts at `flash_origin`, data at `sram_origin`.
    The memory at `bulk_origin` takes weights and arenas, of any size that a model may have.
    """

    system: str
    machine: str
    package: str
    flash_origin: int
    flash_bytes: int
    sram_origin: int
    sram_bytes: int
    bulk_origin: int
    bulk_bytes: int


@dataclass(frozen=True, kw_only=True)
class Board:
    """A microcontroller with its memories, in bytes, and its clock.

    `emulated`: it is a machine of the emulator, which nobody would buy.
    """

    name: str
    description: str
    sram_bytes: int
    flash_bytes: int
    clock_hz: int
    emulated: bool = False


@dataclass(frozen=True, kw_only=True)
class McuTarget(Target):
    """One core of a microcontroller, on a board or by itself.

    `float_abi` and `abi` are LLVM's calling conventions ("" where there is no choice). `dsp`: two
    16-bit products an instruction (SMLAD); `mve`: Helium vectors of 16 bytes; `fpu`: the float
    types that it computes in; `rounding`: an instruction that rounds floats to whole numbers;
    `long_multiply`: one for the upper half of a 64-bit product; `unaligned`: words may start at
    any byte. `cycles` estimates the cycles of one instruction by its class. `board` is None for
    a core by itself, which then has no limits. `form` is what kernels become: machine code, or C
    that any compiler of the core takes.
    """

    core: str
    float_abi: str
    abi: str
    dsp: bool
    mve: bool
    fpu: Fpu
    rounding: bool
    long_multiply: bool
    unaligned: bool
    cycles: dict[str, float] = field(compare=False)
    toolchain: Toolchain = field(compare=False)
    emulator: Emulator | None = field(compare=False)
    board: Board | None = field(compare=False)
    name: str = field(compare=False)
    form: Form = "library"

    alignment: ClassVar[int] = 4

    @property
    def llvm(self) -> dict[str, object]:
        # What TVM takes anyway, with a warning for every kernel.
        described = super().llvm | {"vector-width": 128}
        if self.float_abi:
            described["mfloat-abi"] = self.float_abi
        if self.abi:
            described["mabi"] = self.abi
        return described
