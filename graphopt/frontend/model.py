"""Reading a model and checking what must hold before any of its nodes is looked at."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import GraphProto, ModelProto, OperatorSetIdProto, defs

from graphopt.errors import ModelError

OLDEST_OPSET = 7


def read_model(model: str | Path | bytes | ModelProto) -> tuple[ModelProto, Path | None, str]:
    """A model, the folder that its external data may lie in, and its name for errors.

    Raises:
        ModelError: the file is missing or is not an ONNX model.
    """
    if isinstance(model, ModelProto):
        return model, None, model.graph.name or "model"
    if isinstance(model, bytes):
        return _parse(model, "model"), None, "model"
    path = Path(model)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            str(path), f"expected an ONNX file, found none: {error.strerror}", "check the path"
        ) from error
    return _parse(content, path.name), path.parent, path.name


def _parse(content: bytes, where: str) -> ModelProto:
    model = ModelProto()
    try:
        model.ParseFromString(content)
    except DecodeError as error:
        raise ModelError(
            where, "expected an ONNX model, found a truncated or other file", "export it again"
        ) from error
    if not model.HasField("graph") or not model.opset_import:
        raise ModelError(where, "expected an ONNX model, found no graph in it", "export it again")
    _check_names(model.graph, where)
    return model


def _check_names(graph: GraphProto, where: str) -> None:
    """Names are text: protobuf hands out other bytes as they are."""
    names: list[object] = [v.name for v in (*graph.input, *graph.output, *graph.initializer)]
    for node in graph.node:
        names += (node.name, node.op_type, node.domain, *node.input, *node.output)
        for attribute in node.attribute:
            names.append(attribute.name)
            for inner in (attribute.g, *attribute.graphs):
                _check_names(inner, where)
    for name in names:
        if not isinstance(name, str):
            raise ModelError(where, f"names: expected text, found {name!r}", "export it again")


def opsets(imports: Iterable[OperatorSetIdProto], where: str) -> dict[str, int]:
    """The operator set version of each domain that a model or function imports.

    Raises:
        ModelError: the version of the standard domain is one that graphopt does not know.
    """
    versions = {_domain(entry.domain): entry.version for entry in imports}
    newest = defs.onnx_opset_version()
    version = versions.get("")
    if version is not None and not OLDEST_OPSET <= version <= newest:
        raise ModelError(
            where,
            f"opset: expected {OLDEST_OPSET} to {newest}, found {version}",
            "convert the model with onnx.version_converter",
        )
    return versions


def _domain(domain: str) -> str:
    return "" if domain == "ai.onnx" else domain


def free_names(graph: GraphProto) -> set[str]:
    """The names that a subgraph reads from the graphs around it."""
    own = {i.name for i in graph.input} | {t.name for t in graph.initializer}
    own |= {t.values.name for t in graph.sparse_initializer}
    read: set[str] = {o.name for o in graph.output}
    for node in graph.node:
        read |= set(node.input)
        own |= set(node.output)
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                read |= free_names(inner)
    return read - own - {""}
