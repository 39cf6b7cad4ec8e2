from graphopt.passes.fold_decoded_constants import FoldDecodedConstants
from graphopt.testing import check_pass


def test_constant_integers_become_what_they_stand_for() -> None:
    check_pass(
        FoldDecodedConstants(),
        before="""
        graph g(%x: f32[2]) {
          %s: f32[] = constant(0.5)
          %z: i8[] = constant(1)
          %w: i8[2] = constant([3, -1])
          %r: f32[2] = dequantize(%w, %s, %z)
          %y: f32[2] = add(%x, %r)
          return %y, %r
        }""",
        after="""
        graph g(%x: f32[2]) {
          %r.0: f32[2] = constant([1.0, -1.0])
          %y: f32[2] = add(%x, %r.0)
          return %y, %r.0 as r
        }""",
    )


def test_computed_integers_stay() -> None:
    check_pass(
        FoldDecodedConstants(),
        before="""
        graph g(%x: i8[2]) {
          %s: f32[] = constant(0.5)
          %z: i8[] = constant(1)
          %r: f32[2] = dequantize(%x, %s, %z)
          return %r
        }""",
    )
