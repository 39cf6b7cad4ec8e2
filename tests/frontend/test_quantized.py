"""Quantized operators: bit for bit what ONNX Runtime computes, and integers in the end."""

from collections.abc import Callable

import numpy as np
import pytest
from onnx import TensorProto, helper

from graphopt.frontend.importer import load_onnx
from graphopt.instruments import Instruments
from graphopt.interpreter import evaluate
from graphopt.ir import Array, DType, Graph
from graphopt.ops import Conv, MatMul
from graphopt.pipeline import run_pipeline

Check = Callable[..., Graph]
CheckText = Callable[..., Graph]
RNG = np.random.default_rng(7)


def unsigned(*shape: int) -> Array:
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def signed(*shape: int) -> Array:
    """Integers of 7 bits: with larger ones ONNX Runtime's sums of pairs saturate on AVX2."""
    return RNG.integers(-64, 64, shape, dtype=np.int8)


def is_integer(graph: Graph) -> bool:
    """Whether the quantized phase leaves no float in the graph."""
    quantized = run_pipeline(graph, Instruments(verify="each"), stop_after="quantized")
    return not any(value.type.dtype.is_float for value in quantized.values())


def sum_types(graph: Graph) -> set[DType]:
    """The element types that products are summed in."""
    return {n.inputs[0].type.dtype for n in graph.nodes if isinstance(n.op, Conv | MatMul)}


@pytest.mark.parametrize("channels", [3, 64])
def test_conv_integer(check_text: CheckText, channels: int) -> None:
    graph = check_text(
        f"""
        g (uint8[1,{channels},6,5] x, uint8[4,{channels},3,2] w, uint8 xz, uint8 wz)
          => (int32[n,c,h,v] y) {{
          y = ConvInteger <pads = [1,0,2,1], strides = [2,1]> (x, w, xz, wz)
        }}""",
        x=unsigned(1, channels, 6, 5),
        w=unsigned(4, channels, 3, 2),
        xz=np.array(100, np.uint8),
        wz=np.array(7, np.uint8),
    )
    assert sum_types(graph) == {DType.I16}


def test_largest_sums_are_exact(check_text: CheckText) -> None:
    graph = check_text(
        "g (uint8[1,4096] x, uint8[4096,1] w) => (int32[1,1] y) { y = MatMulInteger (x, w) }",
        x=np.full((1, 4096), 255, np.uint8),
        w=np.full((4096, 1), 253, np.uint8),
    )
    assert sum_types(graph) == {DType.U8}


