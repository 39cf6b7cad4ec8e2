"""The content of `model.h` and `model.c`: ports, constant arrays, and the calls in order."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from graphopt.ir import Quant, TensorType
from graphopt.lower.mcu.statements import Names, Statements, array_names, statements
from graphopt.lower.mcu.text import (
    array_c_type,
    array_lines,
    c_type,
    few,
    finite,
    listed,
    title,
    wrapped,
)
from graphopt.lower.program import Chunk, Program
from graphopt.lower.steps import Call, Point, parts_of, walk
from graphopt.runtime.manifest import Manifest, Port

_OPERATORS = 40


@dataclass(frozen=True)
class CPort:
    """An input or output as C sees it.

    Attributes:
        number: tells several apart.
        parameter: its name among the parameters of the function that runs the model.
        macro: starts the names of its constants.
    """

    name: str
    is_input: bool
    number: str
    macro: str
    c_type: str
    type: TensorType
    quant: Quant | None
    offset: int
    rows: int

    @property
    def streamed(self) -> bool:
        return self.rows > 0

    @property
    def parameter(self) -> str:
        if self.streamed:
            return ("next_rows" if self.is_input else "put_rows") + self.number
        return ("in" if self.is_input else "out") + self.number

    @property
    def context(self) -> str:
        """Of a streamed one: what the caller's function is given."""
        return ("next_ctx" if self.is_input else "put_ctx") + self.number

    @property
    def row(self) -> str:
        """Of a streamed one: the variable with the number of the next row."""
        return ("next_row" if self.is_input else "put_row") + self.number

    @property
    def pointer(self) -> str:
        """A cast to what the caller's function takes."""
        return f"({'' if self.is_input else 'const '}{self.c_type} *)"

    @property
    def callback(self) -> str:
        """The parameters of the caller's function, in parentheses."""
        const = "" if self.is_input else "const "
        return f"(void *ctx, {const}{self.c_type} *rows, int first, int count)"

    @property
    def declarations(self) -> tuple[str, ...]:
        """The parameters with their types."""
        if self.streamed:
            return f"int (*{self.parameter}){self.callback}", f"void *{self.context}"
        const = "const " if self.is_input else ""
        return (f"{const}{self.c_type} *{self.parameter}",)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names that `declarations` declare."""
        return (self.parameter, self.context) if self.streamed else (self.parameter,)

    @property
    def arguments(self) -> tuple[str, ...]:
        """What an example hands over: the memory behind it, or a function of its own."""
        if self.streamed:
            return self.parameter, "NULL"
        return (self.buffer,)

    @property
    def buffer(self) -> str:
        """What an example calls the memory behind it."""
        return ("input" if self.is_input else "output") + self.number


@dataclass(frozen=True)
class CArray:
    """A constant array; `about` says what it was made from."""

    name: str
    c_type: str
    elements: int
    lines: tuple[str, ...]
    about: tuple[str, ...]


@dataclass(frozen=True)
class CKernel:
    """A kernel and the lines that declare it."""

    symbol: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Driver:
    """Everything that the templates of the driver are filled with.

    Attributes:
        text: what runs.
        moves: the function that moves bytes, or nothing where none is moved.
        state: the members of a run's state, and their first values, if what runs is in parts.
    """

    inputs: tuple[CPort, ...]
    outputs: tuple[CPort, ...]
    arrays: tuple[CArray, ...]
    kernels: tuple[CKernel, ...]
    text: Statements
    moves: str
    state: tuple[tuple[str, str], ...]


def driver(program: Program, manifest: Manifest) -> Driver:
    """The C driver of a program, whose kernels have the names that the manifest gives them."""
    macro = manifest.prefix.upper()
    c_inputs = _ports(manifest.inputs, manifest.input_offsets, True, f"{macro}_INPUT")
    c_outputs = _ports(manifest.outputs, manifest.output_offsets, False, f"{macro}_OUTPUT")
    symbols = [record.symbol for record in manifest.calls]
    chunks = {chunk.offset: chunk for chunk in program.chunks if chunk.nbytes}
    names = array_names(program, chunks)
    ports = {("input", i): port for i, port in enumerate(c_inputs)}
    ports |= {("output", i): port for i, port in enumerate(c_outputs)}
    moves = next(iter(manifest.helpers), "")
    parts = bool(parts_of(program.steps))
    return Driver(
        c_inputs,
        c_outputs,
        tuple(_array(chunk, names[offset], program) for offset, chunk in chunks.items()),
        tuple(
            _kernel(call, symbol)
            for symbol, call in dict(zip(symbols, program.calls, strict=True)).items()
        ),
        statements(program.steps, Names(ports, names, symbols, moves, "run->" if parts else "")),
        moves,
        tuple(_state(program, (*c_inputs, *c_outputs))) if parts else (),
    )


def _state(program: Program, ports: Sequence[CPort]) -> Iterator[tuple[str, str]]:
    """What a run carries from part to part: declarations, and values to begin with."""
    yield "uint8_t *memory", ".memory = arena"
    for port in ports:
        for declaration, name in zip(port.declarations, port.parameters, strict=True):
            yield declaration, f".{name} = {name}"
        if port.streamed:
            yield f"int {port.row}", f".{port.row} = 0"
    for step, _ in walk(program.steps):
        if isinstance(step, Point):
            const = "" if step.written else "const "
            yield f"{const}uint8_t *rows{step.cursor}", ""


def _ports(
    ports: Sequence[Port], offsets: Sequence[int], is_input: bool, macro: str
) -> tuple[CPort, ...]:
    """One port is called `in`, several `in0`, `in1`, ..."""
    numbers = [""] if len(ports) == 1 else [str(i) for i in range(len(ports))]
    return tuple(
        CPort(
            title(port.name),
            is_input,
            number,
            f"{macro}{number}",
            c_type(port.type.dtype),
            port.type,
            port.quant,
            offset,
            port.rows,
        )
        for number, port, offset in zip(numbers, ports, offsets, strict=True)
    )


def _array(chunk: Chunk, name: str, program: Program) -> CArray:
    content = program.weights[chunk.offset : chunk.offset + chunk.nbytes]
    dtype = chunk.dtype
    if not finite(content, dtype):
        dtype = np.dtype(f"u{dtype.itemsize}")  # C has no constant for infinity and NaN
    lines = tuple(array_lines(content, dtype))
    about = tuple(few(wrapped(chunk.name, width=90)))
    return CArray(name, array_c_type(dtype), chunk.elements, lines, about)


def _kernel(call: Call, symbol: str) -> CKernel:
    region = call.kernel.plan.region
    parameters = [f"const void *in{i}" for i in range(len(region.inputs))]
    parameters += [f"void *out{i}" for i in range(len(region.outputs))]
    if len(call.arguments) > len(parameters):
        parameters.append("void *scratch")
    parameters += [f"int32_t n{i}" for i in range(len(call.kernel.plan.sizes))]
    return CKernel(symbol, tuple(listed(f"int32_t {symbol}", parameters, ";")))


def table(program: Program) -> list[str]:
    """The kernels in the order in which they run, for people: a line each, below its head."""
    head = ("kernel", "schedule", "runs", "MACs", "weights", "scratch", "operators")
    rows: list[tuple[str, ...]] = [head]
    for number, (call, times) in enumerate(program.sites):
        plan = call.kernel.plan
        numbers = (times, times * call.macs, call.weight_bytes, plan.scratch_bytes)
        operators = textwrap.shorten(" ".join(call.operators), _OPERATORS, placeholder=" ...")
        rows.append((f"k{number}", plan.schedule, *map(str, numbers), operators))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
