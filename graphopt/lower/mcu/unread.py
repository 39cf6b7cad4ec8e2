"""Local variables that nothing reads: machine code has none, and C compilers warn of them."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

import tvm_ffi
from tvm import ir, tirx
from tvm.tirx import PrimFunc

# Which statements say that a variable is there or what it holds, and where they name it.
_SETTING = {tirx.AllocBuffer: "buffer", tirx.Bind: "var", tirx.BufferStore: "buffer"}


def without_unread(function: PrimFunc) -> PrimFunc:
    """`function` without local variables that are set and not read.

    Those that hold the result of a call with effects stay, with the call.
    """
    while unread := _declared(function) - _used(function):
        function = _without(function, unread)
    return function


def _declared(function: PrimFunc) -> set[Any]:
    found: set[Any] = set()

    def declaration(node: Any) -> None:
        found.add(_variable(node))

    tvm_ffi.structural_walk(function, ((tirx.AllocBuffer, tirx.Bind), declaration))
    return found


def _used(function: PrimFunc) -> set[Any]:
    """The variables that stand anywhere but where they are declared or set without effects."""
    found: set[Any] = set()

    def setting(node: Any, visitor: Any) -> None:
        if isinstance(node, tirx.AllocBuffer):
            return
        if _has_effects(node.value):
            found.add(_variable(node))
        visitor.visit(node.value)
        if isinstance(node, tirx.BufferStore):
            visitor.visit(node.indices)

    def use(variable: Any, _: Any) -> None:
        found.add(variable)

    tvm_ffi.structural_visit(function, [(tuple(_SETTING), setting), (tirx.Var, use)])
    return found


def _has_effects(value: Any) -> bool:
    def effects(call: Any) -> tvm_ffi.VisitInterrupt | None:
        kind = call.op.get_attr("TCallEffectKind") if isinstance(call.op, ir.Op) else None
        pure = kind is not None and int(kind) <= tirx.CallEffectKind.ReadState.value
        return None if pure else tvm_ffi.VisitInterrupt(call)

    return tvm_ffi.structural_walk(value, (ir.Call, effects)) is not None


def _without(function: PrimFunc, unread: Set[Any]) -> PrimFunc:
    nothing = tirx.Evaluate(tirx.IntImm("int32", 0))

    def setting(node: Any) -> Any:
        return nothing if _variable(node) in unread else node

    result: PrimFunc = tvm_ffi.structural_map(function, (tuple(_SETTING), setting))
    return result


def _variable(node: Any) -> Any:
    return getattr(node, _SETTING[type(node)])
