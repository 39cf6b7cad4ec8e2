"""Which function imports which ONNX operator.

An importer takes a `Call` and returns the value of each output of the node, in order. Operators
of other domains are keyed "domain:Operator". Each family file has its own literal table.
"""

from __future__ import annotations

from graphopt.frontend import (
    onnx_constant,
    onnx_elementwise,
)
from graphopt.frontend.call import Import

IMPORTERS: dict[str, Import] = {
    **onnx_constant.IMPORTERS,
    **onnx_elementwise.IMPORTERS,
}
