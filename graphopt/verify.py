"""What must hold for a graph at all times, and at the end of each phase."""

from collections.abc import Callable, Collection, Iterable

from graphopt.errors import TypeRuleError, VerifyError
from graphopt.ir import Graph, TensorType, Value
from graphopt.ops import Conv, Decode, Encode, Fused, MatMul, OnnxOp, Patched, Retype


def verify(graph: Graph) -> None:
    """Check the invariants of the IR: defined before use, defined once, types as inferred.

    Raises:
        VerifyError: names the offending node.
    """
    defined: set[Value] = set()
    _define(defined, graph.inputs, f"inputs of {graph.name}")
    _define(defined, graph.constants, f"constants of {graph.name}")
    for value, array in graph.constants.items():
        if TensorType.of(array) != value.type.stored:
            raise VerifyError(
                f"constant %{value.name}", f"expected {value.type}, found {TensorType.of(array)}"
            )
    for node in graph.nodes:
        for value in node.inputs:
            if value not in defined:
                raise VerifyError(str(node), f"%{value.name} is used before it is defined")
        if isinstance(node.op, Fused | Patched):
            verify(node.op.body)
        if not node.op.quantized and any(value.type.quant for value in node.inputs):
            raise VerifyError(str(node), "the operator is not defined over quantized types")
        try:
            inferred = node.op.infer(*(v.type for v in node.inputs))
        except TypeRuleError as error:
            raise VerifyError(str(node), error.what) from error
        declared = tuple(v.type for v in node.outputs)
        if declared != inferred:
            raise VerifyError(
                str(node),
                f"output types: expected {', '.join(map(str, inferred))}, "
                f"found {', '.join(map(str, declared))}",
            )
        _define(defined, node.outputs, str(node))
    for value in graph.outputs:
        if value not in defined:
            raise VerifyError(f"return of {graph.name}", f"%{value.name} is not defined")
    if len(graph.output_names) != len(graph.outputs):
        raise VerifyError(f"return of {graph.name}", "outputs and output names differ in number")


def _define(defined: set[Value], values: Iterable[Value], where: str) -> None:
    for value in values:
        if value in defined:
            raise VerifyError(where, f"%{value.name} is defined twice")
        defined.add(value)


def _verify_imported(graph: Graph) -> None:
    pass


def _verify_static(graph: Graph) -> None:
    for value in graph.values():
        for dim in value.type.shape:
            if isinstance(dim, str):
                raise VerifyError(
                    f"%{value.name}", f"dimension: expected a number, found the symbol {dim!r}"
                )


def _verify_fused(graph: Graph) -> None:
    _verify_static(graph)
    for node in graph.nodes:
        if not isinstance(node.op, Fused):
            raise VerifyError(str(node), "expected a fused region, found a plain operator")
        for inner in node.op.body.nodes:
            if isinstance(inner.op, Fused):
                raise VerifyError(str(inner), "a region inside a region")
            if isinstance(inner.op, OnnxOp) and len(node.op.body.nodes) > 1:
                raise VerifyError(str(inner), "an OnnxOp must be a kernel of its own")


def _verify_placed(graph: Graph) -> None:
    """Kernels, and regions of kernels."""
    _verify_static(graph)
    kernels = [node for node in graph.nodes if not isinstance(node.op, Patched)]
    _verify_fused(graph.with_nodes(kernels))
    for node in graph.nodes:
        if isinstance(node.op, Patched):
            _verify_fused(node.op.body)


def _verify_quantized(graph: Graph) -> None:
    _verify_static(graph)
    for node in graph.nodes:
        before = any(value.type.quant is not None for value in node.inputs)
        after = any(value.type.quant is not None for value in node.outputs)
        floats = any(value.type.dtype.is_float for value in node.outputs)
        if before and floats and not isinstance(node.op, Decode):
            raise VerifyError(str(node), "expected decode between integers and floats")
        if after and not before and not isinstance(node.op, Encode | Retype):
            raise VerifyError(str(node), "expected encode between floats and integers")


PHASES: dict[str, Callable[[Graph], None]] = {
    "imported": _verify_imported,
    "canonical": _verify_static,
    "quantized": _verify_quantized,
    "fused": _verify_fused,
    "placed": _verify_placed,
}


def verify_phase(graph: Graph, phase: str) -> None:
    """Check the IR's invariants and those of the end of `phase`.

    Raises:
        VerifyError: names the offending node.
    """
    verify(graph)
    PHASES[phase](graph)


def verify_explained(graph: Graph, explained: Collection[str]) -> None:
    """Check that integer products are left in floats only where a pass said why.

    Args:
        graph: at the end of the quantized phase.
        explained: the nodes, as text, of which a pass did.

    Raises:
        VerifyError: a product of decoded integers has no reason to be one of floats.
    """
    producers = graph.producers()
    for node in graph.nodes:
        if not isinstance(node.op, Conv | MatMul) or str(node) in explained:
            continue
        operands = [producers.get(value) for value in node.inputs[:2]]
        if all(each is not None and isinstance(each.op, Decode) for each in operands):
            raise VerifyError(str(node), "expected a product of integers, found one of floats")


def verify_integer_regions(graph: Graph, floats: Collection[str]) -> None:
    """Check that regions from integers to integers hold no floats but those that are known.

    Args:
        graph: at the end of the fused phase.
        floats: the ONNX nodes that compute in floats.

    Raises:
        VerifyError: names the region.
    """
    for node in graph.nodes:
        if not isinstance(node.op, Fused) or not set(floats).isdisjoint(node.location.names):
            continue
        if floats and not node.location.names:
            continue  # Nothing tells where it comes from.
        if any(value.type.dtype.is_float for value in (*node.inputs, *node.outputs)):
            continue
        for inner in node.op.body.nodes:
            if any(value.type.dtype.is_float for value in inner.outputs):
                raise VerifyError(str(node), f"expected integers, found the floats of {inner}")
