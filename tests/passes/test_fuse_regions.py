"""Regions: what fuses, what does not, and that fusion never changes a result or makes a cycle."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from graphopt.instruments import Instruments
from graphopt.ir import DType, Graph, Node, Op, TensorType, Value
from graphopt.ops import Add, Fused, MatMul, Mul, Relu, Sigmoid, Softmax, Transpose
from graphopt.passes.fuse_regions import FuseRegions
from graphopt.pipeline import run_passes
from graphopt.testing import check_pass, check_same_meaning
from graphopt.text import parse_graph, print_graph
from graphopt.verify import verify_phase


def regions(text: str) -> list[str]:
    """The names of the regions of a graph given as text, after fusion; checks the meaning too."""
    graph = parse_graph(text)
    fused = FuseRegions().run(graph)
    verify_phase(fused, "fused")
    check_same_meaning(graph, fused)
    return [node.op.body.name for node in fused.nodes if isinstance(node.op, Fused)]


def test_an_activation_joins_the_product() -> None:
    check_pass(
        FuseRegions(),
        before="""
        graph g(%x: f32[2,3], %w: f32[3,4]) {
          %0: f32[2,4] = matmul(%x, %w)
          %y: f32[2,4] = relu(%0)
          return %y
        }""",
        after="""
        graph g(%x: f32[2,3], %w: f32[3,4]) {
          %y: f32[2,4] = fused(%x, %w) region matmul_relu(%x0: f32[2,3], %x1: f32[3,4]) {
            %v0: f32[2,4] = matmul(%x0, %x1)
            %v1: f32[2,4] = relu(%v0)
            return %v1
          }
          return %y
        }""",
    )


def test_single_numbers_move_into_the_body_and_other_constants_stay_outside() -> None:
    check_pass(
        FuseRegions(),
        before="""
        graph g(%x: f32[2,3]) {
          %s: f32[] = constant(0.5)
          %b: f32[3] = constant([1.0, 2.0, 3.0])
          %0: f32[2,3] = mul(%s, %x)
          %y: f32[2,3] = add(%0, %b)
          return %y
        }""",
        after="""
        graph g(%x: f32[2,3]) {
          %b: f32[3] = constant([1.0, 2.0, 3.0])
          %y: f32[2,3] = fused(%x, %b) region mul_add(%x0: f32[2,3], %x1: f32[3]) {
            %c0: f32[] = constant(0.5)
            %v0: f32[2,3] = mul(%c0, %x0)
            %v1: f32[2,3] = add(%v0, %x1)
            return %v1
          }
          return %y
        }""",
    )


def test_a_decomposed_activation_fuses_as_a_whole() -> None:
    assert regions("""
        graph g(%x: f32[2,3], %w: f32[3,4]) {
          %0: f32[2,4] = matmul(%x, %w)
          %1: f32[2,4] = sigmoid(%0)
          %2: f32[2,4] = mul(%0, %1)
          return %2
        }""") == ["matmul_sigmoid_mul"]


def test_the_later_of_two_products_takes_the_residual_add() -> None:
    assert regions("""
        graph g(%x: f32[2,3], %w: f32[3,4], %v: f32[3,4]) {
          %0: f32[2,4] = matmul(%x, %w)
          %1: f32[2,4] = matmul(%x, %v)
          %2: f32[2,4] = add(%0, %1)
          return %2
        }""") == ["matmul", "matmul_add"]


def test_a_skip_connection_round_a_product_makes_no_cycle() -> None:
    assert regions("""
        graph g(%x: f32[2,2], %w: f32[2,2]) {
          %0: f32[2,2] = relu(%x)
          %1: f32[2,2] = matmul(%0, %w)
          %2: f32[2,2] = add(%0, %1)
          return %2
        }""") == ["relu", "matmul_add"]


def test_a_value_that_the_user_sees_ends_its_region() -> None:
    assert regions("""
        graph g(%x: f32[2,3], %w: f32[3,4]) {
          %0: f32[2,4] = matmul(%x, %w)
          %1: f32[2,4] = relu(%0)
          return %0, %1
        }""") == ["matmul", "relu"]


def test_an_elementwise_node_that_grows_the_shape_stays_outside() -> None:
    assert regions("""
        graph g(%x: f32[2,3], %w: f32[3,1], %b: f32[2,4]) {
          %0: f32[2,1] = matmul(%x, %w)
          %1: f32[2,4] = add(%0, %b)
          return %1
        }""") == ["matmul", "add"]


def test_elementwise_nodes_join_the_reduction_they_feed_but_not_a_product() -> None:
    assert regions("""
        graph g(%x: f32[2,3], %w: f32[3,4]) {
          %0: f32[2,3] = mul(%x, %x)
          %1: f32[2] = reduce(%0) {kind = 'sum', axes = (1,)}
          %2: f32[2,3] = relu(%x)
          %3: f32[2,4] = matmul(%2, %w)
          return %1, %3
        }""") == ["mul_reduce", "relu", "matmul"]


def test_two_elementwise_branches_meet_in_one_region() -> None:
    assert regions("""
        graph g(%x: f32[2,3], %y: f32[2,3]) {
          %0: f32[2,3] = relu(%x)
          %1: f32[2,3] = sigmoid(%y)
          %2: f32[2,3] = add(%0, %1)
          return %2
        }""") == ["relu_sigmoid_add"]


def test_a_reshape_stays_alone() -> None:
    assert regions("""
        graph g(%x: f32[2,3]) {
          %0: f32[2,3] = relu(%x)
          %1: f32[6] = reshape(%0) {shape = (6,)}
          %2: f32[6] = relu(%1)
          return %2
        }""") == ["relu", "reshape", "relu"]


def test_a_product_does_not_end_in_another_dtype() -> None:
    assert regions("""
        graph g(%x: f32[2,3], %w: f32[3,4]) {
          %0: f32[2,4] = matmul(%x, %w)
          %1: f32[2,4] = relu(%0)
          %2: u8[2,4] = cast(%1) {to = 'u8'}
          return %2
        }""") == ["matmul_relu", "cast"]


def test_another_dtype_may_pass_through_a_product() -> None:
    assert regions("""
        graph g(%x: f32[2,3], %w: f32[3,4]) {
          %0: f32[2,4] = matmul(%x, %w)
          %1: i32[2,4] = cast(%0) {to = 'i32'}
          %2: f32[2,4] = cast(%1)
          return %2
        }""") == ["matmul_cast"]


def test_integers_leave_a_region_where_they_are_smallest() -> None:
    assert regions(
        """graph g(%x: i8[2,3], %w: i8[3,3], %v: i8[3,3]) {
          %0: i32[2,3] = matmul(%x, %w)
          %1: i8[2,3] = cast(%0) {to = 'i8'}
          %2: i32[2,3] = cast(%1) {to = 'i32'}
          %3: i32[2,3] = neg(%2)
          %4: i32[2,3] = matmul(%x, %v)
          %5: i32[2,3] = add(%3, %4)
          return %5
        }"""
    ) == ["matmul_cast", "matmul_cast_neg_add"]
    assert regions(
        """graph g(%x: i8[2,3], %w: i8[3,3]) {
          %0: i32[2,3] = matmul(%x, %w)
          %1: i8[2,3] = cast(%0) {to = 'i8'}
          %2: i32[2,3] = cast(%1) {to = 'i32'}
          %3: i32[2,3] = neg(%2)
          return %3
        }"""
    ) == ["matmul_cast_neg"]


def test_equal_layers_print_the_same_kernel() -> None:
    fused = FuseRegions().run(
        parse_graph("""
        graph g(%x: f32[2,3], %w: f32[3,3], %v: f32[3,3], %r: f32[2,3]) {
          %0: f32[2,3] = matmul(%x, %w)
          %1: f32[2,3] = add(%0, %r)
          %2: f32[2,3] = matmul(%1, %v)
          %3: f32[2,3] = add(%r, %2)
          return %3
        }""")
    )
    bodies = [print_graph(node.op.body) for node in fused.nodes if isinstance(node.op, Fused)]
    assert len(bodies) == 2 and len(set(bodies)) == 1


def test_a_refusal_says_why() -> None:
    instruments = Instruments()
    graph = parse_graph("""
        graph g(%x: f32[2,3], %w: f32[3,3], %v: f32[3,3]) {
          %0: f32[2,3] = matmul(%x, %w)
          %1: f32[2,3] = relu(%0)
          %2: f32[2,3] = matmul(%0, %v)
          return %1, %2
        }""")
    run_passes(graph, ["fuse-regions"], instruments)
    (rejection,) = instruments.records[-1].rejections
    assert rejection.reason == "%0 is also needed on the way to matmul"


SIDE = 3
SQUARE = TensorType(DType.F32, (SIDE, SIDE))
CHOICES: tuple[tuple[Op, int], ...] = (
    (Relu(), 1),
    (Sigmoid(), 1),
    (Add(), 2),
    (Mul(), 2),
    (MatMul(), 2),
    (Softmax(1), 1),
    (Transpose((1, 0)), 1),
)


@st.composite
def square_graphs(draw: Callable[..., int]) -> Graph:
    """Random graphs over values of one shape, where every node may read any earlier value."""
    values = [Value("a", SQUARE), Value("b", SQUARE)]
    nodes: list[Node] = []
    for number in range(draw(st.integers(1, 24))):
        op, arity = CHOICES[draw(st.integers(0, len(CHOICES) - 1))]
        near = max(0, len(values) - 6)
        inputs = tuple(values[draw(st.integers(near, len(values) - 1))] for _ in range(arity))
        output = Value(f"n{number}", SQUARE)
        nodes.append(Node(op, inputs, (output,)))
        values.append(output)
    extra = draw(st.integers(2, len(values) - 1))
    outputs = tuple(dict.fromkeys((values[-1], values[extra])))
    return Graph("g", tuple(values[:2]), tuple(nodes), outputs)


@settings(max_examples=150, deadline=None)
@given(square_graphs())
def test_fusion_keeps_any_graph_valid_and_its_meaning(graph: Graph) -> None:
    fused = FuseRegions().run(graph)
    verify_phase(fused, "fused")
    check_same_meaning(graph, fused)
    assert sum(len(n.op.body.nodes) for n in fused.nodes if isinstance(n.op, Fused)) == len(
        graph.nodes
    )


def requantized_sum(left: str, right: str, zero: int, shift: int) -> Graph:
    """A product and a skipped tensor, rescaled and added in the order given."""
    return parse_graph(
        f"""graph g(%x: i8[2,4], %w: i8[4,4], %skip: i8[2,4]) {{
          %m: i32[] = constant(70000000)
          %zero: i32[] = constant({zero})
          %offset: i32[] = constant(7)
          %shift: i32[] = constant({shift})
          %0: i32[2,4] = matmul(%x, %w)
          %1: i32[2,4] = rescale(%0, %m, %offset)
          %2: i32[2,4] = cast(%skip) {{to = 'i32'}}
          %3: i32[2,4] = sub(%2, %zero)
          %4: i32[2,4] = shift_left(%3, %shift)
          %5: i32[2,4] = add({left}, {right})
          return %5
        }}"""
    )


def test_layers_that_differ_in_numbers_or_order_are_one_kernel() -> None:
    texts: set[str] = set()
    for left, right, zero, shift in (("%1", "%4", -14, 20), ("%4", "%1", 7, 21)):
        graph = requantized_sum(left, right, zero, shift)
        fused = FuseRegions().run(graph)
        check_same_meaning(graph, fused)
        (node,) = fused.nodes
        assert isinstance(node.op, Fused)
        texts.add(print_graph(node.op.body))
    assert len(texts) == 1
