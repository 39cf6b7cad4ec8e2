"""Operators of the com.microsoft domain against ONNX Runtime."""

from collections.abc import Callable

import numpy as np
import pytest

from graphopt.errors import UnsupportedOperator
from graphopt.ir import Array, Graph

CheckText = Callable[..., Graph]
RNG = np.random.default_rng(11)


def floats(*shape: int) -> Array:
    return np.asarray(RNG.standard_normal(shape), np.float32)


def test_gelus(check_text: CheckText) -> None:
    check_text(
        """
        g (float[2,3,4] x, float[4] b) => (float[2,3,4] p, float[2,3,4] q, float[2,3,4] r) {
          p = com.microsoft.BiasGelu (x, b)
          q = com.microsoft.FastGelu (x, b)
          r = com.microsoft.FastGelu (x)
        }""",
        x=floats(2, 3, 4),
        b=floats(4),
    )


@pytest.mark.parametrize("a,b", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_fused_matmul(check_text: CheckText, a: int, b: int) -> None:
    left, right = ((2, 4, 3) if a else (2, 3, 4)), ((2, 5, 4) if b else (2, 4, 5))
    check_text(
        f"""
        g (float[{",".join(map(str, left))}] a, float[{",".join(map(str, right))}] b)
          => (float[2,3,5] y) {{
          y = com.microsoft.FusedMatMul <alpha = 0.5, transA = {a}, transB = {b}> (a, b)
        }}""",
        a=floats(*left),
        b=floats(*right),
    )


def test_skip_layer_normalization(check_text: CheckText) -> None:
    check_text(
        """
        g (float[2,3,8] x, float[2,3,8] skip, float[8] gamma, float[8] beta, float[8] bias)
          => (float[2,3,8] y, float[2,3,8] total) {
          y, _, _, total = com.microsoft.SkipLayerNormalization <epsilon = 0.001>
            (x, skip, gamma, beta, bias)
        }""".replace("_, _", ","),
        x=floats(2, 3, 8),
        skip=floats(2, 3, 8),
        gamma=floats(8),
        beta=floats(8),
        bias=floats(8),
    )


def test_skip_simplified_layer_normalization(check_text: CheckText) -> None:
    check_text(
        """
        g (float[2,3,8] x, float[2,3,8] skip, float[8] gamma) => (float[2,3,8] y) {
          y = com.microsoft.SkipSimplifiedLayerNormalization (x, skip, gamma)
        }""",
        x=floats(2, 3, 8),
        skip=floats(2, 3, 8),
        gamma=floats(8),
    )


def test_embed_layer_normalization(check_text: CheckText) -> None:
    check_text(
        """
        g (int32[2,5] ids, int32[2,5] kinds, float[9,8] words, float[7,8] places,
           float[2,8] segments, float[8] gamma, float[8] beta, int32[2,5] mask)
          => (float[2,5,8] y, int32[2] lengths) {
          y, lengths = com.microsoft.EmbedLayerNormalization
            (ids, kinds, words, places, segments, gamma, beta, mask)
        }""",
        ids=RNG.integers(0, 9, (2, 5), dtype=np.int32),
        kinds=RNG.integers(0, 2, (2, 5), dtype=np.int32),
        words=floats(9, 8),
        places=floats(7, 8),
        segments=floats(2, 8),
        gamma=floats(8),
        beta=floats(8),
        mask=np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], np.int32),
    )


def test_attention_with_a_mask(check_text: CheckText) -> None:
    check_text(
        """
        g (float[2,5,8] x, float[8,24] w, float[24] b, int32[2,5] mask) => (float[2,5,8] y) {
          y = com.microsoft.Attention <num_heads = 2> (x, w, b, mask)
        }""",
        x=floats(2, 5, 8),
        w=floats(8, 24),
        b=floats(24),
        mask=np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], np.int32),
    )


def test_attention_that_looks_only_back_is_an_error(check_text: CheckText) -> None:
    with pytest.raises(UnsupportedOperator, match="unidirectional: expected to be left out"):
        check_text(
            """
            g (float[2,5,8] x, float[8,24] w, float[24] b) => (float[2,5,8] y) {
              y = com.microsoft.Attention <num_heads = 2, unidirectional = 1> (x, w, b)
            }"""
        )


@pytest.mark.parametrize("activation", ["Relu", "Tanh", "LeakyRelu", "Clip"])
def test_fused_conv(check_text: CheckText, activation: str) -> None:
    parameters = {"LeakyRelu": "[0.2]", "Clip": "[-0.5, 0.5]"}.get(activation)
    extra = f", activation_params = {parameters}" if parameters else ""
    check_text(
        f"""
        g (float[1,3,6,6] x, float[4,3,3,3] w, float[4] b) => (float[1,4,3,3] y) {{
          y = com.microsoft.FusedConv <activation = "{activation}", pads = [1,1,1,1],
            strides = [2,2]{extra}> (x, w, b)
        }}""",
        x=floats(1, 3, 6, 6),
        w=floats(4, 3, 3, 3),
        b=floats(4),
    )


def test_fused_conv_with_a_sum(check_text: CheckText) -> None:
    check_text(
        """
        g (float[1,3,6,6] x, float[4,3,1,1] w, float[4] b, float[1,4,6,6] z)
          => (float[1,4,6,6] y) {
          y = com.microsoft.FusedConv <activation = "Relu"> (x, w, b, z)
        }""",
        x=floats(1, 3, 6, 6),
        w=floats(4, 3, 1, 1),
        b=floats(4),
        z=floats(1, 4, 6, 6),
    )


def test_fused_gemm(check_text: CheckText) -> None:
    check_text(
        """
        g (float[3,4] a, float[5,4] b, float[5] c) => (float[3,5] y) {
          y = com.microsoft.FusedGemm <activation = "LeakyRelu", activation_alpha = 0.3,
            alpha = 0.5, transB = 1> (a, b, c)
        }""",
        a=floats(3, 4),
        b=floats(5, 4),
        c=floats(5),
    )


@pytest.mark.parametrize("bias", [True, False])
def test_multi_head_attention(check_text: CheckText, bias: bool) -> None:
    check_text(
        f"""
        g (float[2,3,8] q, float[2,5,8] k, float[2,5,8] v, float[24] b, int32[2,5] mask,
           float[1,2,3,5] more) => (float[2,3,8] y) {{
          y = com.microsoft.MultiHeadAttention <num_heads = 2>
            (q, k, v, {"b" if bias else ""}, mask, more)
        }}""",
        q=floats(2, 3, 8),
        k=floats(2, 5, 8),
        v=floats(2, 5, 8),
        b=floats(24),
        mask=np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], np.int32),
        more=floats(1, 2, 3, 5),
    )
