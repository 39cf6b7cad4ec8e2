from graphopt.passes.fuse_parallel_convs import FuseParallelConvs
from graphopt.testing import check_pass, check_same_meaning
from graphopt.text import parse_graph
from graphopt.verify import verify

POINT = "{strides = (1, 1), pads = (0, 0, 0, 0), dilations = (1, 1)}"
SAME = "{strides = (1, 1), pads = (1, 1, 1, 1), dilations = (1, 1)}"


def test_narrow_convolutions_of_one_image_become_one() -> None:
    graph = parse_graph(f"""
        graph g(%x: f32[1,64,3,3]) {{
          %a: f32[1,64,1,1] = constant(0.5)
          %b: f32[2,64,1,1] = constant(0.25)
          %c: f32[2] = constant([1.0, 2.0])
          %0: f32[1,1,3,3] = conv(%x, %a) {POINT}
          %1: f32[1,1,3,3] = sigmoid(%0)
          %2: f32[1,2,3,3] = conv(%x, %b, %c) {POINT}
          return %1, %2
        }}""")
    joined = FuseParallelConvs().run(graph)
    assert [node.op.name for node in joined.nodes] == ["conv", "slice", "slice", "sigmoid"]
    verify(joined)
    check_same_meaning(graph, joined)
    assert FuseParallelConvs().run(joined) is joined


def test_other_windows_groups_or_full_vectors_stay_apart() -> None:
    check_pass(
        FuseParallelConvs(),
        before=f"""
        graph g(%x: f32[1,64,3,3]) {{
          %a: f32[1,64,1,1] = constant(0.5)
          %b: f32[1,64,3,3] = constant(0.5)
          %c: f32[64,1,1,1] = constant(0.5)
          %d: f32[8,64,1,1] = constant(0.5)
          %0: f32[1,1,3,3] = conv(%x, %a) {POINT}
          %1: f32[1,1,3,3] = conv(%x, %b) {SAME}
          %2: f32[1,64,3,3] = conv(%x, %c) {POINT[:-1]}, groups = 64}}
          %3: f32[1,8,3,3] = conv(%x, %d) {POINT}
          return %0, %1, %2, %3
        }}""",
    )


def test_computed_weights_stay_apart() -> None:
    check_pass(
        FuseParallelConvs(),
        before=f"""
        graph g(%x: f32[1,64,3,3], %a: f32[1,64,1,1], %b: f32[1,64,1,1]) {{
          %0: f32[1,1,3,3] = conv(%x, %a) {POINT}
          %1: f32[1,1,3,3] = conv(%x, %b) {POINT}
          return %0, %1
        }}""",
    )
