from graphopt.passes.unite_transposes import UniteTransposes
from graphopt.testing import check_pass


def test_of_both_inputs() -> None:
    check_pass(
        UniteTransposes(),
        before="""
        graph g(%x: f32[2,3], %y: f32[2,3]) {
          %0: f32[3,2] = transpose(%x) {perm = (1, 0)}
          %1: f32[3,2] = transpose(%y) {perm = (1, 0)}
          %2: f32[3,2] = sub(%0, %1)
          return %2
        }""",
        after="""
        graph g(%x: f32[2,3], %y: f32[2,3]) {
          %2.0: f32[2,3] = sub(%x, %y)
          %2: f32[3,2] = transpose(%2.0) {perm = (1, 0)}
          return %2
        }""",
    )


def test_with_constants_and_numbers_per_channel() -> None:
    check_pass(
        UniteTransposes(),
        before="""
        graph g(%x: f32[1,2,3,4], %s: f32[1,4,1,1]) {
          %c: f32[4,1,1] = constant([[[1.0]], [[2.0]], [[3.0]], [[4.0]]])
          %d: f32[] = constant(2.0)
          %0: f32[1,4,2,3] = transpose(%x) {perm = (0, 3, 1, 2)}
          %1: f32[1,4,2,3] = add(%c, %0)
          %2: f32[1,4,2,3] = mul(%1, %s)
          %3: f32[1,4,2,3] = div(%2, %d)
          return %3
        }""",
        after="""
        graph g(%x: f32[1,2,3,4], %s: f32[1,4,1,1]) {
          %d: f32[] = constant(2.0)
          %1.0: f32[1,1,1,4] = constant([[[[1.0, 2.0, 3.0, 4.0]]]])
          %1.1: f32[1,2,3,4] = add(%1.0, %x)
          %2.0: f32[1,1,1,4] = reshape(%s) {shape = (1, 1, 1, 4)}
          %2.1: f32[1,2,3,4] = mul(%1.1, %2.0)
          %3.0: f32[1,2,3,4] = div(%2.1, %d)
          %3: f32[1,4,2,3] = transpose(%3.0) {perm = (0, 3, 1, 2)}
          return %3
        }""",
    )


def test_of_concat() -> None:
    check_pass(
        UniteTransposes(),
        before="""
        graph g(%x: f32[2,3], %y: f32[2,1]) {
          %c: f32[1,2] = constant([[1.0, 2.0]])
          %0: f32[3,2] = transpose(%x) {perm = (1, 0)}
          %1: f32[1,2] = transpose(%y) {perm = (1, 0)}
          %2: f32[5,2] = concat(%0, %c, %1) {axis = 0}
          return %2
        }""",
        after="""
        graph g(%x: f32[2,3], %y: f32[2,1]) {
          %2.0: f32[2,1] = constant([[1.0], [2.0]])
          %2.1: f32[2,5] = concat(%x, %2.0, %y) {axis = 1}
          %2: f32[5,2] = transpose(%2.1) {perm = (1, 0)}
          return %2
        }""",
    )


def test_keeps_a_large_input_that_is_not_transposed() -> None:
    check_pass(
        UniteTransposes(),
        before="""
        graph g(%x: f32[2,3], %y: f32[3,2]) {
          %0: f32[3,2] = transpose(%x) {perm = (1, 0)}
          %1: f32[3,2] = add(%0, %y)
          return %1
        }""",
    )


def test_keeps_different_transposes() -> None:
    check_pass(
        UniteTransposes(),
        before="""
        graph g(%x: f32[2,2,2], %y: f32[2,2,2]) {
          %0: f32[2,2,2] = transpose(%x) {perm = (1, 0, 2)}
          %1: f32[2,2,2] = transpose(%y) {perm = (0, 2, 1)}
          %2: f32[2,2,2] = mul(%0, %1)
          return %2
        }""",
    )


def test_keeps_a_transpose_with_a_second_use() -> None:
    check_pass(
        UniteTransposes(),
        before="""
        graph g(%x: f32[2,3], %y: f32[2,3]) {
          %0: f32[3,2] = transpose(%x) {perm = (1, 0)}
          %1: f32[3,2] = transpose(%y) {perm = (1, 0)}
          %2: f32[3,2] = add(%0, %1)
          return %2, %0, %1
        }""",
    )
