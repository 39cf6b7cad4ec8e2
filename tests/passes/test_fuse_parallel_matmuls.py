from graphopt.passes.fuse_parallel_matmuls import FuseParallelMatmuls
from graphopt.testing import check_pass, check_same_meaning
from graphopt.text import parse_graph
from graphopt.verify import verify


def test_narrow_products_of_one_input_become_one() -> None:
    check_pass(
        FuseParallelMatmuls(),
        before="""
        graph g(%x: f32[2,64]) {
          %a: f32[64,1] = constant(1.0)
          %b: f32[64,2] = constant(1.0)
          %0: f32[2,1] = matmul(%x, %a)
          %1: f32[2,1] = relu(%0)
          %2: f32[2,2] = matmul(%x, %b)
          return %1, %2
        }""",
        after="""
        graph g(%x: f32[2,64]) {
          %a.joined: f32[64,3] = constant(1.0)
          %0.joined: f32[2,3] = matmul(%x, %a.joined)
          %0: f32[2,1] = slice(%0.joined) {starts = (0, 0), sizes = (2, 1), steps = (1, 1)}
          %2: f32[2,2] = slice(%0.joined) {starts = (0, 1), sizes = (2, 2), steps = (1, 1)}
          %1: f32[2,1] = relu(%0)
          return %1, %2
        }""",
    )


def test_each_product_keeps_its_own_columns() -> None:
    graph = parse_graph("""
        graph g(%x: f32[1,3,4]) {
          %a: f32[1,4] = constant([[1.0, 2.0, 3.0, 4.0]])
          %b: f32[2,4] = constant([[5.0, 6.0, 7.0, 8.0], [9.0, 1.0, 2.0, 3.0]])
          %0: f32[1,3,1] = matmul(%x, %a) {transpose_b = True}
          %1: f32[1,3,2] = matmul(%x, %b) {transpose_b = True}
          return %1, %0
        }""")
    joined = FuseParallelMatmuls(lanes=64).run(graph)
    assert [node.op.name for node in joined.nodes] == ["matmul", "slice", "slice"]
    verify(joined)
    check_same_meaning(graph, joined)


def test_products_that_fill_their_vectors_stay_apart() -> None:
    check_pass(
        FuseParallelMatmuls(),
        before="""
        graph g(%x: f32[2,64]) {
          %a: f32[64,8] = constant(1.0)
          %b: f32[64,16] = constant(1.0)
          %0: f32[2,8] = matmul(%x, %a)
          %1: f32[2,16] = matmul(%x, %b)
          return %0, %1
        }""",
    )


def test_products_of_different_inputs_or_with_computed_matrices_stay_apart() -> None:
    check_pass(
        FuseParallelMatmuls(),
        before="""
        graph g(%x: f32[2,64], %y: f32[2,64], %c: f32[64,1]) {
          %a: f32[64,1] = constant(1.0)
          %0: f32[2,1] = matmul(%x, %a)
          %1: f32[2,1] = matmul(%y, %a)
          %2: f32[2,1] = matmul(%x, %c)
          return %0, %1, %2
        }""",
    )
