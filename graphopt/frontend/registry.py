"""Which function imports which ONNX operator.

An importer takes a `Call` and returns the value of each output of the node, in order. Operators
of other domains are keyed "domain:Operator". Each family file has its own literal table.
"""

from __future__ import annotations

from graphopt.frontend import (
    onnx_constant,
    onnx_control,
    onnx_convolution,
    onnx_einsum,
    onnx_elementwise,
    onnx_indexing,
    onnx_linear_algebra,
    onnx_matmul,
    onnx_microsoft,
    onnx_microsoft_quantized,
    onnx_ml,
    onnx_normalization,
    onnx_pooling,
    onnx_quantization,
    onnx_quantized,
    onnx_random,
    onnx_recurrent,
    onnx_reduction,
    onnx_resize,
    onnx_sampling,
    onnx_selection,
    onnx_sequence,
    onnx_shape,
    onnx_spectral,
    onnx_training,
)
from graphopt.frontend.call import Import

IMPORTERS: dict[str, Import] = {
    **onnx_constant.IMPORTERS,
    **onnx_control.IMPORTERS,
    **onnx_convolution.IMPORTERS,
    **onnx_einsum.IMPORTERS,
    **onnx_elementwise.IMPORTERS,
    **onnx_indexing.IMPORTERS,
    **onnx_linear_algebra.IMPORTERS,
    **onnx_matmul.IMPORTERS,
    **onnx_microsoft.IMPORTERS,
    **onnx_microsoft_quantized.IMPORTERS,
    **onnx_ml.IMPORTERS,
    **onnx_normalization.IMPORTERS,
    **onnx_pooling.IMPORTERS,
    **onnx_quantization.IMPORTERS,
    **onnx_quantized.IMPORTERS,
    **onnx_random.IMPORTERS,
    **onnx_recurrent.IMPORTERS,
    **onnx_reduction.IMPORTERS,
    **onnx_resize.IMPORTERS,
    **onnx_sampling.IMPORTERS,
    **onnx_selection.IMPORTERS,
    **onnx_sequence.IMPORTERS,
    **onnx_shape.IMPORTERS,
    **onnx_spectral.IMPORTERS,
    **onnx_training.IMPORTERS,
}
