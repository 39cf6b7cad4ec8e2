"""How long kernels of whole maps and of tiles take, as far as one need know to compare plans."""

from __future__ import annotations

from graphopt.ir import Node
from graphopt.ops import Conv, Fused

# Instructions of a core with SMLAD (Cortex-M7), as its emulator counts them for the kernels of
# `schedules/mcu`: per product, per result, per input element that is widened to 16 bits, per call.
# Other cores need more of everything: what is compared are multiples of each other.
PRODUCT = 1.0
DEPTHWISE_PRODUCT = 1.6
RESULT = 4.0
WIDENED = 3.0
CALL = 150.0
# Per byte that slides in its buffer, or is copied between a map and a buffer.
MOVED = 0.2


def is_depthwise(node: Node) -> bool:
    """Whether a kernel is a convolution of each channel by itself."""
    if not isinstance(node.op, Fused):
        return False
    return any(
        isinstance(inner.op, Conv) and inner.op.groups > 1 and inner.inputs[1].type.dims[1] == 1
        for inner in node.op.body.nodes
    )


def kernel_work(node: Node, results: float, widened: float, macs: float, calls: int) -> float:
    """Instructions, about.

    Args:
        results: elements that are computed.
        widened: elements of the first input that its calls read, halos in each call.
    """
    product = DEPTHWISE_PRODUCT if is_depthwise(node) else PRODUCT
    reading = WIDENED * widened if is_depthwise(node) else 0.0
    return macs * product + results * RESULT + reading + calls * CALL
