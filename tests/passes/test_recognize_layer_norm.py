from graphopt.passes.recognize_layer_norm import RecognizeLayerNorm
from graphopt.testing import check_pass


def test_division_by_the_deviation() -> None:
    check_pass(
        RecognizeLayerNorm(),
        before="""
        graph g(%x: f32[2,4]) {
          %two: f32[] = constant(2.0)
          %eps: f32[] = constant(9.999999747378752e-06)
          %0: f32[2,1] = reduce(%x) {kind = 'mean', axes = (1,), keepdims = True}
          %1: f32[2,4] = sub(%x, %0)
          %2: f32[2,4] = pow(%1, %two)
          %3: f32[2,1] = reduce(%2) {kind = 'mean', axes = (1,), keepdims = True}
          %4: f32[2,1] = add(%3, %eps)
          %5: f32[2,1] = sqrt(%4)
          %6: f32[2,4] = div(%1, %5)
          return %6
        }""",
        after="""
        graph g(%x: f32[2,4]) {
          %6: f32[2,4] = layer_norm(%x) {axes = (1,), epsilon = 9.999999747378752e-06}
          return %6
        }""",
    )


def test_product_with_the_reciprocal_deviation() -> None:
    check_pass(
        RecognizeLayerNorm(),
        before="""
        graph g(%x: f32[2,3,4]) {
          %eps: f32[1] = constant([9.999999974752427e-07])
          %0: f32[2,1,1] = reduce(%x) {kind = 'mean', axes = (1, 2), keepdims = True}
          %1: f32[2,3,4] = sub(%x, %0)
          %2: f32[2,3,4] = mul(%1, %1)
          %3: f32[2,1,1] = reduce(%2) {kind = 'mean', axes = (1, 2), keepdims = True}
          %4: f32[2,1,1] = add(%eps, %3)
          %5: f32[2,1,1] = sqrt(%4)
          %6: f32[2,1,1] = reciprocal(%5)
          %7: f32[2,3,4] = mul(%6, %1)
          return %7
        }""",
        after="""
        graph g(%x: f32[2,3,4]) {
          %7: f32[2,3,4] = layer_norm(%x) {axes = (1, 2), epsilon = 9.999999974752427e-07}
          return %7
        }""",
    )


def test_root_mean_square() -> None:
    check_pass(
        RecognizeLayerNorm(),
        before="""
        graph g(%x: f32[2,4]) {
          %eps: f32[] = constant(9.999999974752427e-07)
          %0: f32[2,4] = mul(%x, %x)
          %1: f32[2,1] = reduce(%0) {kind = 'mean', axes = (1,), keepdims = True}
          %2: f32[2,1] = add(%1, %eps)
          %3: f32[2,1] = sqrt(%2)
          %4: f32[2,1] = reciprocal(%3)
          %5: f32[2,4] = mul(%x, %4)
          return %5
        }""",
        after="""
        graph g(%x: f32[2,4]) {
          %5: f32[2,4] = layer_norm(%x) {axes = (1,), epsilon = 9.999999974752427e-07, rms = True}
          return %5
        }""",
    )


def test_mean_over_other_axes_stays() -> None:
    check_pass(
        RecognizeLayerNorm(),
        before="""
        graph g(%x: f32[2,4]) {
          %two: f32[] = constant(2.0)
          %eps: f32[] = constant(9.999999747378752e-06)
          %0: f32[1,1] = reduce(%x) {kind = 'mean', axes = (0, 1), keepdims = True}
          %1: f32[2,4] = sub(%x, %0)
          %2: f32[2,4] = pow(%1, %two)
          %3: f32[2,1] = reduce(%2) {kind = 'mean', axes = (1,), keepdims = True}
          %4: f32[2,1] = add(%3, %eps)
          %5: f32[2,1] = sqrt(%4)
          %6: f32[2,4] = div(%1, %5)
          return %6, %1
        }""",
        after="""
        graph g(%x: f32[2,4]) {
          %0: f32[1,1] = reduce(%x) {kind = 'mean', axes = (0, 1), keepdims = True}
          %1: f32[2,4] = sub(%x, %0)
          %6: f32[2,4] = layer_norm(%1) {axes = (1,), epsilon = 9.999999747378752e-06, rms = True}
          return %6, %1
        }""",
    )


def test_keeps_a_sum_of_squares() -> None:
    check_pass(
        RecognizeLayerNorm(),
        before="""
        graph g(%x: f32[2,4]) {
          %eps: f32[] = constant(9.999999974752427e-07)
          %0: f32[2,4] = mul(%x, %x)
          %1: f32[2,1] = reduce(%0) {kind = 'sum', axes = (1,), keepdims = True}
          %2: f32[2,1] = add(%1, %eps)
          %3: f32[2,1] = sqrt(%2)
          %4: f32[2,1] = reciprocal(%3)
          %5: f32[2,4] = mul(%x, %4)
          return %5
        }""",
    )


def test_keeps_a_deviation_with_a_second_use() -> None:
    check_pass(
        RecognizeLayerNorm(),
        before="""
        graph g(%x: f32[2,4]) {
          %two: f32[] = constant(2.0)
          %eps: f32[] = constant(9.999999747378752e-06)
          %0: f32[2,1] = reduce(%x) {kind = 'mean', axes = (1,), keepdims = True}
          %1: f32[2,4] = sub(%x, %0)
          %2: f32[2,4] = pow(%1, %two)
          %3: f32[2,1] = reduce(%2) {kind = 'mean', axes = (1,), keepdims = True}
          %4: f32[2,1] = add(%3, %eps)
          %5: f32[2,1] = sqrt(%4)
          %6: f32[2,4] = div(%1, %5)
          return %6, %5
        }""",
    )
