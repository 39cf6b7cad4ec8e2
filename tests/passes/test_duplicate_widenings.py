from graphopt.passes.duplicate_widenings import DuplicateWidenings
from graphopt.testing import check_pass


def test_one_chain_for_each_reader() -> None:
    check_pass(
        DuplicateWidenings(),
        before="""
        graph g(%x: i8[2,3], %z: i32[]) {
          %0: i32[2,3] = cast(%x) {to = 'i32'}
          %1: i32[2,3] = sub(%0, %z)
          %2: i32[2,1] = reduce(%1) {kind = 'sum', axes = (1,), keepdims = True}
          %3: i32[2,3] = mul(%1, %2)
          return %3
        }""",
        after="""
        graph g(%x: i8[2,3], %z: i32[]) {
          %0.copy0: i32[2,3] = cast(%x) {to = 'i32'}
          %0: i32[2,3] = cast(%x) {to = 'i32'}
          %1.copy0: i32[2,3] = sub(%0.copy0, %z)
          %1: i32[2,3] = sub(%0, %z)
          %2: i32[2,1] = reduce(%1.copy0) {kind = 'sum', axes = (1,), keepdims = True}
          %3: i32[2,3] = mul(%1, %2)
          return %3
        }""",
    )


def test_keeps_what_one_node_reads_and_outputs() -> None:
    check_pass(
        DuplicateWidenings(),
        before="""
        graph g(%x: i8[2,3], %y: i8[2,3]) {
          %0: i32[2,3] = cast(%x) {to = 'i32'}
          %1: i32[2,3] = mul(%0, %0)
          %2: i32[2,3] = cast(%y) {to = 'i32'}
          %3: i32[2,3] = neg(%2)
          return %1, %2, %3
        }""",
    )


def test_keeps_wide_sums_of_two_tensors() -> None:
    check_pass(
        DuplicateWidenings(),
        before="""
        graph g(%x: i32[2,3], %y: i32[2,3]) {
          %0: i32[2,3] = add(%x, %y)
          %1: i32[2,3] = neg(%0)
          %2: i32[2,3] = abs(%0)
          return %1, %2
        }""",
    )