@pytest.mark.parametrize("a", ["2,3,4", "3,4"])
def test_matmul_integer_with_zero_points_per_column(check_text: CheckText, a: str) -> None:
    check_text(
        f"""
        g (uint8[{a}] a, int8[4,5] b, uint8 az, int8[5] bz) => (int32[] y) {{
          y = MatMulInteger (a, b, az, bz)
        }}""".replace("int32[]", "int32" + ("[2,3,5]" if a == "2,3,4" else "[3,5]")),
        a=unsigned(*map(int, a.split(","))),
        b=signed(4, 5),
        az=np.array(130, np.uint8),
        bz=signed(5),
    )


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("groups", [1, 2])
def test_qlinear_conv_per_channel(check: Check, bias: bool, groups: int) -> None:
    arrays: dict[str, Array] = {
        "xs": np.array(0.02, np.float32),
        "xz": np.array(120, np.uint8),
        "w": signed(6, 4 // groups, 3, 3),
        "ws": np.asarray(RNG.uniform(0.002, 0.02, 6), np.float32),
        "wz": np.zeros(6, np.int8),
        "ys": np.array(0.05, np.float32),
        "yz": np.array(99, np.uint8),
    }
    if bias:
        arrays["b"] = RNG.integers(-(1 << 20), 1 << 20, 6, dtype=np.int32)
    node = helper.make_node("QLinearConv", ["x", *arrays], ["y"], pads=[1, 1, 1, 1], group=groups)
    model = helper.make_model(
        helper.make_graph(
            [node],
            "g",
            [helper.make_tensor_value_info("x", TensorProto.UINT8, [1, 4, 8, 8])],
            [helper.make_tensor_value_info("y", TensorProto.UINT8, None)],
            [
                helper.make_tensor(
                    n, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape, a.tobytes(), raw=True
                )
                for n, a in arrays.items()
            ],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    assert is_integer(check(model, {"x": unsigned(1, 4, 8, 8)}))


def test_qlinear_matmul(check_text: CheckText) -> None:
    graph = check_text(
        """
        g (uint8[3,8] a, uint8[8,5] b) => (uint8[3,5] y)
        <float s = {0.01}, uint8 az = {113}, uint8 bz = {114}, float ys = {0.11}, uint8 yz = {118}>
        { y = QLinearMatMul (a, s, az, b, s, bz, ys, yz) }""",
        a=unsigned(3, 8),
        b=unsigned(8, 5),
    )
    assert is_integer(graph)


def test_a_dynamically_quantized_layer(check_text: CheckText) -> None:
    """What onnxruntime's quantize_dynamic makes of a linear layer."""
    weights = ", ".join(str(int(i)) for i in signed(32))
    check_text(
        f"""
        g (float[3,8] x) => (float[3,4] y) <int8[8,4] w = {{{weights}}}, float ws = {{0.01}}> {{
          q, s, z = DynamicQuantizeLinear (x)
          t = MatMulInteger (q, w, z)
          f = Cast <to = 1> (t)
          fs = Mul (s, ws)
          y = Mul (f, fs)
        }}""",
        x=np.asarray(RNG.standard_normal((3, 8)), np.float32),
    )


@pytest.mark.parametrize("name", ["QLinearAdd", "QLinearMul"])
def test_qlinear_binary(check_text: CheckText, name: str) -> None:
    graph = check_text(
        f"""
        g (int8[2,8] a, int8[2,8] b) => (int8[2,8] y)
        <float s = {{0.03}}, int8 az = {{5}}, float t = {{0.05}}, int8 bz = {{-7}}, int8 yz = {{1}}>
        {{ y = com.microsoft.{name} (a, s, az, b, t, bz, t, yz) }}""",
        a=signed(2, 8),
        b=signed(2, 8),
    )
    assert is_integer(graph)


@pytest.mark.parametrize("name", ["QLinearSigmoid", "QLinearLeakyRelu"])
def test_qlinear_unary(check_text: CheckText, name: str) -> None:
    graph = check_text(
        f"""
        g (uint8[2,8] x) => (uint8[2,8] y)
        <float s = {{0.03}}, uint8 z = {{128}}, float t = {{0.00390625}}, uint8 yz = {{0}}>
        {{ y = com.microsoft.{name} (x, s, z, t, yz) }}""",
        x=unsigned(2, 8),
    )
    assert is_integer(graph)


@pytest.mark.parametrize("padding", [0, 1])
def test_qlinear_average_pool(check_text: CheckText, padding: int) -> None:
    graph = check_text(
        f"""
        g (uint8[1,2,7,6] x) => (uint8[1,2,4,3] y)
        <float s = {{0.03}}, uint8 z = {{11}}, float t = {{0.037}}, uint8 yz = {{3}}>
        {{ y = com.microsoft.QLinearAveragePool <kernel_shape = [3,2], strides = [2,2],
            pads = [1,0,1,0], count_include_pad = {padding}> (x, s, z, t, yz) }}""",
        x=unsigned(1, 2, 7, 6),
    )
    assert is_integer(graph)


@pytest.mark.parametrize("stored", [True, False])
def test_qgemm(check_text: CheckText, stored: bool) -> None:
    rest, kind = (", ys, yz", "uint8") if stored else ("", "float")
    bias = ", ".join(str(int(i)) for i in RNG.integers(-9000, 9000, 5))
    graph = check_text(
        f"""
        g (uint8[3,8] a, int8[5,8] b) => ({kind}[3,5] y)
        <float s = {{0.01}}, uint8 az = {{113}}, int8 bz = {{0}}, int32[5] c = {{{bias}}},
         float ys = {{0.11}}, uint8 yz = {{118}}>
        {{ y = com.microsoft.QGemm <transB = 1, alpha = 0.5> (a, s, az, b, s, bz, c{rest}) }}""",
        a=unsigned(3, 8),
        b=signed(5, 8),
    )
    assert is_integer(graph) == stored


def test_matmul_integer_to_float(check_text: CheckText) -> None:
    check_text(
        """
        g (uint8[3,8] a, int8[8,5] b, float s, float[5] t, uint8 az, float[5] c)
          => (float[3,5] y) { y = com.microsoft.MatMulIntegerToFloat (a, b, s, t, az, , c) }""",
        a=unsigned(3, 8),
        b=signed(8, 5),
        s=np.array(0.02, np.float32),
        t=np.asarray(RNG.uniform(0.01, 0.02, 5), np.float32),
        az=np.array(90, np.uint8),
        c=np.asarray(RNG.standard_normal(5), np.float32),
    )


def test_dynamic_quantize_matmul(check_text: CheckText) -> None:
    check_text(
        """
        g (float[3,8] a, int8[8,5] b, float s, int8 bz, float[5] c)
          => (float[3,5] y) { y = com.microsoft.DynamicQuantizeMatMul (a, b, s, bz, c) }""",
        a=np.asarray(RNG.standard_normal((3, 8)), np.float32),
        b=signed(8, 5),
        s=np.array(0.02, np.float32),
        bz=np.array(3, np.int8),
        c=np.asarray(RNG.standard_normal(5), np.float32),
    )


@pytest.mark.parametrize("x", [[0, 0, 0], [1, 2, 3], [-1, -2, -3], [-1, 0.5, 3]])
def test_dynamic_quantization(check_text: CheckText, x: list[float]) -> None:
    """Nothing but zeros too, whose range is empty."""
    check_text(
        "g (float[3] x) => (uint8[3] y, float s, uint8 z) { y, s, z = DynamicQuantizeLinear (x) }",
        x=np.array(x, np.float32),
    )


def test_qlinear_concat(check_text: CheckText) -> None:
    graph = check_text(
        """
        g (uint8[2,3] a, uint8[2,4] b) => (uint8[2,7] y)
        <float s = {0.03}, uint8 z = {128}, float t = {0.04}, uint8 w = {120}>
        { y = com.microsoft.QLinearConcat <axis = 1> (t, w, a, s, z, b, t, w) }""",
        a=unsigned(2, 3),
        b=unsigned(2, 4),
    )
    assert is_integer(graph)


def test_integer_products_wrap_as_i32() -> None:
    """The interpreter's convolution over integers is exact: nothing goes through floats."""
    op = Conv((1,), (0, 0), (1,))
    x = np.full((1, 2, 3), 46341, np.int32)
    w = np.full((1, 2, 1), 46341, np.int32)
    expected = np.int64(2 * 46341 * 46341).astype(np.int32)
    (y,) = op.evaluate(x, w)
    assert y.dtype == np.int32 and (y == expected).all()


def test_zero_points_that_are_zero_cost_nothing() -> None:
    from onnx import parser

    model = parser.parse_model("""<ir_version: 8, opset_import: ["" : 17]>
        g (int8[3,4] a, int8[4,5] b) => (int32[3,5] y) <int8 z = {0}> {
          y = MatMulInteger (a, b, z, z)
        }""")
    graph = load_onnx(model)
    assert [n.op.name for n in graph.nodes] == ["matmul"]
    a, b = signed(3, 4), signed(4, 5)
    found = evaluate(graph, {"a": a, "b": b})["y"]
    np.testing.assert_array_equal(found, a.astype(np.int32) @ b.astype(np.int32))
