"""ONNX models become graphs: names resolved, every operator handed to its importer."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from onnx import FunctionProto, GraphProto, ModelProto, NodeProto

from graphopt.errors import ModelError, TypeRuleError, UnsupportedOperator
from graphopt.frontend.binding import bind_inputs, check_constant
from graphopt.frontend.builder import Builder, Operand
from graphopt.frontend.call import Call
from graphopt.frontend.conformance import check_call
from graphopt.frontend.fallback import import_other
from graphopt.frontend.local_functions import Key, function_body, function_key, local_functions
from graphopt.frontend.model import opsets, read_model
from graphopt.frontend.order import ordered_nodes
from graphopt.frontend.registry import IMPORTERS
from graphopt.frontend.weights import Weights
from graphopt.ir import Array, Graph, Location, TensorType, Value

Scope = MutableMapping[str, Operand]


def load_onnx(
    model: str | Path | bytes | ModelProto,
    shapes: Mapping[str, Sequence[int]] | None = None,
    constants: Mapping[str, Array] | None = None,
) -> Graph:
    """Import an ONNX model. Every type of the result is static.

    Args:
        model: a path, the bytes of a file, or a ModelProto. External data are read only from
            inside the folder of the path.
        shapes: whole shapes by input name, for inputs with symbolic dimensions. A symbol bound
            by one input is bound in all.
        constants: arrays by input name. These inputs become constants of the graph, so that
            shapes may depend on them.

    Raises:
        ModelError: the model is damaged or breaks the ONNX rules.
        ShapeBindingError: a dimension is unbound, or a given shape does not fit.
        UnsupportedOperator: the model needs something that graphopt cannot compile.
        TypeRuleError: an operator is applied to types it is not defined for.
    """
    proto, folder, where = read_model(model)
    versions = opsets(proto.opset_import, where)
    importer = Importer(versions, local_functions(proto, where), Weights(folder), where)
    return importer.run(proto.graph, shapes or {}, constants or {})


class Importer:
    """The state of one import: the graph under construction and how to read the model.

    Attributes:
        builder: collects the nodes.
        weights: reads the model's tensors.
        opsets: the version of each domain, for the nodes being imported.
        functions: those that the model brings along.
    """

    def __init__(
        self,
        opsets: Mapping[str, int],
        functions: Mapping[Key, FunctionProto],
        weights: Weights,
        where: str,
    ) -> None:
        self.builder = Builder()
        self.weights = weights
        self.opsets = opsets
        self.functions = functions
        self._active: list[Key] = []
        self.where = where

    def run(
        self,
        graph: GraphProto,
        shapes: Mapping[str, Sequence[int]],
        constants: Mapping[str, Array],
    ) -> Graph:
        """Import the main graph of a model."""
        scope = self._initializers(graph)
        # Before IR version 4, initializers were listed among the inputs too.
        free = [i for i in graph.input if i.name not in scope]
        bound = {name: np.asarray(array) for name, array in constants.items()}
        all_shapes = {**{name: a.shape for name, a in bound.items()}, **shapes}
        types = bind_inputs(free, all_shapes, self.where)
        inputs = []
        for name, type in types.items():
            if name in bound:
                check_constant(name, TensorType.of(bound[name]), type, self.where)
                scope[name] = self.builder.constant(bound[name], name)
            else:
                value = self.builder.value(name, type)
                inputs.append(value)
                scope[name] = value
        results = self._run_nodes(graph, scope, {})
        outputs = []
        for info, result in zip(graph.output, results, strict=True):
            if not isinstance(result, Value):
                raise UnsupportedOperator(
                    f"{self.where}: output {info.name!r}", "expected a tensor, found a sequence"
                )
            outputs.append(result)
        names = tuple(o.name for o in graph.output)
        return self.builder.graph(graph.name or "main", tuple(inputs), tuple(outputs), names)

    def import_graph(
        self, graph: GraphProto, inputs: Sequence[Operand], scope: Scope
    ) -> tuple[Operand, ...]:
        """Import a subgraph in place: its nodes join those of the graph under construction.

        Args:
            inputs: what the subgraph's inputs stand for.
            scope: the values of the graphs around it.
        """
        names = [i.name for i in graph.input]
        if len(names) != len(inputs):
            raise ModelError(
                f"{self.where}: subgraph {graph.name!r}",
                f"inputs: expected {len(names)}, found {len(inputs)}",
            )
        own = {**self._initializers(graph), **dict(zip(names, inputs, strict=True))}
        return self._run_nodes(graph, own, scope)

    def _initializers(self, graph: GraphProto) -> dict[str, Operand]:
        found: dict[str, Operand] = {}
        tensors = [(t.name, self.weights.array(t)) for t in graph.initializer]
        tensors += [(t.values.name, self.weights.sparse(t)) for t in graph.sparse_initializer]
        for name, array in tensors:
            if name in found:
                raise ModelError(self.where, f"initializer {name!r} is defined twice")
            found[name] = self.builder.constant(array, name)
        return found

    def _run_nodes(
        self, graph: GraphProto, own: dict[str, Operand], around: Scope
    ) -> tuple[Operand, ...]:
        nodes = ordered_nodes(graph, own, around, self.where)
        scope = ChainMap(own, around)
        for node, where in nodes:
            outer = (self.builder.location, self.builder.hint)
            name = node.name or next(filter(None, node.output), node.op_type)
            self.builder.location = outer[0] + Location((name,))
            self.builder.hint = next(filter(None, node.output), node.op_type)
            self._run_node(node, scope, where)
            self.builder.location, self.builder.hint = outer
        results = []
        for output in graph.output:
            if output.name not in scope:
                raise ModelError(self.where, f"output {output.name!r} is not defined anywhere")
            results.append(scope[output.name])
        return tuple(results)

    def _run_node(self, node: NodeProto, scope: Scope, where: str) -> None:
        inputs = tuple(scope[name] if name else None for name in node.input)
        nodes, made = len(self.builder.nodes), len(self.builder.made)
        if function_key(node) in self.functions:
            results = self._call_function(node, inputs, where)
        else:
            results = self._import_node(node, inputs, scope, where)
        self._name_results(node, results, scope, where, nodes, made)

    def _call_function(
        self, node: NodeProto, inputs: tuple[Operand | None, ...], where: str
    ) -> tuple[Operand, ...]:
        key = function_key(node)
        if key in self._active:
            raise ModelError(where, f"function {key[0]}:{key[1]} calls itself")
        function = self.functions[key]
        outer, self.opsets = self.opsets, opsets(function.opset_import, where)
        self._active.append(key)
        given = [operand for operand in inputs if operand is not None]
        results = self.import_graph(function_body(function, node), given, {})
        self._active.pop()
        self.opsets = outer
        return results

    def _import_node(
        self, node: NodeProto, inputs: tuple[Operand | None, ...], scope: Scope, where: str
    ) -> tuple[Operand, ...]:
        domain = "" if node.domain == "ai.onnx" else node.domain
        key = f"{domain}:{node.op_type}" if domain else node.op_type
        opset = self.opsets.get(domain)
        if opset is None:
            raise ModelError(where, f"the model imports no operator set for domain {domain!r}")
        call = Call(node, inputs, opset, self, scope, where)
        try:
            check_call(call)
            result = IMPORTERS[key](call) if key in IMPORTERS else import_other(call)
        except TypeRuleError as error:
            raise TypeRuleError(where, error.what, error.hint) from error
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            # Importers take sizes and numbers from the node as they come: a rank, a divisor or
            # a count that ONNX's schemas do not check shows here.
            raise ModelError(
                where, f"inputs or attributes: expected some that fit {key}, found: {error}"
            ) from error
        return result if isinstance(result, tuple) else (result,)

    def _name_results(
        self,
        node: NodeProto,
        results: tuple[Operand, ...],
        scope: Scope,
        where: str,
        nodes: int,
        made: int,
    ) -> None:
        """Put the results in scope; values made for this node get the names of its outputs."""
        fresh = set(self.builder.made[made:])
        wanted: dict[Value, str] = {}
        for name, result in zip(node.output, results, strict=False):
            if name and isinstance(result, Value) and result in fresh:
                wanted.setdefault(result, name)
        renamed = self.builder.rename(nodes, wanted)
        for index, name in enumerate(node.output):
            if not name:
                continue
            if index >= len(results):
                raise UnsupportedOperator(where, f"output {index} ({name!r}) is not supported")
            scope[name] = _renamed(results[index], renamed)


def _renamed(operand: Operand, new: Mapping[Value, Value]) -> Operand:
    if isinstance(operand, Value):
        return new.get(operand, operand)
    return replace(operand, items=tuple(_renamed(item, new) for item in operand.items))
