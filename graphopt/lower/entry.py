"""The one function that runs a program: `graphopt_main`, which calls the kernels in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tvm import tirx
from tvm.tirx import PrimFunc

from graphopt.lower.program import Program
from graphopt.lower.steps import Address, Call, Move, after

_Key = tuple[str, int]


def entry_function(program: Program) -> PrimFunc:
    """`graphopt_main` as a function of byte buffers: inputs, outputs, weights, arena, status.

    Status is one int32: the number of the first call that failed, counted from 1. Nothing runs
    after a failed call, and nothing is written to it otherwise.
    """
    # Not the function's result: TVM returns nothing but zero from a function of its own.
    status = tirx.decl_buffer((1,), "int32", name="status")
    buffers = {
        key: tirx.decl_buffer((_int64(size),), "uint8", name=f"{key[0]}{key[1]}")
        for key, size in _parameters(program).items()
    }
    body: list[tirx.Stmt] = []
    number = 0
    for step in program.steps:
        if isinstance(step, Move):
            body += _moved(buffers, step)
            continue
        assert isinstance(step, Call), "streams and loops are for microcontrollers"
        number += 1
        arguments = [_pointer(buffers, address) for address in step.arguments]
        result = tirx.call_extern("int32", step.kernel.symbol, *arguments)
        failed = tirx.SeqStmt(
            [tirx.BufferStore(status, _int32(number), [_int32(0)]), tirx.Return(_int32(0))]
        )
        body.append(tirx.IfThenElse(tirx.NE(result, _int32(0)), failed, None))
    if not body:
        body.append(tirx.Evaluate(_int32(0)))
    return PrimFunc([*buffers.values(), status], body[0] if len(body) == 1 else tirx.SeqStmt(body))


def _parameters(program: Program) -> dict[_Key, int]:
    """The parameters in order, by (space, index), with their sizes in bytes."""
    sizes: dict[_Key, int] = {}
    for i, value in enumerate(program.graph.inputs):
        sizes["input", i] = value.type.nbytes
    for i, value in enumerate(program.graph.outputs):
        sizes["output", i] = value.type.nbytes
    return {**sizes, ("weights", 0): program.weights.nbytes, ("arena", 0): program.arena_bytes}


def _moved(buffers: dict[_Key, Any], move: Move) -> Iterator[tirx.Stmt]:
    for row in range(move.rows):
        to = after(move.destination, row * move.destination_pitch)
        source = after(move.source, row * move.source_pitch)
        where = _pointer(buffers, to), _pointer(buffers, source)
        # Not memcpy: rows that slide within a buffer may overlap.
        yield tirx.Evaluate(tirx.call_extern("handle", "memmove", *where, _int64(move.nbytes)))


def _pointer(buffers: dict[_Key, Any], address: Address) -> Any:
    return tirx.address_of(buffers[address.space, address.index][_int64(address.offset)])


def _int32(value: int) -> tirx.IntImm:
    return tirx.IntImm("int32", value)


def _int64(value: int) -> tirx.IntImm:
    return tirx.IntImm("int64", value)
