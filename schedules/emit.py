"""Small pieces of TIR: functions over flat buffers, loops, vectors, elementwise expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import tvm_ffi
from tvm import tirx
from tvm.script.ir_builder import IRBuilder
from tvm.tirx import PrimFunc
from tvm.tirx.script.builder import ir

from graphopt.ir import Graph, Node, Value
from graphopt.lower.casts import pack, unpack
from graphopt.lower.dtypes import memory_dtype, tvm_dtype
from graphopt.lower.expr import expression
from graphopt.lower.lanes import element_of, lanes_of
from graphopt.lower.lookup import look_up
from graphopt.ops.quantized import Lookup
from graphopt.schedules.region import elements_read

# tvm ships no type stubs, and its annotations refuse what its functions take.
T: Any = ir
Expr = Any
Buffer = Any


# The extent of a buffer whose size is known only when the kernel runs.
UNBOUNDED = 1 << 30


@dataclass(frozen=True)
class Flat:
    """A one-dimensional array of `elements` of the TVM dtype `dtype`."""

    elements: int
    dtype: str


def kernel(
    region: Graph,
    body: Callable[[Mapping[Value, Buffer], Buffer | None], None],
    packed: Mapping[int, Flat] | None = None,
    scratch_bytes: int = 0,
) -> PrimFunc:
    """A function over the region's inputs, outputs and scratch, all as flat buffers.

    `packed` describes the inputs that were packed. `body` emits the loops; it gets the buffer of
    every region input and output, and the scratch as bytes (None without).
    """

    def sized(buffers: Mapping[Value, Buffer], scratch: Buffer | None, *sizes: Expr) -> None:
        body(buffers, scratch)

    flats = {value: _flat(value) for value in (*region.inputs, *region.outputs)}
    flats |= {region.inputs[i]: flat for i, flat in (packed or {}).items()}
    return _function(region, sized, flats, scratch_bytes, ())


def sized_kernel(
    region: Graph,
    sizes: Sequence[str],
    body: Callable[..., None],
    packed: Mapping[int, str] | None = None,
    scratch_bytes: int = 0,
) -> PrimFunc:
    """The same for regions of any shape: sizes are numbers that the function gets when called.

    `sizes` names them. `body` gets the buffers and the scratch (None without), then an i32
    expression for each of `sizes`. `packed` gives the TVM dtypes of the inputs that were packed.
    """
    flats = {
        value: Flat(UNBOUNDED, memory_dtype(value.type.dtype))
        for value in (*region.inputs, *region.outputs)
    }
    flats |= {region.inputs[i]: Flat(UNBOUNDED, dtype) for i, dtype in (packed or {}).items()}
    return _function(region, body, flats, UNBOUNDED if scratch_bytes else 0, sizes)


def _function(
    region: Graph,
    body: Callable[..., None],
    flats: Mapping[Value, Flat],
    scratch_bytes: int,
    sizes: Sequence[str],
) -> PrimFunc:
    builder: Any
    with IRBuilder() as builder:
        with T.prim_func(s_tir=True):
            T.func_name("main")
            T.func_attr({"global_symbol": "main", "tirx.noalias": True})
            buffers: dict[Value, Buffer] = {}
            for i, value in enumerate(region.inputs):
                flat = flats[value]
                buffers[value] = T.arg(f"in{i}", T.buffer((flat.elements,), flat.dtype))
            for i, value in enumerate(region.outputs):
                flat = flats[value]
                buffers[value] = T.arg(f"out{i}", T.buffer((flat.elements,), flat.dtype))
            scratch = None
            if scratch_bytes:
                scratch = T.arg("scratch", T.buffer((scratch_bytes,), "uint8"))
            body(buffers, scratch, *(T.arg(name, T.int32()) for name in sizes))
    function: PrimFunc = builder.get()
    return function


def _flat(value: Value) -> Flat:
    return Flat(value.type.elements, memory_dtype(value.type.dtype))


def view(raw: Buffer, dtype: str) -> Buffer:
    """The bytes `raw` as elements of another type."""
    size = raw.shape[0] * 8 // tvm_ffi.dtype(dtype).bits
    return T.decl_buffer((size,), dtype, data=raw.data)


def loop(extent: Expr) -> AbstractContextManager[Expr]:
    """A serial loop from 0 to `extent`."""
    frame: AbstractContextManager[Expr] = T.serial(extent)
    return frame


@contextmanager
def rolled(extent: Expr) -> Iterator[Expr]:
    """A serial loop from 0 to `extent` that no compiler unrolls, for microcontrollers.

    LLVM writes a loop of few blocks out four times and more, and again for what is left over.
    """
    with T.serial(extent) as i:
        T.evaluate(T.call_extern("int32", "graphopt_rolled"))
        yield i


@contextmanager
def count(start: Expr, stop: Expr) -> Iterator[Expr]:
    """A serial loop from `start` to `stop`.

    The TIR loop itself starts from 0: TVM 0.27 simplifies remainders of the variables of other
    loops wrongly.
    """
    with T.serial(T.max(T.int32(0), stop - start)) as i:
        yield start + i


def channel_vectors(
    channels: int, lanes: int, emit: Callable[[Expr, int], None], *narrower: int
) -> None:
    """Run `emit(channel, lanes)` for whole vectors of channels, then for the rest.

    The rest is first cut into vectors of the `narrower` numbers of lanes.
    """
    first = 0
    for wide in (lanes, *narrower):
        whole = (channels - first) // wide
        if whole:
            with loop(whole) as vector_number:
                emit(first + vector_number * wide, wide)
        first += whole * wide
    if first < channels:
        emit(T.int32(first), channels - first)


def outer_loop(extent: int, threads: int) -> AbstractContextManager[Expr]:
    """The outermost loop: parallel if the kernel may use several threads."""
    frame: AbstractContextManager[Expr] = T.parallel(extent) if threads > 1 else T.serial(extent)
    return frame


def vector(offset: Expr, lanes: int) -> Expr:
    """The index of `lanes` neighbouring elements."""
    return T.ramp(offset, 1, lanes) if lanes > 1 else offset


def splat(scalar: Expr, lanes: int) -> Expr:
    """`scalar` in every lane."""
    return T.broadcast(scalar, lanes) if lanes > 1 else scalar


def const(value: float, lanes: int, dtype: str = "float32") -> Expr:
    return splat(tirx.const(value, dtype), lanes)


def load(buffer: Buffer, offset: Expr, lanes: int) -> Expr:
    return buffer[vector(offset, lanes)]


def store(buffer: Buffer, offset: Expr, value: Expr, lanes: int) -> None:
    T.buffer_store(buffer, value, [vector(offset, lanes)])


class Registers:
    """`count` vectors, which LLVM keeps in registers as long as every index is a constant."""

    def __init__(self, count: int, lanes: int, dtype: str = "float32") -> None:
        self.count = count
        self.lanes = lanes
        self.dtype = dtype
        self._buffer = _local(count * lanes, dtype)

    def get(self, i: Expr, lanes: int | None = None) -> Expr:
        """Vector `i`, or its first `lanes` elements."""
        return load(self._buffer, i * self.lanes, lanes or self.lanes)

    def lane(self, i: int, lane: int) -> Expr:
        """One element of vector `i`."""
        return self._buffer[i * self.lanes + lane]

    def set(self, i: int, value: Expr) -> None:
        store(self._buffer, i * self.lanes, value, self.lanes)


def named(value: Expr) -> Expr:
    """`value`, computed once however often the result is used.

    It goes through memory that LLVM turns into a register. A variable would be replaced by its
    value again and again while TVM simplifies: exponential time in chains of expressions.
    """
    element, lanes = element_of(value), lanes_of(value)
    if element == "bool":
        return value  # has no vectors in memory, and is rarely used twice
    memory = _local(lanes, element)
    store(memory, 0, value, lanes)
    return load(memory, 0, lanes)


def _local(elements: int, dtype: str) -> Buffer:
    # Without the annotation TVM takes larger buffers from the heap.
    keep = {"disable_lower_builtin": True}
    return T.alloc_buffer((elements,), dtype, scope="local", annotations=keep)


def in_memory(registers: Registers) -> Registers:
    """A copy of `registers` whose vectors may be numbered by a loop variable."""
    copy = Registers(registers.count, registers.lanes, registers.dtype)
    for i in range(registers.count):
        copy.set(i, registers.get(i))
    return copy


def row_offset(have: Sequence[int], shape: Sequence[int], row: Expr, stride: int) -> Expr:
    """Where the part of a tensor starts that belongs to `row`, which counts through `shape`.

    The tensor has the dimensions `have`, which broadcast to `shape`, of parts of `stride` elements.
    """
    if tuple(have) == tuple(shape):
        return row * stride
    offset: Expr = T.int32(0)
    below = 1
    for mine, size in zip(reversed(have), reversed(shape), strict=True):
        if mine > 1:
            offset = offset + T.floormod(T.floordiv(row, below), size) * stride
            stride *= mine
        below *= size
    return offset


class Elements:
    """Computes elementwise values of a region at a place of a tensor of shape `shape`.

    A place is (row, column, lanes): `row` counts through all dimensions but the last.
    """

    def __init__(
        self, region: Graph, buffers: Mapping[Value, Buffer], shape: Sequence[int]
    ) -> None:
        self.region = region
        self.buffers = buffers
        self.shape = tuple(shape)
        self._producers = region.producers()

    def value(
        self, value: Value, known: dict[Value, Expr], row: Expr, column: Expr, lanes: int
    ) -> Expr:
        """The expression of `value`; `known` holds those that exist already, and is added to."""
        if value in known:
            return known[value]
        if value in self._producers:
            node = self._producers[value]
            inputs = [self.value(v, known, row, column, lanes) for v in elements_read(node)]
            result = named(self._result(node, inputs))
        elif value in self.region.constants:
            scalar = self.region.constants[value].item()
            result = const(scalar, lanes, tvm_dtype(value.type.dtype))
        else:
            result = self._operand(value, row, column, lanes)
        known[value] = result
        return result

    def _result(self, node: Node, inputs: list[Expr]) -> Expr:
        if not isinstance(node.op, Lookup):
            return expression(node.op, *inputs)
        source, table = node.inputs
        return look_up(self.buffers[table], inputs[0], source.type.dtype, table.type.dtype)

    def _operand(self, value: Value, row: Expr, column: Expr, lanes: int) -> Expr:
        dims = value.type.dims
        aligned = (1,) * (len(self.shape) - len(dims)) + dims
        offset = row_offset(aligned[:-1], self.shape[:-1], row, aligned[-1])
        if aligned[-1] == 1:
            return splat(unpack(self.buffers[value][offset], value.type.dtype), lanes)
        return unpack(load(self.buffers[value], offset + column, lanes), value.type.dtype)

    def store_outputs(self, known: dict[Value, Expr], row: Expr, column: Expr, lanes: int) -> None:
        """Compute and store all outputs of the region at this place."""
        offset = row * self.shape[-1] + column
        # All are computed before the first is stored, which may lie over an operand.
        results = [
            named(self.value(output, known, row, column, lanes)) for output in self.region.outputs
        ]
        for output, result in zip(self.region.outputs, results, strict=True):
            store(self.buffers[output], offset, pack(result, output.type.dtype), lanes)


class FlatElements(Elements):
    """The same for tensors of one shape, taken as a single row, and numbers.

    Places are (0, position, lanes).
    """

    def __init__(self, region: Graph, buffers: Mapping[Value, Buffer], elements: int) -> None:
        super().__init__(region, buffers, (elements,))

    def _operand(self, value: Value, row: Expr, column: Expr, lanes: int) -> Expr:
        dtype = value.type.dtype
        if value.type.elements == 1:
            return splat(unpack(self.buffers[value][0], dtype), lanes)
        return unpack(load(self.buffers[value], column, lanes), dtype)
