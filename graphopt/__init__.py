"""Compile ONNX models for the CPU they will run on.

>>> model = graphopt.compile("model.onnx")
>>> outputs = model.run({"x": array})
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphopt.api import compile as compile
    from graphopt.api import optimize as optimize
    from graphopt.errors import GraphoptError as GraphoptError
    from graphopt.frontend import export_onnx as export_onnx
    from graphopt.frontend import load_onnx as load_onnx
    from graphopt.ir import Graph as Graph
    from graphopt.quantization.quantize import quantize as quantize
    from graphopt.runtime.firmware import Firmware as Firmware
    from graphopt.runtime.firmware import load_firmware as load_firmware
    from graphopt.runtime.model import Model as Model
    from graphopt.runtime.model import load as load

__version__ = "0.1.0"

# Names are imported when first used, so that importing graphopt stays fast.
_HOME = {
    "GraphoptError": "graphopt.errors",
    "Firmware": "graphopt.runtime.firmware",
    "Graph": "graphopt.ir",
    "Model": "graphopt.runtime.model",
    "compile": "graphopt.api",
    "export_onnx": "graphopt.frontend",
    "load": "graphopt.runtime.model",
    "load_firmware": "graphopt.runtime.firmware",
    "load_onnx": "graphopt.frontend",
    "optimize": "graphopt.api",
    "quantize": "graphopt.quantization.quantize",
}
__all__ = [
    "Firmware",
    "Graph",
    "GraphoptError",
    "Model",
    "compile",
    "export_onnx",
    "load",
    "load_firmware",
    "load_onnx",
    "optimize",
    "quantize",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'graphopt' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
