"""Writes the TIR of one kernel: memory, loops and stores around the tensors' own functions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tvm import tirx
from tvm.script.ir_builder import IRBuilder
from tvm.tirx import PrimFunc
from tvm.tirx.script.builder import ir as T

from graphopt import ops
from graphopt.ir import Array, DType, Graph, Op
from graphopt.lower.casts import pack, unpack
from graphopt.lower.dtypes import memory_dtype, tvm_dtype
from graphopt.lower.expr import expression
from graphopt.lower.lanes import both, cast, either, element_of, lanes_of
from graphopt.lower.te.tensor import Expr, Index, Program, Slot, Tensor, linear

# Fewer elements than this are not worth waking another thread for (a parallel loop costs 0.7 us).
PARALLEL_ELEMENTS = 16384


def build(region: Graph, program: Program, lanes: int, threads: int) -> PrimFunc:
    """The function that runs the steps of `program`; parameters as `KernelPlan.build` says."""
    with IRBuilder() as builder:
        with T.prim_func(s_tir=True):
            T.func_name("main")
            T.func_attr({"global_symbol": "main", "tirx.noalias": True})
            emitter = Emitter(region, program, lanes, threads)
            for step in program.steps:
                step(emitter)
            T.evaluate(0)
    return builder.get()


class Emitter:
    """Emits statements at the current place of the function under construction."""

    def __init__(self, region: Graph, program: Program, lanes: int, threads: int) -> None:
        self.lanes = lanes
        self.threads = threads
        self.width = 1
        self._memory: dict[tuple[str, int], Any] = {}
        self._known: list[dict[tuple[Any, ...], Expr]] = [{}]
        for kind, values in (("input", region.inputs), ("output", region.outputs)):
            for i, value in enumerate(values):
                size = max(1, value.type.elements)
                buffer = T.buffer((size,), memory_dtype(value.type.dtype))
                self._memory[kind, i] = T.arg(f"{kind}{i}", buffer)
        if program.scratch_bytes:
            scratch = T.arg("scratch", T.buffer((program.scratch_bytes,), "uint8"))
            for slot in program.scratches:
                self._memory[slot.kind, slot.place] = T.decl_buffer(
                    (max(1, slot.elements),),
                    memory_dtype(slot.dtype),
                    data=scratch.data,
                    elem_offset=slot.place // slot.dtype.itemsize,
                )

    # Values

    def at(self, tensor: Tensor, index: Index) -> Expr:
        """The element of `tensor` at `index`."""
        if not tensor.shared:
            return tensor.at(self, index)
        key = (id(tensor), *(i if isinstance(i, int) else id(i) for i in index))
        for known in self._known:
            if key in known:
                return known[key][0]
        value = tensor.at(self, index)
        value = T.bind(value)
        # The index is kept alive with the value, so that its id stays its own.
        self._known[-1][key] = (value, index)
        return value

    def apply(self, op: Op, *inputs: Expr) -> Expr:
        """An elementwise operator on scalars or vectors."""
        return expression(op, *(self._held(x) for x in self._even(*inputs)))

    def _held(self, x: Expr) -> Expr:
        """`x`, computed once: LLVM's front end in TVM simplifies names within names exponentially.

        Only what holds names of its own goes through memory, which LLVM turns into a register.
        """
        element = element_of(x)
        if not isinstance(x, tirx.Let) or element == "bool":
            return x
        return _variable(element, lanes_of(x), x).get()

    def cast(self, x: Expr, dtype: DType) -> Expr:
        return expression(ops.Cast(dtype), x)

    def const(self, value: Any, dtype: DType) -> Expr:
        return tirx.const(value, tvm_dtype(dtype))

    def select(self, condition: Expr, yes: Expr, no: Expr) -> Expr:
        """One of two values; both are computed."""
        return tirx.Select(*self._even(condition, yes, no))

    def both(self, *conditions: Expr) -> Expr:
        """Whether all conditions hold."""
        result: Expr = True
        for condition in conditions:
            result = condition if result is True else both(*self._even(result, condition))
        return _expr(result)

    def either(self, a: Expr, b: Expr) -> Expr:
        return either(*self._even(a, b))

    def same(self, a: Expr, b: Expr) -> Expr:
        """Whether two indices are equal."""
        return tirx.EQ(*self._even(a, b))

    def truth(self, condition: Expr) -> Expr:
        """A comparison of indices as a condition, also where both were plain numbers."""
        return tirx.const(condition, "bool") if isinstance(condition, bool) else condition

    def least(self, a: Expr, b: Expr) -> Expr:
        """The smaller of two indices."""
        return min(a, b) if isinstance(a, int) and isinstance(b, int) else tirx.min(a, b)

    def most(self, a: Expr, b: Expr) -> Expr:
        """The larger of two indices."""
        return max(a, b) if isinstance(a, int) and isinstance(b, int) else tirx.max(a, b)

    def position(self, x: Expr, size: int) -> Expr:
        """An index value as a loop index: negative ones count from the end, all stay inside."""
        i = cast(_int32(x), "int32")
        return tirx.max(tirx.min(tirx.Select(i < 0, i + size, i), size - 1), 0)

    def run_of(self, start: Expr, count: int) -> Expr:
        """The index of `count` neighbours from `start`."""
        if count == 1:
            return start
        return tirx.Ramp(_int32(start), 1, count)

    def _even(self, *inputs: Expr) -> list[Expr]:
        """The inputs with equal lanes, plain numbers as indices."""
        inputs = tuple(_expr(x) for x in inputs)
        lanes = max(lanes_of(x) for x in inputs)
        return [tirx.Broadcast(x, lanes) if lanes > lanes_of(x) else x for x in inputs]

    # Memory

    def load(self, slot: Slot, position: Expr) -> Expr:
        return unpack(self._buffer(slot)[position], slot.dtype)

    def store(self, slot: Slot, position: Expr, value: Expr) -> None:
        packed = pack(value, slot.dtype)
        lanes = 1 if isinstance(position, int) else lanes_of(position)
        if lanes > lanes_of(packed):
            packed = tirx.Broadcast(packed, lanes)
        T.buffer_store(self._buffer(slot), packed, [position])

    def local(self, dtype: DType, initial: Expr, lanes: int = 0) -> Local:
        """A variable of the current loop body; with `lanes` 0, as wide as the current vector."""
        return _variable(tvm_dtype(dtype), lanes or self.width, initial)

    def write_table(self, slot: Slot, values: Array) -> None:
        for i, value in enumerate(values.tolist()):
            self.store(slot, i, self.const(value, slot.dtype))

    def _buffer(self, slot: Slot) -> Any:
        return self._memory[slot.kind, slot.place]

    # Control

    @contextmanager
    def loop(self, extent: int, kind: str = "serial") -> Iterator[Expr]:
        """A loop from 0 to `extent`; yields its variable (0 for a single iteration)."""
        if extent == 1:
            yield 0
            return
        with getattr(T, kind)(extent) as i:
            self._known.append({})
            yield i
            self._known.pop()

    @contextmanager
    def loops(self, extents: Sequence[int]) -> Iterator[Index]:
        """Nested serial loops; yields the tuple of their variables."""
        if not extents:
            yield ()
            return
        with self.loop(extents[0]) as i, self.loops(extents[1:]) as rest:
            yield (i, *rest)

    def fill(self, slot: Slot, tensor: Tensor) -> None:
        """Store every element of `tensor` in `slot`."""
        self._fill(slot, tensor, tensor.shape, (0,) * len(tensor.shape))

    def _fill(self, slot: Slot, tensor: Tensor, whole: tuple[int, ...], start: Index) -> None:
        if not tensor.elements:
            return
        if tensor.parts:
            axis, parts = tensor.parts
            offset = start[axis]
            for part in parts:
                self._fill(slot, part, whole, (*start[:axis], offset, *start[axis + 1 :]))
                offset += part.shape[axis]
            return
        big = self.threads > 1 and tensor.elements >= PARALLEL_ELEMENTS
        outer = next((a for a, n in enumerate(tensor.shape[:-1]) if n > 1), None)
        kinds = ["parallel" if big and a == outer else "serial" for a in range(len(tensor.shape))]
        self._nest(slot, tensor, whole, start, (), kinds)

    def _nest(
        self,
        slot: Slot,
        tensor: Tensor,
        whole: tuple[int, ...],
        start: Index,
        index: Index,
        kinds: list[str],
    ) -> None:
        axis, rank = len(index), len(tensor.shape)
        if axis == rank:
            value = self.at(tensor, index)
            place = tuple(i + s for i, s in zip(index, start, strict=True))
            self.store(slot, linear(place, whole), value)
            return
        extent = tensor.shape[axis]
        whole_vectors = tensor.vectorizes and extent >= self.lanes > 1
        if axis < rank - 1 or not whole_vectors:
            with self.loop(extent, kinds[axis]) as i:
                self._nest(slot, tensor, whole, start, (*index, i), kinds)
            return
        vectors, rest = divmod(extent, self.lanes)
        many = self.threads > 1 and rank == 1 and extent >= PARALLEL_ELEMENTS
        with self.loop(vectors, "parallel" if many else "serial") as v:
            self.width = self.lanes
            run = self.run_of(v * self.lanes, self.lanes)
            self._nest(slot, tensor, whole, start, (*index, run), kinds)
            self.width = 1
        if rest:
            with self.loop(rest) as j:
                self._nest(slot, tensor, whole, start, (*index, vectors * self.lanes + j), kinds)


class Local:
    """A variable, or a vector of them, on the stack."""

    def __init__(self, buffer: Any, lanes: int) -> None:
        self._buffer = buffer
        self._lanes = lanes

    def get(self, lane: int | None = None) -> Expr:
        """The value; of one lane, if asked."""
        if lane is not None or self._lanes == 1:
            return self._buffer[lane or 0]
        return self._buffer[tirx.Ramp(_int32(0), 1, self._lanes)]

    def set(self, value: Expr) -> None:
        """Replace the value; a scalar goes to every lane."""
        if self._lanes == 1:
            T.buffer_store(self._buffer, value, [0])
            return
        if lanes_of(value) == 1:
            value = tirx.Broadcast(value, self._lanes)
        T.buffer_store(self._buffer, value, [tirx.Ramp(_int32(0), 1, self._lanes)])


def _variable(element: str, lanes: int, initial: Expr) -> Local:
    # Without the annotation TVM takes larger buffers from the heap.
    keep = {"disable_lower_builtin": True}
    local = Local(T.alloc_buffer((lanes,), element, scope="local", annotations=keep), lanes)
    local.set(initial)
    return local


def _expr(x: Expr) -> Expr:
    return tirx.const(x, "bool") if isinstance(x, bool) else _int32(x)


def _int32(x: Expr) -> Expr:
    return tirx.IntImm("int32", x) if isinstance(x, int) else x
