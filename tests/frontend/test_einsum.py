"""Einsum against numpy."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from graphopt.errors import ModelError
from graphopt.frontend.importer import load_onnx
from graphopt.interpreter import evaluate
from graphopt.ir import Graph
from graphopt.verify import verify

SIZES = {"b": 2, "i": 3, "j": 4, "k": 5, "h": 2, "d": 6, "...": 3}


def imported(equation: str, *shapes: tuple[int, ...]) -> Graph:
    names = [f"x{i}" for i in range(len(shapes))]
    graph = helper.make_graph(
        [helper.make_node("Einsum", names, ["y"], equation=equation)],
        "g",
        [
            helper.make_tensor_value_info(n, TensorProto.FLOAT, s)
            for n, s in zip(names, shapes, strict=True)
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    return load_onnx(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]))


@pytest.mark.parametrize(
    "equation",
    [
        "ij->ji",
        "ij",
        "ij->",
        "bij->bj",
        "bii->bi",
        "iij->j",
        "iii->i",
        "ij,jk->ik",
        "ij,jk",
        "i,j->ij",
        "i,i->",
        "bij,bjk->bik",
        "bhid,bhjd->bhij",
        "bijk,kjd->bid",
        "...ij,...jk->...ik",
        "...i,ij->...j",
        "bi,bi->bi",
        "ij,kj->k",
        "ij,jk,kd->id",
        "bi,ij,bj->b",
        "ik,jk,bk->ijb",
    ],
)
def test_equation(equation: str) -> None:
    rng = np.random.default_rng(0)
    shapes = []
    for text in equation.split("->")[0].split(","):
        letters = text.replace("...", ".")
        shapes.append(tuple(SIZES["..." if letter == "." else letter] for letter in letters))
    graph = imported(equation, *shapes)
    verify(graph)
    arrays = [np.asarray(rng.standard_normal(s), np.float32) for s in shapes]
    found = evaluate(graph, {f"x{i}": a for i, a in enumerate(arrays)})["y"]
    np.testing.assert_allclose(found, np.einsum(equation, *arrays), rtol=1e-4, atol=1e-5)


def test_attention_scores_are_one_product() -> None:
    graph = imported("bhid,bhjd->bhij", (2, 2, 3, 6), (2, 2, 4, 6))
    assert [n.op.name for n in graph.nodes if n.op.name != "reshape"].count("matmul") == 1


def test_size_one_broadcasts() -> None:
    graph = imported("...i,...i->...", (4, 3), (1, 3))
    arrays = {"x0": np.arange(12, dtype=np.float32).reshape(4, 3), "x1": np.ones((1, 3), "f4")}
    np.testing.assert_allclose(evaluate(graph, arrays)["y"], arrays["x0"].sum(1))


def test_equation_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(ModelError, match="expected rank 2, found 3"):
        imported("ij->ji", (2, 3, 4))
