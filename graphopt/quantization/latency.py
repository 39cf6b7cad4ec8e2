"""How long each layer takes in each format, measured on the machine at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from graphopt.api import compile_for_cpu
from graphopt.errors import OptionError
from graphopt.ir import Graph
from graphopt.quantization.layers import Layer
from graphopt.quantization.samples import Sample

REPEATS = 10


def layer_seconds(
    quantized: Callable[[str], Graph],
    layers: Mapping[str, Layer],
    formats: Iterable[str],
    sample: Sample,
    target: str = "cpu",
) -> dict[tuple[str, str], float]:
    """The seconds that the kernels of a layer take, by layer and format.

    One network per format is compiled and profiled, in which all layers have that format. A
    kernel that several layers share counts for each by its products.

    Args:
        quantized: the network with all layers in a format, quantizers inserted.

    Raises:
        OptionError: layers without a place in an ONNX model, which kernels are told by.
    """
    places = {name: frozenset(layer.node.location.names) for name, layer in layers.items()}
    for name, place in places.items():
        if not place:
            raise OptionError("budget: latency", f"expected a named ONNX node, found {name}")
    seconds: dict[tuple[str, str], float] = {}
    for format in formats:
        model = compile_for_cpu(quantized(format), target)
        seconds |= dict.fromkeys(((name, format) for name in layers), 0.0)
        for timed in model.profile(sample, REPEATS):
            names = set(timed.call.location.split("+"))
            inside = [name for name in layers if places[name] <= names]
            products = sum(layers[name].node.macs for name in inside)
            for name in inside:
                share = layers[name].node.macs / products if products else 1 / len(inside)
                seconds[name, format] += share * timed.seconds
    return seconds
