"""Convolutions."""

from __future__ import annotations

from graphopt import ops
from graphopt.frontend.call import Call, Import
from graphopt.frontend.windowed import split_pads, window
from graphopt.ir import Value


def conv(call: Call) -> Value:
    """Conv."""
    x, w = call.input(0), call.input(1)
    if x.type.rank < 3:
        raise call.invalid(f"x: expected rank 3 or more, found {x.type}")
    at = window(call, x.type.dims[2:], call.integers("kernel_shape", w.type.dims[2:]))
    if at.kernel != w.type.dims[2:]:
        raise call.invalid(f"kernel_shape: expected {w.type.dims[2:]}, found {at.kernel}")
    op = ops.Conv(at.strides, at.pads, at.dilations, call.integer("group", 1))
    return call.emit(op, *call.tensors_given())


def conv_transpose(call: Call) -> Value:
    """ConvTranspose."""
    x, w = call.input(0), call.input(1)
    size, kernel = x.type.dims[2:], w.type.dims[2:]
    rank = len(size)
    strides = call.integers("strides", (1,) * rank)
    dilations = call.integers("dilations", (1,) * rank)
    extra = call.integers("output_padding", (0,) * rank)
    auto = call.string("auto_pad", "NOTSET")
    pads = call.integers("pads", (0,) * (2 * rank))
    full = [
        (n - 1) * s + e + (k - 1) * d + 1
        for n, s, e, k, d in zip(size, strides, extra, kernel, dilations, strict=True)
    ]
    wanted: tuple[int, ...] | None = None
    if call.has_attribute("output_shape"):
        wanted = call.integers("output_shape")[-rank:]
    elif auto in ("SAME_UPPER", "SAME_LOWER"):
        wanted = tuple(n * s for n, s in zip(size, strides, strict=True))
    elif auto == "VALID":
        pads = (0,) * (2 * rank)
    if wanted is not None:
        totals = [f - n for f, n in zip(full, wanted, strict=True)]
        # An output larger than the full one ends in further rows of padding.
        extra = tuple(e + max(0, -t) for e, t in zip(extra, totals, strict=True))
        pads = split_pads([max(0, t) for t in totals], upper=auto != "SAME_LOWER")
    op = ops.ConvTranspose(strides, pads, dilations, extra, call.integer("group", 1))
    return call.emit(op, *call.tensors_given())


IMPORTERS: dict[str, Import] = {
    "Conv": conv,
    "ConvTranspose": conv_transpose,
}
