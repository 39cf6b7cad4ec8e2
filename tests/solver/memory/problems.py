"""Small memory problems of every kind, and their smallest peak by trying everything."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from hypothesis import strategies as st

from graphopt.solver.memory import Buffer, Problem, Step


@st.composite
def problems(
    draw: st.DrawFn, max_steps: int = 3, max_bytes: int = 3, unit: int = 1, scratch: bool = True
) -> Problem:
    """Steps over few buffers; each may permit any sharing, among inputs read twice as well."""
    sizes = st.integers(0, max_bytes)
    buffers = [
        Buffer(f"x{i}", draw(sizes), at_entry=True, at_exit=draw(st.integers(0, 3)) == 0)
        for i in range(draw(st.integers(1, 2)))
    ]
    steps: list[Step] = []
    for number in range(draw(st.integers(1, max_steps))):
        reads = draw(st.lists(st.integers(0, len(buffers) - 1), min_size=1, max_size=2))
        writes = list(range(len(buffers), len(buffers) + 1 + (draw(st.integers(0, 4)) == 0)))
        buffers += [
            Buffer(f"v{i}", draw(sizes), at_exit=draw(st.integers(0, 3)) == 0) for i in writes
        ]
        pairs = [(r, w) for r in range(len(reads)) for w in range(len(writes))]
        bytes_after = st.integers(-max_bytes, max_bytes)
        steps.append(
            Step(
                f"s{number}",
                tuple(reads),
                tuple(writes),
                draw(st.integers(0, 2)) if scratch else 0,
                tuple(pair for pair in pairs if draw(st.integers(0, 2)) == 0),
                {pair: draw(bytes_after) for pair in pairs if draw(st.booleans())},
            )
        )
    if draw(st.integers(0, 3)) == 0:
        buffers.append(Buffer("copy", draw(sizes), at_exit=True))
    return Problem(tuple(buffers), tuple(steps), unit)


def smallest_peak(problem: Problem, fixed_order: bool = False) -> int:
    """The peak of the best plan, by every order and every offset."""
    upper = sum(_rounded(problem, n) for n in _items(problem))
    orders = [tuple(range(len(problem.steps)))] if fixed_order else list(valid_orders(problem))
    peak = upper
    while any(_fits(problem, order, peak - problem.alignment) for order in orders):
        peak -= problem.alignment
    return peak


def valid_orders(problem: Problem) -> Iterator[tuple[int, ...]]:
    entering = {i for i, buffer in enumerate(problem.buffers) if buffer.at_entry}
    for order in permutations(range(len(problem.steps))):
        there = set(entering)
        for number in order:
            if not there.issuperset(problem.steps[number].reads):
                break
            there.update(problem.steps[number].writes)
        else:
            yield order


def _items(problem: Problem) -> list[int]:
    sizes = [buffer.nbytes for buffer in problem.buffers]
    return sizes + [step.scratch_bytes for step in problem.steps]


def _rounded(problem: Problem, nbytes: int) -> int:
    return -(-nbytes // problem.alignment) * problem.alignment


def _fits(problem: Problem, order: tuple[int, ...], peak: int) -> bool:
    """Whether some offsets below `peak` serve `order`; moments are entry, the steps, exit."""
    sizes = _items(problem)
    moments = [_moments(problem, order, item) for item in range(len(sizes))]
    # Nothing without bytes is in anybody's way; large items first leave the least to try.
    items = sorted((i for i, size in enumerate(sizes) if size), key=lambda i: -sizes[i])
    offsets: dict[int, int] = {}

    def extend(items: list[int]) -> bool:
        if not items:
            return True
        item, *others = items
        for offset in range(0, peak - _rounded(problem, sizes[item]) + 1, problem.alignment):
            if all(
                _may(problem, order, moments, sizes, (other, item), (at, offset))
                for other, at in offsets.items()
            ):
                offsets[item] = offset
                if extend(others):
                    return True
                del offsets[item]
        return False

    return peak >= 0 and extend(items)


def _moments(problem: Problem, order: tuple[int, ...], item: int) -> range:
    if item >= len(problem.buffers):
        at = 1 + order.index(item - len(problem.buffers))
        return range(at, at + 1)
    buffer = problem.buffers[item]
    used = [1 + at for at, s in enumerate(order) if item in problem.steps[s].writes]
    used += [0] if buffer.at_entry else []
    used += [1 + at for at, s in enumerate(order) if item in problem.steps[s].reads]
    used += [len(order) + 1] if buffer.at_exit else []
    return range(min(used), max(used) + 1)


def _may(
    problem: Problem,
    order: tuple[int, ...],
    moments: list[range],
    sizes: list[int],
    pair: tuple[int, int],
    offsets: tuple[int, int],
) -> bool:
    a, b = pair
    apart = (
        offsets[0] + sizes[a] <= offsets[1]
        or offsets[1] + sizes[b] <= offsets[0]
        or not sizes[a]
        or not sizes[b]
    )
    common = set(moments[a]) & set(moments[b])
    if apart or not common:
        return True
    if len(common) > 1 or not 1 <= min(common) <= len(order) or max(pair) >= len(problem.buffers):
        return False
    moment = min(common)
    step = problem.steps[order[moment - 1]]
    for x, y, distance in ((a, b, offsets[1] - offsets[0]), (b, a, offsets[0] - offsets[1])):
        if y in step.writes and x in step.reads and moments[x][-1] == moment:
            w = step.writes.index(y)
            return all(
                (distance == 0 and (r, w) in step.inplace)
                or distance <= step.overlap.get((r, w), -(10**9))
                for r, read in enumerate(step.reads)
                if read == x
            )
    return False
