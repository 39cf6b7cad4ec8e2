from graphopt.passes.recognize_depth_to_space import RecognizeDepthToSpace
from graphopt.testing import check_pass


def test_columns_of_a_block_last() -> None:
    check_pass(
        RecognizeDepthToSpace(),
        before="""
        graph g(%x: f32[1,8,2,3]) {
          %0: f32[1,2,2,2,2,3] = reshape(%x) {shape = (1, 2, 2, 2, 2, 3)}
          %1: f32[1,2,2,2,3,2] = transpose(%0) {perm = (0, 1, 4, 2, 5, 3)}
          %2: f32[1,2,4,6] = reshape(%1) {shape = (1, 2, 4, 6)}
          return %2
        }""",
        after="""
        graph g(%x: f32[1,8,2,3]) {
          %2: f32[1,2,4,6] = depth_to_space(%x) {block = 2, mode = 'CRD'}
          return %2
        }""",
    )


def test_blocks_first() -> None:
    check_pass(
        RecognizeDepthToSpace(),
        before="""
        graph g(%x: f32[1,12,2,3]) {
          %0: f32[1,2,2,3,2,3] = reshape(%x) {shape = (1, 2, 2, 3, 2, 3)}
          %1: f32[1,3,2,2,3,2] = transpose(%0) {perm = (0, 3, 4, 1, 5, 2)}
          %2: f32[1,3,4,6] = reshape(%1) {shape = (1, 3, 4, 6)}
          return %2
        }""",
        after="""
        graph g(%x: f32[1,12,2,3]) {
          %2: f32[1,3,4,6] = depth_to_space(%x) {block = 2}
          return %2
        }""",
    )


def test_keeps_another_order() -> None:
    check_pass(
        RecognizeDepthToSpace(),
        before="""
        graph g(%x: f32[1,8,2,3]) {
          %0: f32[1,2,2,2,2,3] = reshape(%x) {shape = (1, 2, 2, 2, 2, 3)}
          %1: f32[1,2,2,2,3,2] = transpose(%0) {perm = (0, 1, 4, 3, 5, 2)}
          %2: f32[1,2,4,6] = reshape(%1) {shape = (1, 2, 4, 6)}
          return %2
        }""",
    )


def test_keeps_space_to_depth() -> None:
    check_pass(
        RecognizeDepthToSpace(),
        before="""
        graph g(%x: f32[1,2,4,6]) {
          %0: f32[1,2,2,2,3,2] = reshape(%x) {shape = (1, 2, 2, 2, 3, 2)}
          %1: f32[1,2,2,2,2,3] = transpose(%0) {perm = (0, 3, 5, 1, 2, 4)}
          %2: f32[1,8,2,3] = reshape(%1) {shape = (1, 8, 2, 3)}
          return %2
        }""",
    )


def test_keeps_a_transpose_with_a_second_use() -> None:
    check_pass(
        RecognizeDepthToSpace(),
        before="""
        graph g(%x: f32[1,8,2,3]) {
          %0: f32[1,2,2,2,2,3] = reshape(%x) {shape = (1, 2, 2, 2, 2, 3)}
          %1: f32[1,2,2,2,3,2] = transpose(%0) {perm = (0, 1, 4, 2, 5, 3)}
          %2: f32[1,2,4,6] = reshape(%1) {shape = (1, 2, 4, 6)}
          return %2, %1
        }""",
    )
