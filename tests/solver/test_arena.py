from hypothesis import given, settings
from hypothesis import strategies as st

from graphopt.solver.arena import ArenaPlan, Rectangle, plan_arena

rectangles = st.lists(
    st.builds(
        lambda first, length, size: Rectangle(first, first + length, size),
        st.integers(0, 9),
        st.integers(0, 5),
        st.integers(1, 1000),
    ),
    max_size=12,
)


def assert_no_overlap(placed: list[Rectangle], plan: ArenaPlan) -> None:
    for i, (a, at) in enumerate(zip(placed, plan.offsets, strict=True)):
        assert at % 64 == 0
        assert at + a.size <= plan.peak
        for b, bt in list(zip(placed, plan.offsets, strict=True))[:i]:
            apart = at + a.size <= bt or bt + b.size <= at
            assert apart or a.last < b.first or b.last < a.first


@settings(max_examples=60, deadline=None)
@given(rectangles)
def test_live_buffers_never_overlap(placed: list[Rectangle]) -> None:
    plan = plan_arena(placed, seconds=0.05)
    assert_no_overlap(placed, plan)
    assert plan.peak >= plan.lower_bound


def test_solver_beats_greedy_where_greedy_falls_short() -> None:
    """Largest first needs 16 blocks here."""
    placed = [
        Rectangle(2, 4, 4 * 64),
        Rectangle(5, 7, 4 * 64),
        Rectangle(3, 3, 1 * 64),
        Rectangle(2, 5, 3 * 64),
        Rectangle(3, 4, 3 * 64),
        Rectangle(0, 2, 6 * 64),
        Rectangle(4, 5, 5 * 64),
    ]
    plan = plan_arena(placed)
    assert_no_overlap(placed, plan)
    assert plan.peak == plan.lower_bound == 15 * 64


def test_buffers_of_different_times_share_memory() -> None:
    plan = plan_arena([Rectangle(0, 0, 100), Rectangle(1, 1, 100)])
    assert plan == ArenaPlan((0, 0), 128, 128)


def test_nothing_takes_nothing() -> None:
    assert plan_arena([]) == ArenaPlan((), 0, 0)
