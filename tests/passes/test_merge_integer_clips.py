from graphopt.passes.merge_integer_clips import MergeIntegerClips
from graphopt.testing import check_pass


def test_the_narrower_bounds_win() -> None:
    check_pass(
        MergeIntegerClips(),
        before="""
        graph g(%x: i32[2]) {
          %0: i32[2] = clip(%x) {low = -128, high = 127}
          %1: i8[2] = cast(%0) {to = 'i8'}
          %2: i8[2] = clip(%1) {low = -3, high = 100}
          %3: i8[2] = clip(%2) {high = 2}
          return %3
        }""",
        after="""
        graph g(%x: i32[2]) {
          %3.0: i32[2] = clip(%x) {low = -3, high = 2}
          %3: i8[2] = cast(%3.0) {to = 'i8'}
          return %3
        }""",
    )


def test_what_wraps_or_crosses_stays() -> None:
    check_pass(
        MergeIntegerClips(),
        before="""
        graph g(%x: i32[2], %y: f32[2]) {
          %0: i32[2] = clip(%x) {low = -128, high = 200}
          %1: i8[2] = cast(%0) {to = 'i8'}
          %2: i8[2] = clip(%1) {low = -3}
          %3: i32[2] = clip(%x) {low = -128, high = 2}
          %4: i8[2] = cast(%3) {to = 'i8'}
          %5: i8[2] = clip(%4) {low = 5}
          %6: f32[2] = clip(%y) {low = 0.0, high = 1.0}
          %7: i8[2] = cast(%6) {to = 'i8'}
          %8: i8[2] = clip(%7) {low = 1}
          return %2, %5, %8
        }""",
    )


def test_a_first_clip_with_a_second_user_stays() -> None:
    check_pass(
        MergeIntegerClips(),
        before="""
        graph g(%x: i32[2]) {
          %0: i32[2] = clip(%x) {low = -128, high = 127}
          %1: i8[2] = cast(%0) {to = 'i8'}
          %2: i8[2] = clip(%1) {low = -3}
          return %1, %2
        }""",
    )
