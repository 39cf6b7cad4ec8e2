from graphopt.passes.eliminate_retypes import EliminateRetypes
from graphopt.testing import check_pass


def test_back_and_forth() -> None:
    check_pass(
        EliminateRetypes(),
        before="""
        graph g(%x: i8[2]<0.5, 1>) {
          %0: i8[2] = retype(%x)
          %1: i8[2]<0.5, 1> = retype(%0) {quant = <0.5, 1>}
          %2: f32[2] = decode(%1) {quant = <0.5, 1>}
          return %2
        }""",
        after="""
        graph g(%x: i8[2]<0.5, 1>) {
          %2: f32[2] = decode(%x) {quant = <0.5, 1>}
          return %2
        }""",
    )


def test_the_last_of_two_stays() -> None:
    check_pass(
        EliminateRetypes(),
        before="""
        graph g(%x: i8[2]<0.5, 1>) {
          %0: i8[2] = retype(%x)
          %1: i8[2]<0.25, 1> = retype(%0) {quant = <0.25, 1>}
          return %1
        }""",
        after="""
        graph g(%x: i8[2]<0.5, 1>) {
          %1: i8[2]<0.25, 1> = retype(%x) {quant = <0.25, 1>}
          return %1
        }""",
    )


def test_constants_have_the_type_themselves() -> None:
    check_pass(
        EliminateRetypes(),
        before="""
        graph g() {
          %w: i8[2] = constant([1, 2])
          %0: i8[2]<0.5, 0> = retype(%w) {quant = <0.5, 0>}
          return %0
        }""",
        after="""
        graph g() {
          %0.0: i8[2]<0.5, 0> = constant([1, 2])
          return %0.0 as 0
        }""",
    )


def test_one_retype_stays() -> None:
    check_pass(
        EliminateRetypes(),
        before="""
        graph g(%x: i8[2]) {
          %0: i8[2]<0.5, 0> = retype(%x) {quant = <0.5, 0>}
          return %0
        }""",
    )


def test_the_first_of_two_has_another_user() -> None:
    check_pass(
        EliminateRetypes(),
        before="""
        graph g(%x: i8[2]<0.5, 1>) {
          %0: i8[2] = retype(%x)
          %1: i8[2]<0.5, 1> = retype(%0) {quant = <0.5, 1>}
          return %0, %1
        }""",
        after="""
        graph g(%x: i8[2]<0.5, 1>) {
          %0: i8[2] = retype(%x)
          return %0, %x as 1
        }""",
    )
