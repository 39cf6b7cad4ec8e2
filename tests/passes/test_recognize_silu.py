from graphopt.passes.recognize_silu import RecognizeSilu
from graphopt.testing import check_pass


def test_in_either_order() -> None:
    check_pass(
        RecognizeSilu(),
        before="""
        graph g(%x: f32[4]) {
          %0: f32[4] = sigmoid(%x)
          %1: f32[4] = mul(%0, %x)
          return %1
        }""",
        after="""
        graph g(%x: f32[4]) {
          %1: f32[4] = silu(%x)
          return %1
        }""",
    )


def test_keeps_the_sigmoid_of_another_value() -> None:
    check_pass(
        RecognizeSilu(),
        before="""
        graph g(%x: f32[4], %y: f32[4]) {
          %0: f32[4] = sigmoid(%y)
          %1: f32[4] = mul(%x, %0)
          return %1
        }""",
    )


def test_keeps_a_sigmoid_with_a_second_use() -> None:
    check_pass(
        RecognizeSilu(),
        before="""
        graph g(%x: f32[4]) {
          %0: f32[4] = sigmoid(%x)
          %1: f32[4] = mul(%x, %0)
          return %1, %0
        }""",
    )
