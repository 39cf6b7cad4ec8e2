"""A planned region as steps of a program, at the addresses that the program gives it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from graphopt.ir import Node, Value
from graphopt.lower.choice import Choice, call_of
from graphopt.lower.regions.actions import Action, Arrive, Copy, Leave, Run, Spot
from graphopt.lower.regions.plan import RegionPlan
from graphopt.lower.steps import (
    Address,
    Advance,
    Call,
    Move,
    Point,
    Receive,
    Send,
    Step,
    after,
)

Use = tuple[object, ...]
"""Who uses a whole map, and as what: each moves over it in its own way."""


@dataclass(frozen=True)
class Surroundings:
    """What a region finds around it.

    Attributes:
        addresses: by value of the body, of those that are held whole.
        constants: the address of a constant for a kernel, by node, kernel and the input's index.
        scratch: where the region's own memory starts.
        ports: by value of the body, the number of a streamed input or output.
        first_cursor: from which number on cursors are the region's own.
    """

    addresses: Mapping[Value, Address]
    constants: Callable[[Node, Choice, int], Address]
    scratch: Address
    ports: Mapping[Value, int]
    first_cursor: int


def region_steps(plan: RegionPlan, around: Surroundings) -> tuple[Step, ...]:
    """What a region does, one after the other, without loops."""
    return tuple(_Emitter(plan, around).steps())


class _Emitter:
    """Maps that are held whole are used through cursors, so that firings of equal tiles look alike.

    Attributes:
        spots: by use of a map, where it is used, in order.
        written: the uses that write.
        cursors: of the uses that move, the number of the cursor and the offset it has.
    """

    def __init__(self, plan: RegionPlan, around: Surroundings) -> None:
        self.plan, self.around = plan, around
        self.spots: dict[Use, list[Spot]] = {}
        self.cursors: dict[Use, tuple[int, int]] = {}
        self.written: set[Use] = set()

    def steps(self) -> Iterator[Step]:
        for action in self.plan.actions:
            for use, spot in _uses(action):
                if spot.whole:
                    self.spots.setdefault(use, []).append(spot)
                    if any(spot is written for written, _ in action.writes):
                        self.written.add(use)
        for use, spots in self.spots.items():
            if len({spot.offset for spot in spots}) > 1:
                number = self.around.first_cursor + len(self.cursors)
                self.cursors[use] = number, spots[0].offset
                yield Point(number, self._whole(spots[0]), use in self.written)
        for action in self.plan.actions:
            places: list[Address] = []
            for use, spot in _uses(action):
                if use in self.cursors and spot.whole:
                    number, offset = self.cursors[use]
                    if spot.offset != offset:
                        yield Advance(number, spot.offset - offset)
                        self.cursors[use] = number, spot.offset
                places.append(self._address(action, use, spot))
            yield self._step(action, places)

    def _address(self, action: Action, use: Use, spot: Spot) -> Address:
        if isinstance(action, Run) and spot.value is not None and spot.whole:
            index = next((i for i, read in enumerate(action.reads) if read is spot), None)
            if index in action.choice.constants:
                return self.around.constants(action.node, action.choice, index)
        if spot.whole:
            if use in self.cursors:
                return Address("cursor", self.cursors[use][0], 0)
            return self._whole(spot)
        if spot.value is None:
            assert isinstance(action, Run | Copy)
            return self._inner(self.plan.arena.scratch[action.step] + spot.offset)
        return self._inner(self.plan.arena.offsets[spot.value] + spot.offset)

    def _whole(self, spot: Spot) -> Address:
        assert spot.value is not None
        return after(self.around.addresses[spot.value], spot.offset)

    def _inner(self, offset: int) -> Address:
        return after(self.around.scratch, offset)

    def _step(self, action: Action, places: list[Address]) -> Step:
        match action:
            case Run():
                return self._call(action, places)
            case Copy():
                source, destination = places
                pitches = action.source_pitch, action.destination_pitch
                return Move(source, destination, action.nbytes, action.rows, *pitches)
            case Arrive():
                return Receive(self.around.ports[action.value], places[0], action.rows, action.skip)
            case Leave():
                return Send(self.around.ports[action.value], places[0], action.rows)

    def _call(self, run: Run, places: list[Address]) -> Call:
        if run.choice.kernel.plan.scratch_bytes:
            places.append(self._inner(self.plan.arena.scratch[run.step]))
        return call_of(run.choice, tuple(places), run.node, run.macs)


def _uses(action: Action) -> Iterator[tuple[Use, Spot]]:
    """The places of an action in the order of its step's addresses."""
    match action:
        case Run():
            for i, spot in enumerate((*action.reads, *(spot for spot, _ in action.writes))):
                yield ("run", action.step, i), spot
        case Copy():
            use = "copy", action.step, action.source.value, action.destination.value
            yield (*use, "from"), action.source
            yield (*use, "to"), action.destination
        case Arrive():
            yield ("arrive", action.value), action.destination
        case Leave():
            yield ("leave", action.value), action.source
