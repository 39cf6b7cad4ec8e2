from graphopt.passes.recognize_hard_swish import RecognizeHardSwish
from graphopt.testing import check_pass


def test_product_with_hard_sigmoid() -> None:
    check_pass(
        RecognizeHardSwish(),
        before="""
        graph g(%x: f32[4]) {
          %0: f32[4] = hard_sigmoid(%x) {alpha = 0.16666667}
          %1: f32[4] = mul(%0, %x)
          return %1
        }""",
        after="""
        graph g(%x: f32[4]) {
          %1: f32[4] = hard_swish(%x)
          return %1
        }""",
    )


def test_sixth_of_the_product() -> None:
    check_pass(
        RecognizeHardSwish(),
        before="""
        graph g(%x: f32[4]) {
          %three: f32[] = constant(3.0)
          %sixth: f32[] = constant(0.1666666716337204)
          %0: f32[4] = add(%x, %three)
          %1: f32[4] = clip(%0) {low = 0.0, high = 6.0}
          %2: f32[4] = mul(%x, %1)
          %3: f32[4] = mul(%2, %sixth)
          return %3
        }""",
        after="""
        graph g(%x: f32[4]) {
          %3: f32[4] = hard_swish(%x)
          return %3
        }""",
    )


def test_product_over_six() -> None:
    check_pass(
        RecognizeHardSwish(),
        before="""
        graph g(%x: f16[4]) {
          %three: f16[] = constant(3.0)
          %six: f16[] = constant(6.0)
          %0: f16[4] = add(%x, %three)
          %1: f16[4] = clip(%0) {low = 0.0, high = 6.0}
          %2: f16[4] = mul(%1, %x)
          %3: f16[4] = div(%2, %six)
          return %3
        }""",
        after="""
        graph g(%x: f16[4]) {
          %3: f16[4] = hard_swish(%x)
          return %3
        }""",
    )


def test_keeps_another_slope() -> None:
    check_pass(
        RecognizeHardSwish(),
        before="""
        graph g(%x: f32[4]) {
          %0: f32[4] = hard_sigmoid(%x)
          %1: f32[4] = mul(%x, %0)
          return %1
        }""",
    )


def test_keeps_a_hard_sigmoid_with_a_second_use() -> None:
    check_pass(
        RecognizeHardSwish(),
        before="""
        graph g(%x: f32[4]) {
          %0: f32[4] = hard_sigmoid(%x) {alpha = 0.16666667}
          %1: f32[4] = mul(%x, %0)
          return %1, %0
        }""",
    )
