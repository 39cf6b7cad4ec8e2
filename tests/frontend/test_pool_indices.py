"""MaxPool with its second output, against ONNX Runtime."""

from collections.abc import Callable

import numpy as np
import pytest

from graphopt.ir import Graph

CheckText = Callable[..., Graph]


@pytest.mark.parametrize(
    "attributes",
    [
        "kernel_shape = [2,2], strides = [2,2]",
        "kernel_shape = [3,2], pads = [1,0,2,1], strides = [1,2]",
        "kernel_shape = [2,3], dilations = [2,1]",
        "kernel_shape = [3,3], strides = [2,2], ceil_mode = 1",
        'kernel_shape = [3,3], auto_pad = "SAME_UPPER"',
        "kernel_shape = [2,2], storage_order = 1",
    ],
)
@pytest.mark.parametrize("values", ["distinct", "equal"])
def test_places_of_the_largest_elements(
    check_text: CheckText, attributes: str, values: str
) -> None:
    rng = np.random.default_rng(0)
    x = rng.permutation(2 * 3 * 6 * 7) if values == "distinct" else np.full(2 * 3 * 6 * 7, -5)
    check_text(
        f"""
        g (float[2,3,6,7] x) => (float[n,c,h,w] y, int64[n,c,h,w] i) {{
          y, i = MaxPool <{attributes}> (x)
        }}""",
        x=x.reshape(2, 3, 6, 7).astype(np.float32),
    )


def test_unpooling_puts_them_back(check_text: CheckText) -> None:
    check_text(
        """
        g (float[1,2,4,6] x) => (float[n,c,h,w] z) {
          y, i = MaxPool <kernel_shape = [2,2], strides = [2,2]> (x)
          z = MaxUnpool <kernel_shape = [2,2], strides = [2,2]> (y, i)
        }""",
        x=np.asarray(np.random.default_rng(1).standard_normal((1, 2, 4, 6)), np.float32),
    )
