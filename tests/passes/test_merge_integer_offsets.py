from graphopt.passes.merge_integer_offsets import MergeIntegerOffsets
from graphopt.testing import check_pass


def test_offsets_that_broadcast_and_wrap() -> None:
    check_pass(
        MergeIntegerOffsets(),
        before="""
        graph g(%x: i32[3,2]) {
          %a: i32[2] = constant([1, 2147483647])
          %b: i32[3,1] = constant([[1], [2], [3]])
          %0: i32[3,2] = add(%a, %x)
          %1: i32[3,2] = add(%0, %b)
          return %1
        }""",
        after="""
        graph g(%x: i32[3,2]) {
          %1.0: i32[3,2] = constant([[2, -2147483648], [3, -2147483647], [4, -2147483646]])
          %1: i32[3,2] = add(%x, %1.0)
          return %1
        }""",
    )


def test_floats_and_offsets_that_enlarge_stay() -> None:
    check_pass(
        MergeIntegerOffsets(),
        before="""
        graph g(%x: f32[2], %y: i32[1]) {
          %a: f32[2] = constant([1.0, 2.0])
          %b: i32[2] = constant([1, 2])
          %0: f32[2] = add(%x, %a)
          %1: f32[2] = add(%0, %a)
          %2: i32[2] = add(%y, %b)
          %3: i32[2] = add(%2, %b)
          return %1, %3
        }""",
    )


def test_a_first_sum_with_a_second_user_stays() -> None:
    check_pass(
        MergeIntegerOffsets(),
        before="""
        graph g(%x: i32[2]) {
          %a: i32[2] = constant([1, 2])
          %0: i32[2] = add(%x, %a)
          %1: i32[2] = add(%0, %a)
          return %0, %1
        }""",
    )
