"""LSTM, GRU and RNN against ONNX Runtime."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper

from graphopt.errors import ModelError, UnsupportedOperator
from graphopt.frontend.importer import load_onnx
from graphopt.interpreter import evaluate
from graphopt.ir import Array, Graph
from graphopt.ops import MatMul

Check = Callable[[ModelProto, Mapping[str, Array]], Graph]

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
STEPS, BATCH, SIZE, HIDDEN = 4, 3, 5, 6


def model_of(
    kind: str,
    *,
    directions: int = 1,
    bias: bool = True,
    lengths: bool = False,
    initial: bool = False,
    peepholes: bool = False,
    **attributes: Any,
) -> tuple[ModelProto, dict[str, Array]]:
    """A model of one recurrent node, and inputs for it. The lengths are an input of the model."""
    rng = np.random.default_rng(0)
    rows = GATES[kind] * HIDDEN

    def weights(*shape: int) -> Array:
        return np.asarray(0.5 * rng.standard_normal(shape), np.float32)

    constants = {"w": weights(directions, rows, SIZE), "r": weights(directions, rows, HIDDEN)}
    feeds = {"x": weights(STEPS, BATCH, SIZE)}
    names = ["x", "w", "r", "", "", ""]
    if bias:
        constants["b"] = weights(directions, 2 * rows)
        names[3] = "b"
    if lengths:
        feeds["lengths"] = np.array([2, 4, 3], np.int32)
        names[4] = "lengths"
    if initial:
        feeds["h"] = weights(directions, BATCH, HIDDEN)
        names[5] = "h"
    if kind == "LSTM":
        names += ["", ""]
        if initial:
            feeds["c"] = weights(directions, BATCH, HIDDEN)
            names[6] = "c"
        if peepholes:
            constants["p"] = weights(directions, 3 * HIDDEN)
            names[7] = "p"
    outputs = ["y", "y_h", "y_c"] if kind == "LSTM" else ["y", "y_h"]
    if directions == 2:
        attributes["direction"] = "bidirectional"
    node = helper.make_node(kind, names, outputs, hidden_size=HIDDEN, **attributes)
    graph = helper.make_graph(
        [node],
        "g",
        [
            helper.make_tensor_value_info(
                n, helper.np_dtype_to_tensor_dtype(a.dtype), list(a.shape)
            )
            for n, a in feeds.items()
        ],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in outputs],
        [
            helper.make_tensor(n, TensorProto.FLOAT, a.shape, a.tobytes(), raw=True)
            for n, a in constants.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model, feeds


@pytest.mark.parametrize("kind", GATES)
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("lengths", [False, True])
@pytest.mark.parametrize("initial", [False, True])
def test_directions_lengths_and_states(
    check: Check, kind: str, directions: int, lengths: bool, initial: bool
) -> None:
    check(*model_of(kind, directions=directions, lengths=lengths, initial=initial))


@pytest.mark.parametrize("kind", GATES)
def test_reverse_starts_each_row_at_its_own_end(check: Check, kind: str) -> None:
    check(*model_of(kind, direction="reverse", lengths=True, initial=True))


@pytest.mark.parametrize("kind", GATES)
def test_without_bias(check: Check, kind: str) -> None:
    check(*model_of(kind, bias=False))


@pytest.mark.parametrize("kind", GATES)
def test_clip_bounds_what_activations_see(check: Check, kind: str) -> None:
    check(*model_of(kind, clip=0.3))


def test_gru_linear_before_reset(check: Check) -> None:
    check(*model_of("GRU", linear_before_reset=1, directions=2))


def test_gru_linear_before_reset_without_bias(check: Check) -> None:
    check(*model_of("GRU", linear_before_reset=1, bias=False))


def test_lstm_peepholes(check: Check) -> None:
    check(*model_of("LSTM", peepholes=True, directions=2, initial=True))


def test_lstm_input_forget(check: Check) -> None:
    check(*model_of("LSTM", input_forget=1))


def test_activations_take_alphas_and_betas_in_turn(check: Check) -> None:
    check(
        *model_of(
            "LSTM",
            activations=["HardSigmoid", "ScaledTanh", "LeakyRelu"],
            activation_alpha=[0.3, 0.8, 0.05],
            activation_beta=[0.4, 0.7],
        )
    )


@pytest.mark.parametrize(
    "name", ["Relu", "Softsign", "Elu", "Affine", "ThresholdedRelu", "Sigmoid"]
)
def test_activation(check: Check, name: str) -> None:
    alpha = {"Elu": [1.0], "Affine": [0.6], "ThresholdedRelu": [0.2]}.get(name)
    options: dict[str, Any] = {} if alpha is None else {"activation_alpha": alpha}
    if name == "Affine":
        options["activation_beta"] = [0.1]
    check(*model_of("RNN", activations=[name], **options))


def test_batch_first_is_the_other_layout_transposed() -> None:
    model, feeds = model_of("LSTM", directions=2, initial=True)
    plain = evaluate(load_onnx(model), feeds)
    model, _ = model_of("LSTM", directions=2, initial=True, layout=1)
    for info in model.graph.input:
        dims = info.type.tensor_type.shape.dim
        dims[0].dim_value, dims[1].dim_value = dims[1].dim_value, dims[0].dim_value
    swapped = {name: np.ascontiguousarray(a.swapaxes(0, 1)) for name, a in feeds.items()}
    found = evaluate(load_onnx(model), swapped)
    np.testing.assert_allclose(found["y"], plain["y"].transpose(2, 0, 1, 3), rtol=1e-6)
    np.testing.assert_allclose(found["y_h"], plain["y_h"].swapaxes(0, 1), rtol=1e-6)
    np.testing.assert_allclose(found["y_c"], plain["y_c"].swapaxes(0, 1), rtol=1e-6)


def test_lengths_known_to_be_full_need_no_masks() -> None:
    model, feeds = model_of("GRU", lengths=True)
    full = np.full(BATCH, STEPS, np.int32)
    graph = load_onnx(model, constants={"lengths": full})
    assert not any(node.op.name == "where" for node in graph.nodes)


def test_inputs_of_all_steps_are_one_product() -> None:
    graph = load_onnx(model_of("LSTM", initial=True)[0])
    assert sum(isinstance(node.op, MatMul) for node in graph.nodes) == 1 + STEPS


def test_all_steps_share_their_kernels() -> None:
    """Nothing in a step says which step it is but a constant that the kernel reads."""

    def kinds(steps: int) -> set[str]:
        model, _ = model_of("LSTM", lengths=True)
        model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = steps
        graph = load_onnx(model)
        return {f"{node.op} {node.output.type}" for node in graph.nodes if node.op.name != "concat"}

    assert len(kinds(5)) == len(kinds(15))


def test_too_many_steps_name_the_node() -> None:
    model, _ = model_of("RNN")
    model.graph.node[0].name = "decoder"
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 100_000
    with pytest.raises(UnsupportedOperator, match="decoder.*steps: expected at most"):
        load_onnx(model)


def test_weights_that_do_not_fit_are_an_error() -> None:
    model, _ = model_of("LSTM")
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = SIZE + 1
    with pytest.raises(ModelError, match="W and R: expected"):
        load_onnx(model)


def test_unknown_activation_is_an_error() -> None:
    model, _ = model_of("RNN", activations=["Gelu"])
    with pytest.raises(UnsupportedOperator, match="activation: expected one of"):
        load_onnx(model)
