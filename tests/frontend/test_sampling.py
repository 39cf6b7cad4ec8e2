"""GridSample, RoiAlign and DeformConv against ONNX Runtime."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from graphopt.errors import UnsupportedOperator
from graphopt.ir import Array, Graph

CheckText = Callable[..., Graph]
RNG = np.random.default_rng(3)


def floats(*shape: int) -> Array:
    return np.asarray(RNG.standard_normal(shape), np.float32)


@pytest.mark.parametrize(
    "mode,padding,align",
    list(
        itertools.product(
            ["bilinear", "nearest", "bicubic"], ["zeros", "border", "reflection"], [0, 1]
        )
    ),
)
def test_grid_sample(check_text: CheckText, mode: str, padding: str, align: int) -> None:
    check_text(
        f"""
        g (float[2,3,5,7] x, float[2,4,6,2] grid) => (float[2,3,4,6] y) {{
          y = GridSample <mode = "{mode}", padding_mode = "{padding}", align_corners = {align}>
            (x, grid)
        }}""",
        x=floats(2, 3, 5, 7),
        grid=1.5 * floats(2, 4, 6, 2),
    )


@pytest.mark.parametrize("mode", ["linear", "nearest"])
def test_grid_sample_in_three_dimensions(check_text: CheckText, mode: str) -> None:
    check_text(
        f"""
        g (float[2,2,3,4,5] x, float[2,2,3,4,3] grid) => (float[2,2,2,3,4] y) {{
          y = GridSample <mode = "{mode}"> (x, grid)
        }}""",
        opset=20,
        x=floats(2, 2, 3, 4, 5),
        grid=floats(2, 2, 3, 4, 3),
    )


@pytest.mark.parametrize("mode", ["avg", "max"])
@pytest.mark.parametrize("corner", ["half_pixel", "output_half_pixel"])
def test_roi_align(check_text: CheckText, mode: str, corner: str) -> None:
    check_text(
        f"""
        g (float[2,3,9,11] x, float[4,4] rois, int64[4] which) => (float[4,3,2,3] y) {{
          y = RoiAlign <output_height = 2, output_width = 3, sampling_ratio = 2,
            spatial_scale = 0.5, mode = "{mode}", coordinate_transformation_mode = "{corner}">
            (x, rois, which)
        }}""",
        x=floats(2, 3, 9, 11),
        rois=np.array(
            [[0, 0, 10, 8], [3, 5, 20, 16], [-6, -4, 5, 5], [2, 2, 2.5, 2.5]], np.float32
        ),
        which=np.array([0, 1, 1, 0]),
    )


def test_roi_align_with_an_adaptive_number_of_samples_is_an_error(check_text: CheckText) -> None:
    with pytest.raises(UnsupportedOperator, match="sampling_ratio: expected a positive number"):
        check_text(
            """
            g (float[1,1,4,4] x, float[1,4] rois, int64[1] which) => (float[1,1,1,1] y) {
              y = RoiAlign (x, rois, which)
            }"""
        )


def test_deform_conv(check_text: CheckText) -> None:
    check_text(
        """
        g (float[2,4,6,7] x, float[6,2,3,3] w, float[2,36,3,7] offset, float[6] b,
           float[2,18,3,7] mask) => (float[2,6,3,7] y) {
          y = DeformConv <group = 2, offset_group = 2, pads = [1,1,1,1], strides = [2,1]>
            (x, w, offset, b, mask)
        }""",
        opset=19,
        x=floats(2, 4, 6, 7),
        w=floats(6, 2, 3, 3),
        offset=floats(2, 36, 3, 7),
        b=floats(6),
        mask=floats(2, 18, 3, 7),
    )
