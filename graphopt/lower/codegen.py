"""PrimFunc -> object file: a plain C function of pointers that returns 0, through TVM and LLVM."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import tvm
import tvm_ffi
from tvm import s_tir, tirx
from tvm.ir import PointerType, PrimType, StringImm
from tvm.tirx import PrimFunc
from tvm.tirx.buffer import is_buffer_var

from graphopt.errors import BuildError
from graphopt.lower.assembly import NO_UNWINDER
from graphopt.lower.mathematics import spelled_out
from graphopt.targets import McuTarget, Target

# An empty instruction that touches no memory a kernel sees: LLVM unrolls no loop around it.
_ROLLED = """
define internal void @graphopt_rolled() alwaysinline nounwind {
  call void asm sideeffect "", ""() nounwind memory(inaccessiblemem: readwrite)
  ret void
}
"""


def compile_kernel(function: PrimFunc, symbol: str, target: Target, noalias: bool = True) -> bytes:
    """The object file of one function.

    `int32_t symbol(T* a, T* b, ..., int32_t n, ...)` takes a pointer per buffer parameter of
    `function`, in order, then its numbers, and returns 0 where the body does not return earlier.
    With `noalias`, distinct parameters never share memory.

    Raises:
        BuildError: TVM or LLVM refused the function.
    """
    plain = plain_function(function, symbol, target, noalias)
    return _compile(tvm.IRModule({symbol: plain}), symbol, target)


def plain_function(function: PrimFunc, symbol: str, target: Target, noalias: bool) -> PrimFunc:
    """`function` with pointers for its buffers; see `compile_kernel`."""
    if isinstance(target, McuTarget):
        # C has such instructions only as functions of its mathematics library.
        having = target if target.form == "library" else replace(target, fpu="none")
        function = spelled_out(function, having)
    source: Any = function  # TVM declares the fields of its nodes in C++, out of sight of Python
    buffers = [p for p in source.params if is_buffer_var(p)]
    numbers = [p for p in source.params if not is_buffer_var(p)]
    pointers = [tirx.Var(f"{p.name}_data", _pointer(p.dtype)) for p in buffers]
    declared = [
        tirx.DeclBuffer(buffer, data=pointer)
        for buffer, pointer in zip(buffers, pointers, strict=True)
    ]
    zero = tirx.IntImm("int32", 0)
    # Parallel loops ask for the device of the workspace they might allocate.
    device = tirx.AttrStmt(zero, "device_type", tirx.IntImm("int32", 1), source.body)
    body = tirx.SeqStmt(
        [*declared, tirx.AttrStmt(zero, "device_id", zero, device), tirx.Return(zero)]
    )
    attributes = {"s_tir": True, "tirx.noalias": noalias, "global_symbol": symbol}
    if isinstance(target, McuTarget) and target.form == "library":
        body = tirx.AttrStmt(zero, "pragma_import_llvm", StringImm(NO_UNWINDER + _ROLLED), body)
    plain: Any = PrimFunc([*pointers, *numbers], body, PrimType("int32"))
    result: PrimFunc = plain.with_attr(attributes)
    return result


def _pointer(dtype: str) -> PointerType:
    return PointerType(PrimType(dtype), "global")


def _compile(module: tvm.IRModule, symbol: str, target: Target) -> bytes:
    llvm = tvm.target.Target(target.llvm)
    try:
        lowered = lowering_passes(llvm)(module)
        built = tvm_ffi.get_global_func("target.build.llvm")(lowered, llvm)
        with tempfile.TemporaryDirectory(prefix="graphopt-") as folder:
            path = Path(folder) / "kernel.o"
            built.write_to_file(str(path))
            code = path.read_bytes()
    except (RuntimeError, ValueError) as error:
        raise BuildError(f"kernel {symbol}", f"TVM refused it: {error}") from error
    if b"TVMBackendAllocWorkspace" in code:
        raise BuildError(
            f"kernel {symbol}",
            "expected buffers on the stack, found one on the heap",
            "annotate it with disable_lower_builtin, or make it scratch of the plan",
        )
    return code


def lowering_passes(target: tvm.target.Target) -> tvm.transform.Pass:
    """Lowering of a function without host and device parts, in the order of TVM's own pipeline.

    Without StorageRewrite, which moves local buffers out of the scope that says where they live,
    and without CommonSubexprElim, HoistIfThenElse, RenormalizeSplitPattern and RemoveNoOp: LLVM
    does their work anyway, and they take a third of the time.
    """
    structured, flat = s_tir.transform, tirx.transform
    return tvm.transform.Sequential(
        [
            flat.BindTarget(target),
            structured.CanonicalizeLoop(),
            structured.LowerInitBlock(),
            structured.PlanAndUpdateBufferAllocationLocation(),
            structured.ConvertBlocksToOpaque(),
            structured.CompactBufferAllocation(),
            structured.LowerMatchBuffer(),
            flat.StmtSimplify(),
            structured.AnnotateIrregularLoop(),
            structured.LowerOpaqueBlock(),
            flat.FlattenBuffer(),
            flat.BF16ComputeLegalize(),
            flat.NarrowDataType(32),
            structured.LoopPartition(),
            flat.VectorizeLoop(True),
            flat.UnrollLoop(),
            flat.StmtSimplify(),
            structured.RewriteUnsafeSelect(),
            flat.FP8ComputeLegalize(),
            flat.VerifyMemory(),
            flat.FP8StorageLegalize(),
            flat.BF16StorageLegalize(),
            flat.LowerTVMBuiltin(),
            flat.LowerIntrin(),
        ]
    )
