"""ONNX models in and out."""

from graphopt.frontend.export import export_onnx
from graphopt.frontend.importer import load_onnx

__all__ = ["export_onnx", "load_onnx"]
