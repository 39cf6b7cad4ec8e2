"""Quantized patches, from the request to numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphopt.errors import OptionError, PlanError
from graphopt.interpreter import evaluate
from graphopt.ops import Conv
from graphopt.quantization.costs import BOPS
from graphopt.quantization.layers import find_layers
from graphopt.quantization.patches.bits import ValueBits
from graphopt.quantization.patches.head import Grid, find_head
from graphopt.quantization.patches.patching import patch_bits
from graphopt.quantization.plan import QuantizationPlan
from graphopt.quantization.quantize import quantize
from graphopt.quantization.ranges import choose_quantizer
from graphopt.quantization.result import Quantized
from graphopt.quantization.samples import Samples

from ...targets.mcu.cores import mcu
from .networks import images, network

# With these only the calm first patch of the images has few outliers; its halo has some.
PINNED = {"0": "w8a8", "8": "w8a8"}
VALUES = ValueBits(phi=0.9, tolerance=0.05, weight=0.1, bits=(8, 4, 2))


def quantized(**options: Any) -> Quantized:
    return quantize(
        network(), images(), floor=None, equalize=False, correct_biases=False, **options
    )


def by_value() -> Quantized:
    return quantized(
        patches="2x2@6",
        values=VALUES,
        budget={"bops": "100%"},
        choices=("w8ap",),
        formats=PINNED,
    )


def test_patches_of_eight_bits_equal_the_whole_network_bit_for_bit() -> None:
    whole, patched = quantized(), quantized(patches="2x2@6")
    assert len(find_layers(patched.float_graph)) == len(find_layers(whole.float_graph))
    a, b = whole.compile(), patched.compile()
    for image in images():
        np.testing.assert_array_equal(a.run(image)["y"], b.run(image)["y"])


def test_calm_patches_get_fewer_bits() -> None:
    graph = network()
    head = find_head(graph, Grid(2, 2, "6"))
    patching = patch_bits(
        graph,
        head,
        Samples(graph.inputs, images()),
        VALUES,
        lambda histogram, dtype: choose_quantizer(histogram, dtype, "mse"),
    )
    assert set(patching.maps) == {"2", "4", "6"}  # 0 reads the image
    map = patching.maps["2"]
    assert map.outliers == (False, True, True, True)
    assert map.bits[0] < 8 and map.bits[1:] == (8, 8, 8)


def test_layers_of_branches_read_the_bits_of_their_patches() -> None:
    result = by_value()
    assert result.plan.patches is not None
    assert result.plan.formats["2"] == "w8ap"
    bits = result.plan.patches.maps["2"].bits
    producers = result.graph.producers()
    depthwise = [n for n in result.graph.nodes if isinstance(n.op, Conv) and n.op.groups == 8]
    read = [producers[node.inputs[0]].inputs[0].type.dtype.bits for node in depthwise]
    assert tuple(read) == bits
    assert min(read) < 8


def test_a_layer_that_can_take_none_of_the_choices() -> None:
    with pytest.raises(OptionError, match="layer 0: expected a format for it among the choices"):
        quantized(patches="2x2@6", budget={"bops": "100%"}, choices=("w8ap",))


def test_compiled_patches_equal_interpreted_ones() -> None:
    result = by_value()
    model = result.compile()
    for image in images(2):
        expected = evaluate(result.graph, image)["y"]
        np.testing.assert_allclose(model.run(image)["y"], expected, rtol=1e-5, atol=1e-5)


def test_microcontrollers_compute_what_the_cpu_does() -> None:
    mcu("cortex-m4")
    result = by_value()
    firmware, model = result.compile("cortex-m4"), result.compile()
    for image in images(2):
        np.testing.assert_array_equal(firmware.run(image)["y"], model.run(image)["y"])


def test_bit_operations_follow_the_bits_of_patches() -> None:
    result = by_value()
    assert result.mixed is not None and result.plan.patches is not None
    head = find_head(network(), Grid(2, 2, "6"))
    expected = 64 * sum(head.macs("0")) + 64 * 20
    for layer, output in (("2", "2"), ("4", "4"), ("6", "6")):
        bits = result.plan.patches.maps[layer].bits
        expected += 8 * sum(m * b for m, b in zip(head.macs(output), bits, strict=True))
    assert result.mixed.assigned.assignment.costs[BOPS] == expected


def test_plans_with_patches_are_saved_and_loaded(tmp_path: Path) -> None:
    result = by_value()
    result.save(tmp_path)
    loaded = QuantizationPlan.load(tmp_path / "plan.json")
    assert loaded == result.plan
    assert "bits of patches" in str(loaded)
    again = quantize(network(), None, plan=loaded)
    assert len(again.graph.nodes) == len(result.graph.nodes)


def test_a_plan_for_another_grid() -> None:
    plan = by_value().plan
    assert plan.patches is not None
    other = replace(plan, patches=replace(plan.patches, grid=Grid(2, 3, "6")))
    with pytest.raises(PlanError, match="patches: expected bits of 6, found 4"):
        quantize(network(), None, plan=other)


def test_formats_of_patches_need_patches() -> None:
    with pytest.raises(PlanError, match="expected patches of what it reads for w8ap"):
        quantized(formats={"2": "w8ap"}, patches="2x2@1")


def test_formats_of_patches_without_a_head() -> None:
    with pytest.raises(PlanError, match="layer 2: format: expected one without patches"):
        quantized(formats={"2": "w8ap"})
    with pytest.raises(OptionError, match="layer 2: expected a format without patches, found w8ap"):
        quantized(formats={"2": "w8ap"}, budget={"bops": "100%"})


def test_latency_of_patches_is_not_known() -> None:
    with pytest.raises(OptionError, match="expected formats without patches"):
        quantized(patches="2x2@6", budget={"latency": "90%"}, choices=("w8a8",))


def test_patches_of_a_network_without_head() -> None:
    with pytest.raises(OptionError, match="everything passes through, found 4"):
        quantized(patches="2x2@4")
