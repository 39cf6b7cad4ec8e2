"""PrimFunc -> C99, through TVM's generator: code that any compiler of any machine may take.

TVM prints arithmetic as it stands in the function, where integers wrap. Here it becomes calls of
`graphopt_support.h`, which say so to a C compiler.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import tvm
import tvm_ffi
from tvm import ir, tirx
from tvm.tirx import PrimFunc
from tvm.tirx.buffer import BufferType

from graphopt.errors import BuildError
from graphopt.lower.codegen import lowering_passes, plain_function
from graphopt.lower.kernel import KernelPlan
from graphopt.lower.lanes import element_of, lanes_of
from graphopt.lower.mcu.source import KernelSource
from graphopt.lower.mcu.text import LINE, float_text, listed
from graphopt.lower.mcu.unread import without_unread
from graphopt.targets import McuTarget

Expr = Any
# TVM declares the fields of its types in C++, out of sight of Python.
_BUFFER_TYPE: Any = BufferType
_WRAPPING = {
    ir.prim.expr.Add: "add",
    ir.prim.expr.Sub: "sub",
    ir.prim.expr.Mul: "mul",
    ir.prim.expr.LShift: "shl",
}
# In C the others are converted to one of these before arithmetic.
_SUFFIX = {
    "int8": "i8",
    "int16": "i16",
    "int32": "i32",
    "int64": "i64",
    "uint8": "u8",
    "uint16": "u16",
}
# What may lie over memory of any type, in C.
_BYTES = ("int8_t", "uint8_t")
_HEAD = re.compile(r"^TVM_DLL (\w+) (\w+)\(([^)]*)\)(;| \{)$", re.MULTILINE)
_FLOATS = ("float32", "float64")
_CONSTANT_NAME = "graphopt_constant_"
_CONSTANT = re.compile(rf"{_CONSTANT_NAME}([0-9a-f]+)\(\)")
_VIEW = re.compile(r"\(\((\w+)\*\)(\w+)\)")
_UNKNOWN = re.compile(
    r"\b(half|bfloat|\w+x\d+(_t)?|(u?int|float|char|long|uchar|ushort)\d)\b(?!\()"
)


def kernel_source(plan: KernelPlan, symbol: str, target: McuTarget) -> KernelSource:
    """The kernel `symbol` of a plan in C99, for a file that includes `graphopt_support.h`.

    Its parameters are those of the machine code: pointers to void, to const void for inputs.

    Raises:
        BuildError: TVM refused the function, or it has parts that C99 has no words for.
    """
    c = tvm.target.Target("c")
    plain = plain_function(plan.build(), symbol, target, plan.noalias)
    plain = tvm_ffi.structural_map(plain, (ir.Call, _in_c))
    try:
        lowered = lowering_passes(c)(tvm.IRModule({symbol: plain}))
        lowered = tvm_ffi.structural_map(
            lowered,
            [(BufferType, _unscoped), (tirx.BufferStore, _copied), (tirx.FloatImm, _exact)],
        )
        module = tvm.IRModule({symbol: _wrapping(without_unread(lowered[symbol]))})
        text = tvm_ffi.get_global_func("target.build.c")(module, c).inspect_source()
    except (RuntimeError, ValueError) as error:
        raise BuildError(f"kernel {symbol}", f"TVM refused it: {error}") from error
    unknown = _UNKNOWN.search(text)
    if unknown is not None:
        raise BuildError(
            f"kernel {symbol}",
            f"expected types of C99, found {unknown.group()}",
            "compile it to machine code: form library",
        )
    text = _CONSTANT.sub(_constant, text)
    heads = list(_HEAD.finditer(text))
    declared = {
        head[2]: _declaration(head)
        for head in heads
        if head[2].removeprefix("graphopt_") in plan.routines
    }
    definition = _definition(heads[-1], text[heads[-1].end() :], plan)
    return KernelSource(definition, declared)


def _declaration(head: re.Match[str]) -> str:
    parameters = (each.strip() for each in head[3].split(","))
    plain = ", ".join("void *" if each.endswith("*") else each for each in parameters)
    return f"{head[1]} {head[2]}({plain});"


def _definition(head: re.Match[str], body: str, plan: KernelPlan) -> str:
    """The function with parameters of our own, whose typed names the body keeps."""
    inputs = len(plan.region.inputs)
    restrict = "restrict " if plan.noalias else ""
    parameters: list[str] = []
    names: list[str] = []
    constant: set[str] = set()
    for i, parameter in enumerate(each.strip() for each in head[3].split(",")):
        type, name = parameter.split(" ")
        if not type.endswith("*"):
            parameters.append(parameter)
            names += [] if re.search(rf"\b{name}\b", body) else [f"(void){name};"]
            continue
        const, short = "const " if i < inputs else "", name.removesuffix("_data")
        parameters.append(f"{const}void *{short}")
        if re.search(rf"\b{name}\b", body):
            names.append(f"{const}{_aliasing(type[:-1])} *{restrict}{name} = {short};")
        else:
            names.append(f"(void){short};")
        if const:
            constant.add(name)

    def view(match: re.Match[str]) -> str:
        const = "const " if match[2] in constant else ""
        return f"(({const}{_aliasing(match[1])} *){match[2]})"

    body = _VIEW.sub(view, body).replace("(&(", "((void *)&(")
    # The least numbers are no constants of C: a minus in front of one that is too large.
    body = body.replace("-9223372036854775808", "INT64_MIN").replace("-2147483648", "INT32_MIN")
    lines = [*(f"  {name}" for name in names), *body.strip("\n").splitlines()]
    start = listed(f"{head[1]} {head[2]}", parameters)
    return "\n".join([*start, "{", *(short for line in lines for short in _short(line))])


def _aliasing(type: str) -> str:
    """The type in which memory is read and written that may have been declared as another."""
    return type if type in _BYTES else f"graphopt_{type}"


def _short(line: str) -> list[str]:
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.wrap(
        line,
        LINE,
        subsequent_indent=f"{indent}    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _unscoped(type: Any) -> Any:
    """The generator knows no scope of local variables."""
    if type.storage_scope != "local":
        return type
    shape = (type.shape, type.strides, type.elem_offset, type.data_alignment, type.offset_factor)
    return _BUFFER_TYPE(type.dtype, "global", *shape, type.layout, ())


def _in_c(call: Any) -> Expr:
    """Instructions that the generator has no words for, or none that C99 allows."""
    name = getattr(call.op, "name", "")
    if name not in ("tirx.fabs", "tirx.reinterpret"):
        return call
    source, element = element_of(call.args[0]), element_of(call)
    what = f"abs_{element}" if name == "tirx.fabs" else f"bits_{source}_{element}"
    return tirx.call_pure_extern(element, f"graphopt_{what}", *call.args)


def _exact(number: Any) -> Expr:
    """A name for a constant, of which the generator would print 6 digits."""
    element = element_of(number)
    if element not in _FLOATS:
        return number
    bits = np.array(number.value, element).tobytes()[::-1].hex()
    return tirx.call_pure_extern(element, f"{_CONSTANT_NAME}{bits}")


def _constant(match: re.Match[str]) -> str:
    bits = bytes.fromhex(match[1])[::-1]
    element = "float32" if len(bits) == 4 else "float64"
    number = np.frombuffer(bits, element)[0]
    if np.isfinite(number):
        return float_text(number)
    return f"graphopt_bits_u{element.replace('float', 'int')}_{element}(0x{match[1]}u)"


def _copied(store: Any) -> Any:
    """Vectors that are only moved are bytes that are copied; the generator prints others wrong."""
    to, from_ = store.indices[0], store.value
    if not (isinstance(to, tirx.Ramp) and isinstance(from_, ir.expr.TensorLoad)):
        return store
    source, read = from_.indices[0], cast(Any, from_.source)
    if not isinstance(source, tirx.Ramp) or (_number(to.stride), _number(source.stride)) != (1, 1):
        return store
    nbytes = lanes_of(from_) * tvm_ffi.dtype(element_of(from_)).bits // 8
    places = (
        tirx.BufferLoad(store.buffer, [to.base]),
        tirx.BufferLoad(read, [source.base]),
    )
    arguments = [*map(tirx.address_of, places), tirx.IntImm("int32", nbytes)]
    return tirx.Evaluate(tirx.call_extern("int32", "graphopt_copy", *arguments))


def _number(value: Any) -> int | None:
    return int(value.value) if isinstance(value, tirx.IntImm) else None


def _wrapping(function: PrimFunc) -> PrimFunc:
    """`function` with calls for arithmetic that wraps, except for that of indices."""
    hidden: dict[Any, Expr] = {}

    def hide(indices: Sequence[Expr]) -> list[Expr]:
        names: list[Expr] = []
        for index in indices:
            names.append(tirx.Var(f"index{len(hidden)}", element_of(index)))
            hidden[names[-1]] = index
        return names

    def load(node: Any) -> Any:
        return tirx.BufferLoad(node.source, hide(node.indices))

    def store(node: Any) -> Any:
        return tirx.BufferStore(node.buffer, node.value, hide(node.indices))

    def shown(value: Any) -> Any:
        def index(var: Any) -> Any:
            return shown(hidden[var]) if var in hidden else var

        return tvm_ffi.structural_map(value, (tirx.Var, index))

    indices: list[tuple[Any, Callable[[Any], Any]]] = [
        (ir.expr.TensorLoad, load),
        (tirx.BufferStore, store),
    ]
    values = tvm_ffi.structural_map(function, indices)
    result: PrimFunc = shown(tvm_ffi.structural_map(values, (tuple(_WRAPPING), _wrapped)))
    return result


def _wrapped(node: Any) -> Expr:
    element = element_of(node)
    if element not in _SUFFIX:
        return node
    name = f"graphopt_{_WRAPPING[type(node)]}_{_SUFFIX[element]}"
    return tirx.call_pure_extern(element, name, node.a, node.b)
