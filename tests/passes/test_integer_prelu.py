from graphopt.instruments import Instruments
from graphopt.passes.integer_prelu import IntegerPrelu
from graphopt.pipeline import run_pipeline
from graphopt.testing import check_pass, check_same_meaning
from graphopt.text import parse_graph


def test_a_slope_for_each_channel() -> None:
    check_pass(
        IntegerPrelu(),
        before="""
        graph g(%x: i8[50,3]<0.3, 7>) {
          %s: f32[3] = constant([0.1, -0.5, 0.0])
          %0: f32[50,3] = decode(%x) {quant = <0.3, 7>}
          %1: f32[50,3] = prelu(%0, %s)
          return %1
        }""",
        after="""
        graph g(%x: i8[50,3]<0.3, 7>) {
          %s: f32[3] = constant([0.10000000149011612, -0.5, 0.0])
          %1.0: i8[50,3]<0.3, 7> = clip(%x) {low = 7}
          %1.1: f32[50,3] = decode(%1.0) {quant = <0.3, 7>}
          %1.2: i8[50,3]<0.3, 7> = clip(%x) {high = 7}
          %1.3: f32[50,3] = decode(%1.2) {quant = <0.3, 7>}
          %1.4: f32[50,3] = mul(%1.3, %s)
          %1: f32[50,3] = add(%1.1, %1.4)
          return %1
        }""",
    )


def test_a_leaky_relu_of_sums() -> None:
    check_pass(
        IntegerPrelu(),
        before="""
        graph g(%x: i32[50]<0.3, 0>) {
          %0: f32[50] = decode(%x) {quant = <0.3, 0>}
          %1: f32[50] = leaky_relu(%0) {alpha = 0.125}
          return %1
        }""",
        after="""
        graph g(%x: i32[50]<0.3, 0>) {
          %1.0: f32[] = constant(0.125)
          %1.1: i32[50]<0.3, 0> = clip(%x) {low = 0}
          %1.2: f32[50] = decode(%1.1) {quant = <0.3, 0>}
          %1.3: i32[50]<0.3, 0> = clip(%x) {high = 0}
          %1.4: f32[50] = decode(%1.3) {quant = <0.3, 0>}
          %1.5: f32[50] = mul(%1.4, %1.0)
          %1: f32[50] = add(%1.2, %1.5)
          return %1
        }""",
    )


def test_zero_points_and_slopes_that_differ_otherwise_stay() -> None:
    check_pass(
        IntegerPrelu(),
        before="""
        graph g(%x: i8[2]<(0.3, 0.5), (7, 8), axis 0>, %y: i8[1]<0.3, 7>, %t: f32[1]) {
          %s: f32[2] = constant([0.125, 0.25])
          %0: f32[2] = decode(%x) {quant = <(0.3, 0.5), (7, 8), axis 0>}
          %1: f32[2] = prelu(%0, %s)
          %2: f32[1] = decode(%y) {quant = <0.3, 7>}
          %3: f32[2] = prelu(%2, %s)
          %4: f32[1] = prelu(%2, %t)
          return %1, %3, %4
        }""",
    )


def test_decoded_floats_with_a_second_user() -> None:
    check_pass(
        IntegerPrelu(),
        before="""
        graph g(%x: i8[50]<0.3, 7>) {
          %0: f32[50] = decode(%x) {quant = <0.3, 7>}
          %1: f32[50] = leaky_relu(%0)
          return %0, %1
        }""",
        after="""
        graph g(%x: i8[50]<0.3, 7>) {
          %1.0: f32[] = constant(0.009999999776482582)
          %0: f32[50] = decode(%x) {quant = <0.3, 7>}
          %1.1: i8[50]<0.3, 7> = clip(%x) {low = 7}
          %1.2: f32[50] = decode(%1.1) {quant = <0.3, 7>}
          %1.3: i8[50]<0.3, 7> = clip(%x) {high = 7}
          %1.4: f32[50] = decode(%1.3) {quant = <0.3, 7>}
          %1.5: f32[50] = mul(%1.4, %1.0)
          %1: f32[50] = add(%1.2, %1.5)
          return %0, %1
        }""",
    )


def test_the_pipeline_leaves_integers() -> None:
    graph = parse_graph("""graph g(%x: i8[50,3]) {
      %c: f32[] = constant(0.3)
      %z: i8[] = constant(7)
      %s: f32[3] = constant([0.1, -0.5, 0.0])
      %0: f32[50,3] = dequantize(%x, %c, %z)
      %1: f32[50,3] = prelu(%0, %s)
      %2: i8[50,3] = quantize(%1, %c, %z)
      return %2
    }""")
    instruments = Instruments(verify="each")
    result = run_pipeline(graph, instruments)
    assert instruments.floats == ()
    check_same_meaning(graph, result, steps=1)
