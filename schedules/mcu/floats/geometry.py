"""The numbers of a convolution over two dimensions, as kernels of any shape get them."""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields
from typing import Any

from graphopt.ops import Conv
from graphopt.rewrite import Reject
from graphopt.schedules.region import Anchored


@dataclass(frozen=True)
class Geometry:
    """Sizes of tensors and of the window; numbers in a plan, expressions in a kernel."""

    batch: Any
    in_rows: Any
    in_columns: Any
    channels: Any
    out_rows: Any
    out_columns: Any
    outputs: Any
    kernel_rows: Any
    kernel_columns: Any
    stride_rows: Any
    stride_columns: Any
    pad_rows: Any
    pad_columns: Any
    dilation_rows: Any
    dilation_columns: Any

    @property
    def sizes(self) -> tuple[int, ...]:
        return astuple(self)


NAMES = tuple(field.name for field in fields(Geometry))


def geometry_of(where: Anchored) -> Geometry | Reject:
    """The geometry of a convolution with channels last."""
    op, (x, w) = where.anchor.op, where.anchor.inputs[:2]
    assert isinstance(op, Conv)
    if len(op.strides) != 2 or op.layout != "NHWC":
        return Reject("expected two dimensions, and channels last")
    batch, in_rows, in_columns, channels = x.type.dims
    _, out_rows, out_columns, outputs = where.result.type.dims
    return Geometry(
        *(batch, in_rows, in_columns, channels, out_rows, out_columns, outputs),
        *(*w.type.dims[2:], *op.strides, *op.pads[:2], *op.dilations),
    )
