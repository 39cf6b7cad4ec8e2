from graphopt.passes.simplify_transposes import SimplifyTransposes
from graphopt.testing import check_pass


def test_moves_only_ones() -> None:
    check_pass(
        SimplifyTransposes(),
        before="""
        graph g(%x: f32[1,5,1,3]) {
          %0: f32[1,1,5,3] = transpose(%x) {perm = (0, 2, 1, 3)}
          return %0
        }""",
        after="""
        graph g(%x: f32[1,5,1,3]) {
          %0: f32[1,1,5,3] = reshape(%x) {shape = (1, 1, 5, 3)}
          return %0
        }""",
    )


def test_keeps_what_moves_data() -> None:
    check_pass(
        SimplifyTransposes(),
        before="""
        graph g(%x: f32[1,5,1,3]) {
          %0: f32[1,3,5,1] = transpose(%x) {perm = (0, 3, 1, 2)}
          return %0
        }""",
    )
