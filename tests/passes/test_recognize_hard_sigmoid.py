from graphopt.passes.recognize_hard_sigmoid import RecognizeHardSigmoid
from graphopt.testing import check_pass


def test_clip_of_x_plus_three_over_six() -> None:
    check_pass(
        RecognizeHardSigmoid(),
        before="""
        graph g(%x: f32[4]) {
          %three: f32[] = constant(3.0)
          %six: f32[] = constant(6.0)
          %0: f32[4] = add(%x, %three)
          %1: f32[4] = clip(%0) {low = 0.0, high = 6.0}
          %2: f32[4] = div(%1, %six)
          return %2
        }""",
        after="""
        graph g(%x: f32[4]) {
          %2: f32[4] = hard_sigmoid(%x) {alpha = 0.16666666666666666}
          return %2
        }""",
    )


def test_product_with_a_sixth() -> None:
    check_pass(
        RecognizeHardSigmoid(),
        before="""
        graph g(%x: f32[4]) {
          %three: f32[] = constant(3.0)
          %sixth: f32[] = constant(0.1666666716337204)
          %0: f32[4] = add(%three, %x)
          %1: f32[4] = clip(%0) {low = 0.0, high = 6.0}
          %2: f32[4] = mul(%1, %sixth)
          return %2
        }""",
        after="""
        graph g(%x: f32[4]) {
          %2: f32[4] = hard_sigmoid(%x) {alpha = 0.16666666666666666}
          return %2
        }""",
    )


def test_keeps_other_bounds() -> None:
    check_pass(
        RecognizeHardSigmoid(),
        before="""
        graph g(%x: f32[4]) {
          %three: f32[] = constant(3.0)
          %six: f32[] = constant(6.0)
          %0: f32[4] = add(%x, %three)
          %1: f32[4] = clip(%0) {low = 0.0, high = 5.0}
          %2: f32[4] = div(%1, %six)
          return %2
        }""",
    )


def test_keeps_a_clip_with_a_second_use() -> None:
    check_pass(
        RecognizeHardSigmoid(),
        before="""
        graph g(%x: f32[4]) {
          %three: f32[] = constant(3.0)
          %six: f32[] = constant(6.0)
          %0: f32[4] = add(%x, %three)
          %1: f32[4] = clip(%0) {low = 0.0, high = 6.0}
          %2: f32[4] = div(%1, %six)
          return %2, %1
        }""",
    )
