"""The steps of a program as statements of C."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from graphopt.ir import Value
from graphopt.lower.mcu.text import few, listed, wrapped
from graphopt.lower.program import Chunk, Program
from graphopt.lower.steps import (
    Address,
    Advance,
    Call,
    Loop,
    Move,
    Part,
    Point,
    Receive,
    Section,
    Send,
    Step,
    walk,
)

_INDENT = 4
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


class PortNames(Protocol):
    """What an input or output is called.

    Attributes:
        parameter: memory; or, of a streamed one, the function that gives or takes rows.
        context: what that function is given first.
        row: the number of the next row.
        pointer: a cast to the type of its memory.
    """

    @property
    def parameter(self) -> str: ...
    @property
    def context(self) -> str: ...
    @property
    def row(self) -> str: ...
    @property
    def pointer(self) -> str: ...


@dataclass(frozen=True)
class Names:
    """What things are called in C.

    Attributes:
        ports: of inputs and outputs, by (space, index).
        arrays: of constants, by offset among the weights.
        symbols: the kernel of each call site.
        moves: the function that moves rows of bytes.
        state: what stands before the names of variables, where they are members of a struct.
    """

    ports: Mapping[tuple[str, int], PortNames]
    arrays: Mapping[int, str]
    symbols: Sequence[str]
    moves: str
    state: str = ""

    def own(self, name: str) -> str:
        """A variable of the run."""
        return f"{self.state}{name}"

    def place(self, address: Address) -> str:
        """An address as an expression."""
        match address.space:
            case "weights":
                return self._constant(address.offset)
            case "arena":
                return _sum(self.own("memory"), address.offset)
            case "cursor":
                return _sum(self.own(f"rows{address.index}"), address.offset)
        port = self.own(self.ports[address.space, address.index].parameter)
        const = "const " if address.space == "input" else ""
        return _sum(f"({const}uint8_t *){port}", address.offset) if address.offset else port

    def _constant(self, offset: int) -> str:
        if offset in self.arrays:
            return self.arrays[offset]
        start = max((each for each in self.arrays if each < offset), default=None)
        if start is None:
            return "NULL"  # of no elements
        return _sum(f"(const uint8_t *){self.arrays[start]}", offset - start)


@dataclass(frozen=True)
class Statements:
    """The lines of what runs, indented as the body of a function, and those of its parts.

    Attributes:
        parts: functions, each before those that call it.
    """

    body: tuple[str, ...]
    parts: tuple[tuple[str, ...], ...]


def statements(steps: Sequence[Step], names: Names) -> Statements:
    """The steps of a program as C."""
    writer = _Writer(names)
    body = tuple(writer.lines(steps, _INDENT, 0))
    return Statements(body, tuple(writer.parts))


class _Writer:
    def __init__(self, names: Names) -> None:
        self.names = names
        self.sites = 0
        self.parts: list[tuple[str, ...]] = []
        self.written: set[int] = set()

    def lines(self, steps: Sequence[Step], indent: int, depth: int) -> Iterator[str]:
        """Statements at an indentation, inside of `depth` loops."""
        for step in steps:
            match step:
                case Section(title, body):
                    yield ""
                    yield from _comment([f"Tile by tile: {title}"], indent)
                    yield " " * indent + "{"
                    yield from self.lines(body, indent + _INDENT, depth)
                    yield " " * indent + "}"
                case Loop(count, body):
                    i = f"i{depth}" if depth else "i"
                    head = f"for (int {i} = 0; {i} < {count}; {i}++) {{"
                    yield " " * indent + head
                    yield from self.lines(body, indent + _INDENT, depth + 1)
                    yield " " * indent + "}"
                case Part(number, body):
                    if number not in self.written:
                        self.written.add(number)
                        self.parts.append(tuple(self._function(step)))
                    call = f"part{number}(run)"
                    lines = _checked(call) if passes_rows(body) else [f"{call};"]
                    yield from (" " * indent + line for line in lines)
                case Call():
                    yield from self._call(step, indent)
                case _:
                    yield from (" " * indent + line for line in self._plain(step, indent))

    def _function(self, part: Part) -> Iterator[str]:
        ends = passes_rows(part.body)
        yield f"static {'int' if ends else 'void'} part{part.number}(struct run *run)"
        yield "{"
        if ends:
            yield from (" " * _INDENT + "int error;", "")
        lines = list(self.lines(part.body, _INDENT, 0))
        yield from lines if lines[0] else lines[1:]
        if ends:
            yield " " * _INDENT + "return 0;"
        yield "}"

    def _call(self, call: Call, indent: int) -> Iterator[str]:
        symbol, number = self.names.symbols[self.sites], self.sites
        self.sites += 1
        yield ""
        yield from _comment(_about(number, call), indent)
        arguments = [*map(self.names.place, call.arguments), *map(str, call.kernel.plan.sizes)]
        for line in listed(f"(void){symbol}", arguments, ";", indent):
            yield " " * indent + line

    def _plain(self, step: Step, indent: int) -> list[str]:
        place = self.names.place
        match step:
            case Move():
                arguments = [place(step.destination), place(step.source)]
                numbers = step.nbytes, step.rows, step.destination_pitch, step.source_pitch
                text = [*arguments, *map(str, numbers)]
                return listed(f"(void){self.names.moves}", text, ";", indent)
            case Point(cursor, address, written):
                const = "const " if not written else ""
                kind = "" if self.names.state else f"{const}uint8_t *"
                start = (
                    place(address) if address.space == "arena" else _bytes(place(address), written)
                )
                return [f"{kind}{self.names.own(f'rows{cursor}')} = {start};"]
            case Advance(cursor, nbytes):
                sign = "+" if nbytes > 0 else "-"
                return [f"{self.names.own(f'rows{cursor}')} {sign}= {abs(nbytes)};"]
            case Receive(port, destination, rows, skip):
                name = self.names.ports["input", port]
                skipped = [f"{self.names.own(name.row)} += {skip};"] if skip else []
                return [*skipped, *self._passed(name, place(destination), rows)]
            case Send(port, source, rows):
                return self._passed(self.names.ports["output", port], place(source), rows)
            case _:
                raise AssertionError(f"{step} is no plain statement")

    def _passed(self, port: PortNames, place: str, count: int) -> list[str]:
        """The caller gives or takes rows, or ends the run."""
        function, context, row = map(self.names.own, (port.parameter, port.context, port.row))
        call = f"{function}({context}, {port.pointer}({place}), {row}, {count})"
        return [*_checked(call), f"{row} += {count};"]


def passes_rows(steps: Sequence[Step]) -> bool:
    """Whether the caller may end what these steps do."""
    return any(isinstance(step, Receive | Send) for step, _ in walk(steps))


def _checked(call: str) -> list[str]:
    """A call that ends the run unless it returns 0."""
    return [f"error = {call};", "if (error != 0) {", "    return error;", "}"]


def array_names(program: Program, chunks: Mapping[int, Chunk]) -> dict[int, str]:
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
    for step, _ in walk(program.steps):
        source = step.source if isinstance(step, Move) else None
        source = step.address if isinstance(step, Point) else source
        if source is not None and source.space == "weights" and chunks:
            start = max(offset for offset in chunks if offset <= source.offset)
            names.setdefault(start, f"map{len(names)}")
    return names


def _role(call: Call, value: Value) -> str:
    for node in call.kernel.plan.region.nodes:
        for i, read in enumerate(node.inputs):
            if read is value:
                return _ROLES.get((node.op.name, i), "constant")
    return "constant"


def _about(number: int, call: Call) -> list[str]:
    macs = f"; {call.macs} MACs" if call.macs else ""
    lines = [f"k{number}: {', '.join(call.operators)}{macs}"]
    return [*lines, *few(wrapped(call.location, width=90))]


def _comment(lines: Sequence[str], indent: int) -> Iterator[str]:
    """A comment of some lines."""
    space = " " * indent
    text = f"\n{space} * ".join(lines)
    yield from f"{space}/* {text} */".split("\n")


def _sum(start: str, offset: int) -> str:
    return f"{start} + {offset}" if offset else start


def _bytes(place: str, written: bool) -> str:
    """A place as a pointer to bytes."""
    if place.startswith("("):
        return place
    return f"({'' if written else 'const '}uint8_t *){place}"
