"""What must hold for a graph at all times, and at the end of each phase."""

from collections.abc import Callable, Iterable

from graphopt.errors import TypeRuleError, VerifyError
from graphopt.ir import Graph, TensorType, Value
from graphopt.ops import Fused, OnnxOp


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
        if isinstance(node.op, Fused):
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


PHASES: dict[str, Callable[[Graph], None]] = {
    "imported": _verify_imported,
    "canonical": _verify_static,
    "quantized": _verify_static,
    "fused": _verify_fused,
}


def verify_phase(graph: Graph, phase: str) -> None:
    """Check the IR's invariants and those of the end of `phase`."""
    verify(graph)
    PHASES[phase](graph)
