"""A precision problem as arrays of integers: what the solvers see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import floor, frexp, fsum, inf, ldexp

import networkx as nx
import numpy as np

from graphopt.errors import PrecisionError
from graphopt.ir import Array
from graphopt.solver.precision.problem import Choice, Limit, Problem, Row

# Sums over a few thousand classes then fit in 63 bits.
LIMIT_BITS = 50


@dataclass(frozen=True)
class Table:
    """The options of all classes, one after the other; a class is a set of equal groups.

    Each row is one sum over the classes that must stay within its room. Its unit is a power of two
    of at most 2^-49 of the limit, so that integer costs (bytes, operations) are exact. Other costs
    are rounded to units, and the room is widened by what that can come to (half a unit per class):
    no assignment that holds a limit is ever excluded.

    Attributes:
        classes: the groups of each class, as indices into the problem's groups.
        starts: [classes], the first option of each class.
        formats: [options], the format's name.
        position: [options], how late the format stands in the lists of the class's groups, summed.
        loss: [options], f64.
        rows: [rows, options], i64.
        room: [rows], i64.
        limits: [rows], the index of the problem's limit that the row belongs to.
        max_formats: how many different formats may be in use.
    """

    classes: tuple[tuple[int, ...], ...]
    starts: Array
    formats: tuple[str, ...]
    position: Array
    loss: Array
    rows: Array
    room: Array
    limits: tuple[int, ...]
    max_formats: int | None

    @property
    def owner(self) -> Array:
        """[options], the class of each option."""
        return np.repeat(np.arange(len(self.classes)), np.diff([*self.starts, len(self.formats)]))

    def least(self, values: Array) -> Array:
        """[..., classes], the smallest of `values` [..., options] in each class."""
        least: Array = np.minimum.reduceat(values, self.starts, axis=-1)
        return least

    def most(self, values: Array) -> Array:
        """[classes], the largest of `values` [options] in each class."""
        return -self.least(-values)

    def total(self, options: Sequence[int]) -> float:
        """The loss of one option per class."""
        return fsum(self.loss[list(options)])

    def formats_by_group(self, problem: Problem, options: Iterable[int]) -> dict[str, str]:
        """The format of each group, in the problem's order, from one option per class."""
        formats = {
            group: self.formats[option]
            for members, option in zip(self.classes, options, strict=True)
            for group in members
        }
        return {group.name: formats[index] for index, group in enumerate(problem.groups)}


def tabulate(problem: Problem) -> Table:
    """The table of a problem that passed `check`.

    Raises:
        PrecisionError: equal groups have no format in common, or are pinned to different ones.
    """
    classes = _classes(problem)
    options: list[list[tuple[str, Choice]]] = []  # per option, each member's name and choice
    starts, formats, position = [], [], []
    for members in classes:
        starts.append(len(options))
        for format in _common_formats(problem, members):
            groups = [problem.groups[index] for index in members]
            places = [[c.format for c in group.choices].index(format) for group in groups]
            options.append([(g.name, g.choices[at]) for g, at in zip(groups, places, strict=True)])
            formats.append(format)
            position.append(sum(places))
    owner = np.repeat(np.arange(len(classes)), np.diff([*starts, len(options)]))
    summed = [
        (index, *_integers(limit, row, options, owner))
        for index, limit in enumerate(problem.limits)
        if limit.at_most < inf
        for row in limit.rows or (Row({group.name: 1.0 for group in problem.groups}),)
    ]
    return Table(
        classes=classes,
        starts=np.array(starts, np.int64),
        formats=tuple(formats),
        position=np.array(position, np.int64),
        loss=np.array([fsum(choice.loss for _, choice in option) for option in options]),
        rows=np.array([row for _, row, _ in summed], np.int64).reshape(len(summed), len(options)),
        room=np.array([room for _, _, room in summed], np.int64),
        limits=tuple(index for index, _, _ in summed),
        max_formats=problem.max_formats,
    )


def unit_exponent(at_most: float, classes: int) -> int:
    """The unit of a limit's rows is 2 to the power of minus this."""
    if at_most <= 0:
        return 0
    return min(LIMIT_BITS, 61 - classes.bit_length()) - frexp(at_most)[1]


def _integers(
    limit: Limit, row: Row, options: Sequence[Sequence[tuple[str, Choice]]], owner: Array
) -> tuple[Array, int]:
    """A row's costs per option, and its room, in units."""
    exponent = unit_exponent(limit.at_most, len(set(owner.tolist())))
    costs = np.array(
        [
            fsum(row.amounts.get(name, 0.0) * c.costs.get(limit.summed, 0.0) for name, c in option)
            for option in options
        ]
    )
    fits = costs <= limit.at_most
    scaled = np.ldexp(np.where(fits, costs, 0.0), exponent)
    units = np.rint(scaled)
    rounded = len(set(owner[units != scaled].tolist()))
    room = floor(ldexp(limit.at_most - row.fixed, exponent) + rounded / 2)
    return np.where(fits, units, max(room, 0) + 1).astype(np.int64), room


def _classes(problem: Problem) -> tuple[tuple[int, ...], ...]:
    index = {group.name: number for number, group in enumerate(problem.groups)}
    graph: nx.Graph = nx.Graph()
    graph.add_nodes_from(index.values())
    for names in problem.equal:
        nx.add_path(graph, [index[name] for name in sorted(names)])
    return tuple(sorted(tuple(sorted(part)) for part in nx.connected_components(graph)))


def _common_formats(problem: Problem, members: Sequence[int]) -> list[str]:
    """The formats that every group of a class may take, in the order of the first group."""
    groups = [problem.groups[index] for index in members]
    names = ", ".join(group.name for group in groups)
    pinned = {g.name: problem.pinned[g.name] for g in groups if g.name in problem.pinned}
    if len(set(pinned.values())) > 1:
        found = ", ".join(f"{name} to {format}" for name, format in pinned.items())
        raise PrecisionError(f"equal groups {names}", f"expected one pinned format, found {found}")
    common = [
        choice.format
        for choice in groups[0].choices
        if all(any(c.format == choice.format for c in group.choices) for group in groups)
        and choice.format in (pinned.values() or (choice.format,))
    ]
    if not common:
        offered = "; ".join(f"{g.name}: {', '.join(c.format for c in g.choices)}" for g in groups)
        raise PrecisionError(
            f"equal groups {names}",
            f"expected a format that all of them can take, found none in common ({offered})",
            "offer one format in all of them, or take a group out of the set",
        )
    return common
