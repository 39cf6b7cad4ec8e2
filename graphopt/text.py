"""Print graphs as text and parse them back; the two are inverses of each other."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from enum import StrEnum
from typing import Any, get_type_hints

import numpy as np

from graphopt.errors import GraphoptError, ParseError, TypeRuleError
from graphopt.ir import (
    INLINE_NUMBERS,
    Array,
    DType,
    Graph,
    Location,
    Node,
    Op,
    Quant,
    TensorType,
    Value,
    digest,
)
from graphopt.ops import OPS, Fused, Patched


def print_graph(graph: Graph, locations: bool = False) -> str:
    """The text of a graph.

    Constants of over 16 elements print as one number if all are equal, else as a hash.
    """
    return "\n".join(_Printer(locations).graph(graph, "graph", ""))


def constants_by_digest(graph: Graph) -> dict[str, Array]:
    """The large constants and scales of a graph and of its regions, for `parse_graph`."""
    found = {digest(a): a for a in graph.constants.values() if a.size > INLINE_NUMBERS}
    quants = {value.type.quant for value in graph.values()}
    for node in graph.nodes:
        quants |= {
            each for f in fields(node.op) if isinstance(each := getattr(node.op, f.name), Quant)
        }
    for quant in quants - {None}:
        assert quant is not None
        for array in (np.array(quant.scales), np.array(quant.zero_points)):
            if array.size > INLINE_NUMBERS:
                found[digest(array)] = array
    for node in graph.nodes:
        if isinstance(node.op, Fused | Patched):
            found |= constants_by_digest(node.op.body)
    return found


def _quote(name: str) -> str:
    return name if re.fullmatch(r"[\w./$-]+", name) else json.dumps(name)


def printed_names(graph: Graph) -> dict[Value, str]:
    """What each value is called in the text of `graph`: names that several have get numbers."""
    names: dict[Value, str] = {}
    taken: set[str] = set()
    for value in graph.values():
        name, number = value.name, 0
        while name in taken:
            number += 1
            name = f"{value.name}.{number}"
        taken.add(name)
        names[value] = name
    return names


class _Printer:
    def __init__(self, locations: bool) -> None:
        self.locations = locations

    def graph(self, graph: Graph, head: str, indent: str) -> list[str]:
        names = {value: f"%{_quote(name)}" for value, name in printed_names(graph).items()}

        def typed(value: Value) -> str:
            return f"{names[value]}: {value.type}"

        inner = indent + "  "
        params = ", ".join(map(typed, graph.inputs))
        lines = [f"{head} {_quote(graph.name)}({params}) {{"]
        for value, array in graph.constants.items():
            lines.append(f"{inner}{typed(value)} = constant({_print_array(array)})")
        for node in graph.nodes:
            inputs = ", ".join(names[v] for v in node.inputs)
            outputs = ", ".join(map(typed, node.outputs))
            text = f"{inner}{outputs} = {node.op.name}({inputs}){_print_attributes(node.op)}"
            if self.locations and node.location.names:
                text += f" @ {json.dumps(list(node.location.names))}"
            if isinstance(node.op, Fused | Patched):
                body = self.graph(node.op.body, text + " region", inner)
                lines.extend(body)
            else:
                lines.append(text)
        results = (
            names[v] if names[v] == f"%{_quote(name)}" else f"{names[v]} as {_quote(name)}"
            for v, name in zip(graph.outputs, graph.output_names, strict=True)
        )
        lines.append(f"{inner}return {', '.join(results)}")
        return [*lines, indent + "}"]


def _print_array(array: Array) -> str:
    if array.size <= INLINE_NUMBERS:
        return _print_literal(array.tolist())
    if bool(np.all(array == array.flat[0])):
        return _print_literal(array.flat[0].item())
    return f"#{digest(array)}"


def _print_literal(value: Any) -> str:
    if isinstance(value, Quant):
        return str(value)
    if isinstance(value, tuple | list):
        inner = ", ".join(_print_literal(v) for v in value)
        if isinstance(value, list):
            return f"[{inner}]"
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return repr(value.value if isinstance(value, StrEnum) else value)


def _print_attributes(op: Op) -> str:
    shown = []
    for field in fields(op):
        value = getattr(op, field.name)
        if isinstance(value, Graph) or (field.default is not MISSING and value == field.default):
            continue
        shown.append(f"{field.name} = {_print_literal(value)}")
    return f" {{{', '.join(shown)}}}" if shown else ""


def parse_graph(text: str, constants: Mapping[str, Array] | None = None) -> Graph:
    """The graph that `text` describes.

    Args:
        text: what `print_graph` prints.
        constants: arrays of large constants by the hash that stands for them in the text.

    Raises:
        ParseError: line, column, what was expected and what was found.
    """
    return _Parser(text, constants or {}).parse()


_TOKEN = re.compile(
    r"""(?P<space>[ \t\r]+|//[^\n]*)
    |(?P<newline>\n)
    |(?P<value>%(?:[\w./$-]+|"(?:[^"\\]|\\.)*"))
    |(?P<digest>\#[0-9a-f]+)
    |(?P<bytes>b"(?:[^"\\]|\\.)*"|b'(?:[^'\\]|\\.)*')
    |(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<complex>\(-?(?:inf|nan|[\d.]+(?:e[+-]?\d+)?)[+-](?:inf|nan|[\d.]+(?:e[+-]?\d+)?)j\))
    |(?P<number>-?(?:inf|nan|\d[\d.]*(?:e[+-]?\d+)?j?)(?![\w$]))
    |(?P<word>[\w./$-]+)
    |(?P<mark>[(){}\[\]<>,:=@+])""",
    re.VERBOSE,
)


class _Token:
    def __init__(self, kind: str, text: str, line: int, column: int) -> None:
        self.kind, self.text, self.line, self.column = kind, text, line, column


def _tokens(text: str) -> Iterator[_Token]:
    line, start, at = 1, 0, 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise ParseError(f"line {line}, column {at - start + 1}", f"unexpected {text[at]!r}")
        if match.lastgroup == "newline":
            line, start = line + 1, match.end()
        elif match.lastgroup != "space":
            yield _Token(match.lastgroup, match[0], line, at - start + 1)
        at = match.end()
    yield _Token("end", "end of text", line, at - start + 1)


class _Parser:
    def __init__(self, text: str, constants: Mapping[str, Array]) -> None:
        self.tokens = list(_tokens(text))
        self.at = 0
        self.arrays = constants

    @property
    def token(self) -> _Token:
        return self.tokens[self.at]

    def fail(self, expected: str, token: _Token | None = None) -> ParseError:
        token = token or self.token
        where = f"line {token.line}, column {token.column}"
        return ParseError(where, f"expected {expected}, found {token.text!r}")

    def take(self, *expected: str) -> _Token:
        """The next token, which must be of one of these kinds or have one of these texts."""
        token = self.token
        if token.kind not in expected and token.text not in expected:
            raise self.fail(" or ".join(map(repr, expected)))
        self.at += 1
        return token

    def accept(self, text: str) -> bool:
        if self.token.text != text:
            return False
        self.at += 1
        return True

    def parse(self) -> Graph:
        self.take("graph")
        graph = self.graph()
        self.take("end")
        return graph

    def word(self) -> str:
        token = self.take("word", "string", "number")
        return _unquote(token.text)

    def graph(self) -> Graph:
        name = self.word()
        scope: dict[str, Value] = {}
        inputs: list[Value] = []
        constants: dict[Value, Array] = {}
        nodes: list[Node] = []
        self.take("(")
        while not self.accept(")"):
            inputs.append(self.definition(scope))
            if self.token.text != ")":
                self.take(",")
        self.take("{")
        while not self.accept("return"):
            self.statement(scope, constants, nodes)
        outputs: list[Value] = []
        names: list[str] = []
        while self.token.kind == "value":
            outputs.append(self.use(scope))
            names.append(self.word() if self.accept("as") else outputs[-1].name)
            if not self.accept(","):
                break
        self.take("}")
        return Graph(name, tuple(inputs), tuple(nodes), tuple(outputs), constants, tuple(names))

    def statement(
        self, scope: dict[str, Value], constants: dict[Value, Array], nodes: list[Node]
    ) -> None:
        outputs = [self.definition({})]
        while self.accept(","):
            outputs.append(self.definition({}))
        self.take("=")
        token = self.take("word")
        if token.text == "constant":
            constants[outputs[0]] = self.array(outputs[0].type)
        else:
            nodes.append(self.node(token, scope, tuple(outputs)))
        for output in outputs:
            self.define(scope, output, token)

    def node(self, token: _Token, scope: dict[str, Value], outputs: tuple[Value, ...]) -> Node:
        if token.text not in OPS:
            raise self.fail("an operator", token)
        cls = OPS[token.text]
        self.take("(")
        inputs: list[Value] = []
        while not self.accept(")"):
            inputs.append(self.use(scope))
            if self.token.text != ")":
                self.take(",")
        attributes = self.attributes(cls)
        location = Location()
        if self.accept("@"):
            location = Location(tuple(self.literal()))
        if cls in (Fused, Patched):
            self.take("region")
            attributes["body"] = self.graph()
        try:
            op = cls(**attributes)
        except (TypeError, ValueError, GraphoptError) as error:
            raise ParseError(f"line {token.line}, column {token.column}", str(error)) from error
        return Node(op, tuple(inputs), outputs, location)

    def define(self, scope: dict[str, Value], value: Value, token: _Token) -> None:
        if value.name in scope:
            raise ParseError(
                f"line {token.line}, column {token.column}", f"%{value.name} is defined twice"
            )
        scope[value.name] = value

    def definition(self, scope: dict[str, Value]) -> Value:
        token = self.take("value")
        self.take(":")
        value = Value(_unquote(token.text[1:]), self.tensor_type())
        self.define(scope, value, token)
        return value

    def use(self, scope: dict[str, Value]) -> Value:
        token = self.take("value")
        name = _unquote(token.text[1:])
        if name not in scope:
            raise ParseError(
                f"line {token.line}, column {token.column}", f"%{name} is not defined above"
            )
        return scope[name]

    def tensor_type(self) -> TensorType:
        token = self.take("word")
        if token.text not in set(DType):
            raise self.fail("an element type", token)
        self.take("[")
        dims: list[int | str] = []
        while not self.accept("]"):
            dim = self.take("word", "number").text
            dims.append(int(dim) if dim.isdigit() else dim)
            if self.token.text != "]":
                self.take(",")
        quant = self.quant() if self.token.text == "<" else None
        try:
            return TensorType(DType(token.text), tuple(dims), quant)
        except TypeRuleError as error:
            raise ParseError(f"line {token.line}, column {token.column}", str(error)) from error

    def quant(self) -> Quant:
        start = self.take("<")
        scales = self.numbers()
        self.take(",")
        zero_points = self.numbers()
        axis = None
        if self.accept(","):
            self.take("axis")
            axis = int(self.take("number").text)
        self.take(">")
        try:
            return Quant(tuple(map(float, scales)), tuple(map(int, zero_points)), axis)
        except TypeRuleError as error:
            raise ParseError(f"line {start.line}, column {start.column}", str(error)) from error

    def numbers(self) -> tuple[Any, ...]:
        """One number, several in parentheses, or the hash of more."""
        token = self.token
        if token.kind == "digest":
            self.at += 1
            return tuple(self.array_of(token).tolist())
        literal = self.literal()
        return literal if isinstance(literal, tuple) else (literal,)

    def array_of(self, token: _Token) -> Array:
        """The array that a hash stands for."""
        if token.text[1:] not in self.arrays:
            raise ParseError(
                f"line {token.line}, column {token.column}",
                f"constant {token.text}: its array was not given",
                "pass constants=",
            )
        return np.array(self.arrays[token.text[1:]])

    def array(self, type: TensorType) -> Array:
        self.take("(")
        token = self.token
        where = f"line {token.line}, column {token.column}"
        if token.kind == "digest":
            self.at += 1
            array = self.array_of(token)
        else:
            literal = self.literal()
            try:
                array = np.array(literal, dtype=type.dtype.numpy)
                if array.ndim == 0:
                    array = np.broadcast_to(array, type.dims).copy()
                array = array.reshape(type.dims)
            except (TypeError, ValueError) as error:
                raise ParseError(where, f"constant of type {type}: {error}") from error
        self.take(")")
        return array

    def attributes(self, cls: type[Op]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if not self.accept("{"):
            return found
        hints = get_type_hints(cls)
        while not self.accept("}"):
            token = self.take("word")
            if token.text not in {field.name for field in fields(cls)}:
                raise self.fail(f"an attribute of {cls.name}", token)
            self.take("=")
            where = self.token
            value = self.quant() if where.text == "<" else self.literal()
            if hints[token.text] is DType:
                if value not in set(DType):
                    raise self.fail("an element type", where)
                value = DType(value)
            found[token.text] = value
            if self.token.text != "}":
                self.take(",")
        return found

    def literal(self) -> Any:
        token = self.take("number", "complex", "string", "bytes", "word", "(", "[")
        if token.kind == "complex":
            return complex(token.text)
        if token.kind in ("string", "bytes"):
            return ast.literal_eval(token.text)
        if token.kind == "number":
            return _number(token.text)
        if token.text in ("(", "["):
            end = ")" if token.text == "(" else "]"
            items = []
            while not self.accept(end):
                items.append(self.literal())
                if self.token.text != end:
                    self.take(",")
            return tuple(items) if end == ")" else items
        if token.text in ("True", "False", "None"):
            return ast.literal_eval(token.text)
        raise self.fail("a literal", token)


def _number(text: str) -> int | float | complex:
    if text.lstrip("-") in ("inf", "nan"):
        return math.copysign(float(text.lstrip("-")), -1 if text[0] == "-" else 1)
    value: int | float | complex = ast.literal_eval(text)
    return value


def _unquote(text: str) -> str:
    return str(ast.literal_eval(text)) if text[0] in "\"'" else text
