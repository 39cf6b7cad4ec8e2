"""Assembly -> object file, by the assembler inside TVM's LLVM: no other tools are needed."""

from __future__ import annotations

import tempfile
from pathlib import Path

import tvm
import tvm_ffi
from tvm import tirx
from tvm.ir import PrimType, StringImm
from tvm.tirx import PrimFunc

from graphopt.errors import BuildError
from graphopt.targets import Target

# TVM lets functions be unwound, which on Arm links some 10 KiB of code.
NO_UNWINDER = "".join(f'module asm ".weak __aeabi_unwind_cpp_pr{i}"\n' for i in (0, 1))


def assemble(text: str, symbol: str, target: Target) -> bytes:
    """The object file of `text`, which is in GNU syntax and defines the function `symbol`.

    TVM makes an object of a function only, so there is an empty one beside it, `symbol`_object.

    Raises:
        BuildError: LLVM refused the text.
    """
    zero = tirx.IntImm("int32", 0)
    name = f"{symbol}_object"
    body = tirx.AttrStmt(zero, "pragma_import_llvm", StringImm(_module(text)), tirx.Return(zero))
    function = PrimFunc([], body, PrimType("int32"))
    function = function.with_attr({"s_tir": True, "global_symbol": name})
    llvm = tvm.target.Target(target.llvm)
    try:
        bound = tirx.transform.BindTarget(llvm)(tvm.IRModule({name: function}))
        built = tvm_ffi.get_global_func("target.build.llvm")(bound, llvm)
        with tempfile.TemporaryDirectory(prefix="graphopt-") as folder:
            path = Path(folder) / "routine.o"
            built.write_to_file(str(path))
            return path.read_bytes()
    except (RuntimeError, ValueError) as error:
        raise BuildError(f"routine {symbol}", f"LLVM refused it: {error}") from error


def _module(text: str) -> str:
    """An LLVM module of nothing but assembly."""
    escaped = (line.replace("\\", "\\5C").replace('"', "\\22") for line in text.splitlines())
    return NO_UNWINDER + "\n".join(f'module asm "{line}"' for line in escaped)
