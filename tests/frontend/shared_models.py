"""Where the real models lie, and inputs for them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from graphopt.ir import Array, Graph

FOLDER = Path(os.environ.get("GRAPHOPT_SHARED", Path(__file__).parents[3] / "shared")) / "models"
MINIMOL = FOLDER / "large" / "minimol_gnn_fp32.onnx"


def model_paths() -> list[Path]:
    """Every model with static shapes; empty when the shared folder is absent."""
    found = sorted(FOLDER.glob("onnx/*.onnx")) + sorted(FOLDER.glob("large/*.onnx"))
    return [path for path in found if path != MINIMOL]


def minimol_inputs() -> dict[str, Array]:
    """The first molecule of minimol's own data."""
    with np.load(MINIMOL.with_name("minimol_molecules.npz")) as data:
        return {
            name[2:]: data[name] for name in data if name.startswith("0/") and "out" not in name
        }


def sample_inputs(graph: Graph, seed: int = 0) -> dict[str, Array]:
    """Arrays that make sense as pixels, token ids, masks or quantized data."""
    rng = np.random.default_rng(seed)
    arrays: dict[str, Array] = {}
    for value in graph.inputs:
        dtype, shape = value.type.dtype, value.type.dims
        array: Array
        if dtype.is_float:
            array = rng.random(shape)
        elif "mask" in value.name:
            array = np.ones(shape)
        elif dtype.itemsize == 1:
            limits = np.iinfo(dtype.numpy)
            array = rng.integers(limits.min, limits.max, shape)
        else:
            array = rng.integers(0, 1000, shape)
        arrays[value.name] = array.astype(dtype.numpy)
    return arrays
