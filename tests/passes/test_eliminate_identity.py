# ruff: noqa: E501 (graph text)
from graphopt.passes.eliminate_identity import EliminateIdentity
from graphopt.testing import check_pass


def test_a_chain_of_all_kinds() -> None:
    check_pass(
        EliminateIdentity(),
        before="""
        graph g(%x: f32[2,1,3]) {
          %zero: f32[] = constant(0.0)
          %one: f32[3] = constant([1.0, 1.0, 1.0])
          %true: bool[1] = constant([True])
          %0: f32[2,1,3] = identity(%x)
          %1: f32[2,1,3] = cast(%0)
          %2: f32[2,1,3] = reshape(%1) {shape = (2, 1, 3)}
          %3: f32[2,1,3] = transpose(%2) {perm = (0, 1, 2)}
          %4: f32[2,1,3] = slice(%3) {starts = (0, 0, 0), sizes = (2, 1, 3), steps = (1, -1, 1)}
          %5: f32[2,1,3] = pad(%4) {pads = (0, 0, 0, 0, 0, 0)}
          %6: f32[2,1,3] = expand(%5) {shape = (2, 1, 3)}
          %7: f32[2,1,3] = concat(%6) {axis = 1}
          %8: f32[2,1,3] = tile(%7) {repeats = (1, 1, 1)}
          %9: f32[2,1,3] = clip(%8)
          %10: f32[2,1,3] = reduce(%9) {kind = 'mean', axes = (1,), keepdims = True}
          %11: f32[2,1,3] = add(%zero, %10)
          %12: f32[2,1,3] = sub(%11, %zero)
          %13: f32[2,1,3] = mul(%one, %12)
          %14: f32[2,1,3] = div(%13, %one)
          %15: f32[2,1,3] = pow(%14, %one)
          %16: f32[2,1,3] = where(%true, %15, %zero)
          %17: f32[2,1,3] = max_pool(%16) {kernel = (1,), strides = (1,), pads = (0, 0), dilations = (1,)}
          %18: f32[2,1,3] = neg(%17)
          return %18, %17
        }""",
        after="""
        graph g(%x: f32[2,1,3]) {
          %18: f32[2,1,3] = neg(%x)
          return %18, %x as 17
        }""",
    )


def test_keeps_what_looks_like_identity() -> None:
    check_pass(
        EliminateIdentity(),
        before="""
        graph g(%x: f32[2,2], %n: f32[1]) {
          %zero: f32[2] = constant([0.0, 0.0])
          %one: f32[] = constant(1.0)
          %near: f32[] = constant(1.0000009536743164)
          %0: f32[2,2] = slice(%x) {starts = (1, 0), sizes = (2, 2), steps = (-1, 1)}
          %1: f32[2,2] = transpose(%x) {perm = (1, 0)}
          %2: f32[2] = add(%n, %zero)
          %3: f32[2,2] = div(%one, %x)
          %4: f32[2,2] = sub(%zero, %x)
          %5: f32[2,2] = mul(%x, %near)
          %6: f32[2,2] = pad(%x) {pads = (1, 0, -1, 0)}
          return %0, %1, %2, %3, %4, %5, %6
        }""",
    )
