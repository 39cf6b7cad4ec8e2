"""ONNX models in and out."""

from graphopt.frontend.importer import load_onnx

__all__ = ["load_onnx"]
