"""What a program consists of: calls of kernels, and what moves bytes and addresses around them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from graphopt.lower.kernel import KernelPlan
from graphopt.rewrite import Reject

Space = Literal["input", "output", "weights", "arena", "cursor"]
_SEVERAL = ("input", "output", "cursor")


@dataclass(frozen=True)
class Address:
    """A place in memory: `offset` bytes into a space; `index` tells inputs and outputs apart.

    The space "cursor" starts where cursor `index` points to: see `Point`.
    """

    space: Space
    index: int
    offset: int

    def __str__(self) -> str:
        name = f"{self.space}{self.index}" if self.space in _SEVERAL else self.space
        return f"{name}+{self.offset}"


def after(address: Address, nbytes: int) -> Address:
    """The place so many bytes behind `address`."""
    return replace(address, offset=address.offset + nbytes)


@dataclass(frozen=True)
class Kernel:
    """One function to compile. `key` names everything that its machine code follows from."""

    key: str
    plan: KernelPlan

    @property
    def symbol(self) -> str:
        """The name of the C function."""
        return f"{self.plan.schedule.replace('-', '_')}_{self.key[:16]}"


@dataclass(frozen=True)
class Call:
    """One execution of a kernel. `arguments` are inputs, outputs, then scratch if it has any.

    The sizes of the plan follow, if it has any.

    `rejected` says why the schedules that come earlier in the list did not take the region.
    """

    kernel: Kernel
    arguments: tuple[Address, ...]
    location: str
    operators: tuple[str, ...]
    macs: int
    nbytes: int
    weight_bytes: int
    rejected: tuple[tuple[str, Reject], ...] = ()

    def __str__(self) -> str:
        kernel = self.kernel
        arguments = [*map(str, self.arguments), *map(str, kernel.plan.sizes)]
        return f"{kernel.plan.schedule} {kernel.symbol}({', '.join(arguments)})"


@dataclass(frozen=True)
class Move:
    """`rows` times `nbytes` copied as they are; rows start `..._pitch` bytes after each other.

    Bytes are copied upwards: the destination may overlap the source where it starts before it.
    """

    source: Address
    destination: Address
    nbytes: int
    rows: int = 1
    source_pitch: int = 0
    destination_pitch: int = 0

    def __str__(self) -> str:
        size = f"{self.nbytes}"
        if self.rows > 1:
            size += f" x {self.rows} rows {self.source_pitch} and {self.destination_pitch} apart"
        return f"move({self.source}, {self.destination}, {size})"


@dataclass(frozen=True)
class Point:
    """From now on a cursor points to `address`; whether memory is written through it."""

    cursor: int
    address: Address
    written: bool

    def __str__(self) -> str:
        return f"cursor{self.cursor} = {self.address}"


@dataclass(frozen=True)
class Advance:
    """A cursor moves by `nbytes`, perhaps back."""

    cursor: int
    nbytes: int

    def __str__(self) -> str:
        return f"cursor{self.cursor} += {self.nbytes}"


@dataclass(frozen=True)
class Receive:
    """The caller puts the next `rows` rows of an input to `destination`, after `skip` others."""

    port: int
    destination: Address
    rows: int
    skip: int = 0

    def __str__(self) -> str:
        return f"receive(input{self.port}, {self.destination}, {self.skip} + {self.rows})"


@dataclass(frozen=True)
class Send:
    """The caller takes the next `rows` rows of an output from `source`."""

    port: int
    source: Address
    rows: int

    def __str__(self) -> str:
        return f"send(output{self.port}, {self.source}, {self.rows})"


@dataclass(frozen=True)
class Loop:
    """The same steps, `count` times."""

    count: int
    body: tuple[Step, ...]


@dataclass(frozen=True)
class Section:
    """The steps of a region. Its cursors are its own."""

    title: str
    body: tuple[Step, ...]


@dataclass(frozen=True)
class Part:
    """Steps that run here and elsewhere, where the part of the same number stands."""

    number: int
    body: tuple[Step, ...]


Step = Call | Move | Point | Advance | Receive | Send | Loop | Section | Part


def walk(steps: Sequence[Step]) -> list[tuple[Step, int]]:
    """The steps as they are written down, loops opened, each with how often it runs.

    Those of a part are written down where it first stands.
    """
    written: list[Step] = []
    parts: dict[int, Counter[int]] = {}

    def visit(steps: Sequence[Step]) -> Counter[int]:
        """How often each step runs, by its place in `written`."""
        found = Counter[int]()
        for step in steps:
            match step:
                case Loop(count, body):
                    found.update({at: count * times for at, times in visit(body).items()})
                case Section(_, body):
                    found.update(visit(body))
                case Part(number, body):
                    if number not in parts:
                        parts[number] = visit(body)
                    found.update(parts[number])
                case _:
                    found[len(written)] += 1
                    written.append(step)
        return found

    times = visit(steps)
    return [(step, times[at]) for at, step in enumerate(written)]


def parts_of(steps: Sequence[Step]) -> dict[int, Part]:
    """The parts among steps by their numbers, those inside of others first."""
    found: dict[int, Part] = {}
    for step in steps:
        if isinstance(step, Part) and step.number in found:
            continue
        if isinstance(step, Loop | Section | Part):
            found.update(parts_of(step.body))
        if isinstance(step, Part):
            found[step.number] = step
    return found


def addresses_of(step: Step) -> tuple[Address, ...]:
    """The places that a step names itself, not those of the steps inside it."""
    match step:
        case Call():
            return step.arguments
        case Move():
            return step.source, step.destination
        case Point():
            return (step.address,)
        case Receive():
            return (step.destination,)
        case Send():
            return (step.source,)
        case Advance() | Loop() | Section() | Part():
            return ()


def call_sites(steps: Sequence[Step]) -> Iterator[tuple[Call, int]]:
    """The calls as they are written down, each with how often it runs."""
    return ((step, times) for step, times in walk(steps) if isinstance(step, Call))


def unrolled(steps: Sequence[Step]) -> Iterator[Call | Move | Receive | Send]:
    """What runs, one after the other, without loops and cursors."""
    cursors: dict[int, Address] = {}

    def fixed(address: Address) -> Address:
        if address.space != "cursor":
            return address
        return after(cursors[address.index], address.offset)

    def run(steps: Sequence[Step]) -> Iterator[Call | Move | Receive | Send]:
        for step in steps:
            match step:
                case Call():
                    yield replace(step, arguments=tuple(map(fixed, step.arguments)))
                case Move():
                    source, destination = fixed(step.source), fixed(step.destination)
                    yield replace(step, source=source, destination=destination)
                case Receive():
                    yield replace(step, destination=fixed(step.destination))
                case Send():
                    yield replace(step, source=fixed(step.source))
                case Point(cursor, address, _):
                    cursors[cursor] = address
                case Advance(cursor, nbytes):
                    cursors[cursor] = after(cursors[cursor], nbytes)
                case Loop(count, body):
                    for _ in range(count):
                        yield from run(body)
                case Section(_, body) | Part(_, body):
                    yield from run(body)

    return run(steps)


def listing(steps: Sequence[Step]) -> Iterator[str]:
    """The steps for people, a line each; those of a part where it first stands."""
    seen: set[int] = set()

    def lines(steps: Sequence[Step], indent: str) -> Iterator[str]:
        for step in steps:
            match step:
                case Loop(count, body):
                    head = f"{count} times"
                case Section(head, body):
                    pass
                case Part(number, body):
                    head = f"part {number}"
                    body = () if number in seen else body
                    seen.add(number)
                case _:
                    yield f"{indent}{step}"
                    continue
            yield indent + head
            yield from lines(body, indent + "  ")

    return lines(steps, "  ")
