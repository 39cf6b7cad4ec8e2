from graphopt.passes.recognize_gelu import RecognizeGelu
from graphopt.testing import check_pass


def test_half_last() -> None:
    check_pass(
        RecognizeGelu(),
        before="""
        graph g(%x: f32[4]) {
          %root: f32[] = constant(0.7071067690849304)
          %one: f32[] = constant(1.0)
          %half: f32[] = constant(0.5)
          %0: f32[4] = mul(%x, %root)
          %1: f32[4] = erf(%0)
          %2: f32[4] = add(%1, %one)
          %3: f32[4] = mul(%x, %2)
          %4: f32[4] = mul(%3, %half)
          return %4
        }""",
        after="""
        graph g(%x: f32[4]) {
          %4: f32[4] = gelu(%x)
          return %4
        }""",
    )


def test_half_first() -> None:
    check_pass(
        RecognizeGelu(),
        before="""
        graph g(%x: f32[4]) {
          %root: f32[] = constant(0.7071067690849304)
          %one: f32[] = constant(1.0)
          %half: f32[] = constant(0.5)
          %0: f32[4] = mul(%x, %root)
          %1: f32[4] = erf(%0)
          %2: f32[4] = add(%1, %one)
          %3: f32[4] = mul(%half, %x)
          %4: f32[4] = mul(%2, %3)
          return %4
        }""",
        after="""
        graph g(%x: f32[4]) {
          %4: f32[4] = gelu(%x)
          return %4
        }""",
    )


def test_half_at_the_gate() -> None:
    check_pass(
        RecognizeGelu(),
        before="""
        graph g(%x: f32[4]) {
          %root: f32[] = constant(0.7071067690849304)
          %one: f32[] = constant(1.0)
          %half: f32[] = constant(0.5)
          %0: f32[4] = mul(%x, %root)
          %1: f32[4] = erf(%0)
          %2: f32[4] = add(%1, %one)
          %3: f32[4] = mul(%2, %half)
          %4: f32[4] = mul(%3, %x)
          return %4
        }""",
        after="""
        graph g(%x: f32[4]) {
          %4: f32[4] = gelu(%x)
          return %4
        }""",
    )


def test_division_by_the_root_in_half_precision() -> None:
    check_pass(
        RecognizeGelu(),
        before="""
        graph g(%x: f16[4]) {
          %root: f16[] = constant(1.4140625)
          %one: f16[] = constant(1.0)
          %half: f16[] = constant(0.5)
          %0: f16[4] = div(%x, %root)
          %1: f16[4] = erf(%0)
          %2: f16[4] = add(%1, %one)
          %3: f16[4] = mul(%x, %2)
          %4: f16[4] = mul(%3, %half)
          return %4
        }""",
        after="""
        graph g(%x: f16[4]) {
          %4: f16[4] = gelu(%x)
          return %4
        }""",
    )


def test_tanh_of_a_cubic() -> None:
    check_pass(
        RecognizeGelu(),
        before="""
        graph g(%x: f32[4]) {
          %three: f32[] = constant(3.0)
          %cubic: f32[] = constant(0.044714998453855515)
          %outer: f32[] = constant(0.7978845834732056)
          %one: f32[] = constant(1.0)
          %half: f32[] = constant(0.5)
          %0: f32[4] = pow(%x, %three)
          %1: f32[4] = mul(%0, %cubic)
          %2: f32[4] = add(%x, %1)
          %3: f32[4] = mul(%outer, %2)
          %4: f32[4] = tanh(%3)
          %5: f32[4] = add(%one, %4)
          %6: f32[4] = mul(%half, %x)
          %7: f32[4] = mul(%6, %5)
          return %7
        }""",
        after="""
        graph g(%x: f32[4]) {
          %7: f32[4] = gelu(%x) {approximate = 'tanh'}
          return %7
        }""",
    )


def test_tanh_of_a_factored_cubic() -> None:
    check_pass(
        RecognizeGelu(),
        before="""
        graph g(%x: f32[4]) {
          %cubic: f32[] = constant(0.044714998453855515)
          %outer: f32[] = constant(0.7978845834732056)
          %one: f32[] = constant(1.0)
          %half: f32[] = constant(0.5)
          %0: f32[4] = mul(%x, %half)
          %1: f32[4] = mul(%x, %outer)
          %2: f32[4] = mul(%x, %cubic)
          %3: f32[4] = mul(%2, %x)
          %4: f32[4] = add(%3, %one)
          %5: f32[4] = mul(%1, %4)
          %6: f32[4] = tanh(%5)
          %7: f32[4] = add(%6, %one)
          %8: f32[4] = mul(%0, %7)
          return %8
        }""",
        after="""
        graph g(%x: f32[4]) {
          %8: f32[4] = gelu(%x) {approximate = 'tanh'}
          return %8
        }""",
    )


def test_keeps_another_root() -> None:
    check_pass(
        RecognizeGelu(),
        before="""
        graph g(%x: f32[4]) {
          %root: f32[] = constant(0.699999988079071)
          %one: f32[] = constant(1.0)
          %half: f32[] = constant(0.5)
          %0: f32[4] = mul(%x, %root)
          %1: f32[4] = erf(%0)
          %2: f32[4] = add(%1, %one)
          %3: f32[4] = mul(%x, %2)
          %4: f32[4] = mul(%3, %half)
          return %4
        }""",
    )


def test_keeps_a_gate_with_a_second_use() -> None:
    check_pass(
        RecognizeGelu(),
        before="""
        graph g(%x: f32[4]) {
          %root: f32[] = constant(0.7071067690849304)
          %one: f32[] = constant(1.0)
          %half: f32[] = constant(0.5)
          %0: f32[4] = mul(%x, %root)
          %1: f32[4] = erf(%0)
          %2: f32[4] = add(%1, %one)
          %3: f32[4] = mul(%x, %2)
          %4: f32[4] = mul(%3, %half)
          return %4, %2
        }""",
    )
