"""Graphs become ONNX models, to compare with other runtimes."""

from __future__ import annotations

from collections.abc import Iterator

from onnx import ModelProto, checker, defs, helper, numpy_helper

from graphopt.errors import UnsupportedOperator
from graphopt.frontend.emitter import Emitter
from graphopt.frontend.export_data import EXPORTERS as DATA
from graphopt.frontend.export_elementwise import EXPORTERS as ELEMENTWISE
from graphopt.frontend.export_kernels import EXPORTERS as KERNELS
from graphopt.ir import DType, Graph, Node
from graphopt.ops import Dequantize, Fused, OnnxOp, Quantize

OPSET = 20  # the exporters are written for it; a newer OnnxOp raises it
# The versions whose QuantizeLinear and DequantizeLinear know a type for the first time.
STORED_OPSETS = {
    DType.I16: 21, DType.U16: 21, DType.I4: 21, DType.U4: 21, DType.I2: 25, DType.U2: 25,
}  # fmt: skip
IR_VERSION = 10

EXPORTERS = {**ELEMENTWISE, **DATA, **KERNELS}


def export_onnx(graph: Graph) -> ModelProto:
    """An ONNX model of the same meaning: regions are inlined, NHWC layouts become transposes.

    Raises:
        UnsupportedOperator: a node has no form in ONNX.
    """
    emitter = Emitter(graph)
    _export_nodes(graph, emitter)
    for value, name in zip(graph.outputs, graph.output_names, strict=True):
        if emitter.name(value) != name:
            emitter.node("Identity", [emitter.name(value)], outputs=[name])
    proto = helper.make_graph(
        emitter.nodes,
        graph.name,
        [emitter.value_info(v, emitter.names[v]) for v in graph.inputs],
        [
            emitter.value_info(v, name)
            for v, name in zip(graph.outputs, graph.output_names, strict=True)
        ],
        [numpy_helper.from_array(array, name) for name, array in emitter.initializers.items()],
    )
    versions = _opsets(graph)
    model = helper.make_model(
        proto,
        opset_imports=[helper.make_opsetid(domain, v) for domain, v in versions.items()],
        producer_name="graphopt",
    )
    model.ir_version = max(IR_VERSION, helper.find_min_ir_version_for(list(model.opset_import)))
    checker.check_model(model)
    return model


def _export_nodes(graph: Graph, emitter: Emitter) -> None:
    emitter.constants.update(graph.constants)
    for node in graph.nodes:
        if isinstance(node.op, Fused):
            body = node.op.body
            for inner, outer in zip(body.inputs, node.inputs, strict=True):
                emitter.alias(inner, outer)
            _export_nodes(body, emitter)
            for outer, inner in zip(node.outputs, body.outputs, strict=True):
                emitter.alias(outer, inner)
            continue
        exporter = EXPORTERS.get(type(node.op))
        if exporter is None:
            raise UnsupportedOperator(str(node), "it has no form in ONNX")
        emitter.location = str(node.location)
        exporter(emitter, node)


def _opsets(graph: Graph) -> dict[str, int]:
    """The version of each domain that serves every node kept from ONNX."""
    kept = [node for node in _all_nodes(graph) if isinstance(node.op, OnnxOp)]
    versions = {"": max([OPSET, *map(_stored_opset, _all_nodes(graph))])}
    for node in kept:
        op = node.op
        assert isinstance(op, OnnxOp)
        versions[op.domain] = max(versions.get(op.domain, 1), _since(op, op.opset))
    for node in kept:
        op = node.op
        assert isinstance(op, OnnxOp)
        if _since(op, op.opset) != _since(op, versions[op.domain]):
            raise UnsupportedOperator(
                str(node),
                f"operator {op.op_type} of opset {op.opset} means something else "
                f"in opset {versions[op.domain]}",
            )
    return versions


def _all_nodes(graph: Graph) -> Iterator[Node]:
    for node in graph.nodes:
        if isinstance(node.op, Fused):
            yield from _all_nodes(node.op.body)
        else:
            yield node


def _stored_opset(node: Node) -> int:
    """The least version for the integers of a quantize or dequantize."""
    if isinstance(node.op, Quantize | Dequantize):
        return STORED_OPSETS.get(node.inputs[2].type.dtype, 0)
    return 0


def _since(op: OnnxOp, version: int) -> int:
    if not defs.has(op.op_type, op.domain):
        return version
    return int(defs.get_schema(op.op_type, version, op.domain).since_version)
