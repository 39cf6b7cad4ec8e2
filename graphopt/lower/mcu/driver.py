"""The content of `model.h` and `model.c`: ports, constant arrays, and the calls in order."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphopt.ir import Quant, TensorType, Value
from graphopt.lower.mcu.text import (
    array_c_type,
    array_lines,
    c_type,
    finite,
    listed,
    title,
    wrapped,
)
from graphopt.lower.program import Chunk, Program
from graphopt.lower.steps import Address, Call
from graphopt.runtime.manifest import Manifest, Port

_ROLES = {
    ("conv", 1): "weights",
    ("conv", 2): "bias",
    ("conv_transpose", 1): "weights",
    ("conv_transpose", 2): "bias",
    ("lookup", 1): "table",
    ("matmul", 0): "weights",
    ("matmul", 1): "weights",
    ("rescale", 1): "multiplier",
    ("rescale", 2): "offset",
}
_LINES = 3
_OPERATORS = 40


@dataclass(frozen=True)
class CPort:
    """An input or output as C sees it.

    `parameter` names it among the parameters of the function that runs the model, `macro` starts
    the names of its constants.
    """

    name: str
    parameter: str
    macro: str
    c_type: str
    type: TensorType
    quant: Quant | None
    offset: int

    @property
    def declaration(self) -> str:
        """The parameter with its type."""
        const = "const " if self.parameter.startswith("in") else ""
        return f"{const}{self.c_type} *{self.parameter}"

    @property
    def buffer(self) -> str:
        """What an example calls the memory behind it."""
        return self.parameter.replace("in", "input").replace("out", "output")


@dataclass(frozen=True)
class CArray:
    """A constant array; `about` says what it was made from."""

    name: str
    c_type: str
    elements: int
    lines: tuple[str, ...]
    about: tuple[str, ...]


@dataclass(frozen=True)
class CCall:
    """One call of a kernel: its lines, and what a reader should know about it."""

    lines: tuple[str, ...]
    about: tuple[str, ...]


@dataclass(frozen=True)
class CKernel:
    """A kernel and the lines that declare it."""

    symbol: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Driver:
    """Everything that the templates of the driver are filled with."""

    inputs: tuple[CPort, ...]
    outputs: tuple[CPort, ...]
    arrays: tuple[CArray, ...]
    kernels: tuple[CKernel, ...]
    calls: tuple[CCall, ...]
    copies: tuple[tuple[str, str, int], ...]


def driver(program: Program, manifest: Manifest) -> Driver:
    """The C driver of a program, whose kernels have the names that the manifest gives them."""
    macro = manifest.prefix.upper()
    c_inputs = _ports(manifest.inputs, manifest.input_offsets, "in", f"{macro}_INPUT")
    c_outputs = _ports(manifest.outputs, manifest.output_offsets, "out", f"{macro}_OUTPUT")
    symbols = [record.symbol for record in manifest.calls]
    chunks = {chunk.offset: chunk for chunk in program.chunks if chunk.nbytes}
    names = _array_names(program, chunks)
    parameters = {("input", i): port.parameter for i, port in enumerate(c_inputs)}
    parameters |= {("output", i): port.parameter for i, port in enumerate(c_outputs)}

    def place(address: Address) -> str:
        if address.space == "weights":
            return names.get(address.offset, "NULL")
        start = parameters.get((address.space, address.index), "memory")
        return f"{start} + {address.offset}" if address.offset else start

    return Driver(
        c_inputs,
        c_outputs,
        tuple(_array(chunk, names[offset], program) for offset, chunk in chunks.items()),
        tuple(
            _kernel(call, symbol)
            for symbol, call in dict(zip(symbols, program.calls, strict=True)).items()
        ),
        tuple(
            CCall(
                tuple(
                    listed(
                        f"(void){symbol}",
                        [*map(place, call.arguments), *map(str, call.kernel.plan.sizes)],
                        ";",
                        indent=4,
                    )
                ),
                _about(number, call),
            )
            for number, (symbol, call) in enumerate(zip(symbols, program.calls, strict=True))
        ),
        tuple((place(c.destination), place(c.source), c.nbytes) for c in program.copies),
    )


def _ports(
    ports: Sequence[Port], offsets: Sequence[int], parameter: str, macro: str
) -> tuple[CPort, ...]:
    """One port is called `in`, several `in0`, `in1`, ..."""
    numbers = [""] if len(ports) == 1 else [str(i) for i in range(len(ports))]
    return tuple(
        CPort(
            title(port.name),
            f"{parameter}{number}",
            f"{macro}{number}",
            c_type(port.type.dtype),
            port.type,
            port.quant,
            offset,
        )
        for number, port, offset in zip(numbers, ports, offsets, strict=True)
    )


def _array_names(program: Program, chunks: dict[int, Chunk]) -> dict[int, str]:
    """Names by offset: the number of the first kernel that reads an array, and what for."""
    names: dict[int, str] = {}
    taken: set[str] = set()
    for number, call in enumerate(program.calls):
        for value, address in zip(call.kernel.plan.region.inputs, call.arguments, strict=False):
            if address.space != "weights" or address.offset in names or not value.type.nbytes:
                continue
            name = wanted = f"k{number}_{_role(call, value)}"
            count = 1
            while name in taken:
                count += 1
                name = f"{wanted}{count}"
            taken.add(name)
            names[address.offset] = name
    copied = (copy.source.offset for copy in program.copies if copy.source.space == "weights")
    for offset in (offset for offset in copied if offset in chunks):
        names.setdefault(offset, f"result{len(names)}")
    return names


def _role(call: Call, value: Value) -> str:
    for node in call.kernel.plan.region.nodes:
        for i, read in enumerate(node.inputs):
            if read is value:
                return _ROLES.get((node.op.name, i), "constant")
    return "constant"


def _array(chunk: Chunk, name: str, program: Program) -> CArray:
    content = program.weights[chunk.offset : chunk.offset + chunk.nbytes]
    dtype = chunk.dtype
    if not finite(content, dtype):
        dtype = np.dtype(f"u{dtype.itemsize}")  # C has no constant for infinity and NaN
    lines = tuple(array_lines(content, dtype))
    about = tuple(_few(wrapped(chunk.name, width=90)))
    return CArray(name, array_c_type(dtype), chunk.elements, lines, about)


def _kernel(call: Call, symbol: str) -> CKernel:
    region = call.kernel.plan.region
    parameters = [f"const void *in{i}" for i in range(len(region.inputs))]
    parameters += [f"void *out{i}" for i in range(len(region.outputs))]
    if len(call.arguments) > len(parameters):
        parameters.append("void *scratch")
    parameters += [f"int32_t n{i}" for i in range(len(call.kernel.plan.sizes))]
    return CKernel(symbol, tuple(listed(f"int32_t {symbol}", parameters, ";")))


def _about(number: int, call: Call) -> tuple[str, ...]:
    macs = f"; {call.macs} MACs" if call.macs else ""
    lines = [f"k{number}: {', '.join(call.operators)}{macs}"]
    return tuple([*lines, *_few(wrapped(call.location, width=90))])


def _few(lines: list[str]) -> list[str]:
    return lines if len(lines) <= _LINES else [*lines[: _LINES - 1], "..."]


def table(program: Program) -> list[str]:
    """The kernels in the order in which they run, for people: a line each, below its head."""
    head = ("kernel", "schedule", "MACs", "weights", "scratch", "operators")
    rows: list[tuple[str, ...]] = [head]
    for number, call in enumerate(program.calls):
        plan = call.kernel.plan
        numbers = (call.macs, call.weight_bytes, plan.scratch_bytes)
        operators = textwrap.shorten(" ".join(call.operators), _OPERATORS, placeholder=" ...")
        rows.append((f"k{number}", plan.schedule, *map(str, numbers), operators))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
