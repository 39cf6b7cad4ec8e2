"""Whether a node keeps to the signature that ONNX gives its operator."""

from __future__ import annotations

from onnx import defs

from graphopt.errors import ModelError, TypeRuleError
from graphopt.frontend.call import Call
from graphopt.ir import DType, Value

NAMES: dict[DType, str] = {
    DType.F64: "double",
    DType.F32: "float",
    DType.F16: "float16",
    DType.BF16: "bfloat16",
    DType.F8E8M0FNU: "float8e8m0",
    DType.F4E2M1FN: "float4e2m1",
    DType.BOOL: "bool",
    DType.C64: "complex64",
    DType.C128: "complex128",
    DType.STR: "string",
}


def check_call(call: Call) -> None:
    """Check the number of inputs and outputs, the attributes and the element types of a node.

    Operators that onnx does not know are not checked.

    Raises:
        ModelError: the node does not fit its operator's signature.
        TypeRuleError: an input has an element type that the operator is not defined for.
    """
    node = call.node
    if not defs.has(node.op_type, call.opset, node.domain):
        return
    schema = defs.get_schema(node.op_type, call.opset, node.domain)
    for kind, found, low, high in (
        ("inputs", len(node.input), schema.min_input, schema.max_input),
        ("outputs", len(node.output), schema.min_output, schema.max_output),
    ):
        if not low <= found <= high:
            limits = str(low) if low == high else f"{low} to {high}"
            raise ModelError(call.where, f"{kind}: expected {limits}, found {found}")
    for attribute in node.attribute:
        if attribute.name not in schema.attributes:
            known = ", ".join(sorted(schema.attributes)) or "none"
            raise ModelError(
                call.where,
                f"attributes: expected some of {known}, found {attribute.name!r} "
                f"(opset {call.opset})",
            )
    for name, attribute in schema.attributes.items():
        if attribute.required and not call.has_attribute(name):
            raise ModelError(call.where, f"attribute {name}: expected a value, found none")
    _check_types(call, schema)


def _check_types(call: Call, schema: defs.OpSchema) -> None:
    allowed = {c.type_param_str: c.allowed_type_strs for c in schema.type_constraints}
    bound: dict[str, DType] = {}
    for index, operand in enumerate(call.inputs):
        formal = schema.inputs[min(index, len(schema.inputs) - 1)]
        if not isinstance(operand, Value):
            continue
        dtype = operand.type.dtype
        types = allowed.get(formal.type_str, [formal.type_str])
        if not any(t.startswith("tensor") for t in types):
            continue
        if _onnx_name(dtype) not in types:
            expected = ", ".join(sorted(t.removeprefix("tensor") for t in types))
            raise TypeRuleError(
                call.where, f"input {index}: expected one of {expected}, found {dtype}"
            )
        if formal.type_str in allowed and formal.is_homogeneous:
            first = bound.setdefault(formal.type_str, dtype)
            if first is not dtype:
                raise TypeRuleError(
                    call.where, f"input {index}: expected {first} as before it, found {dtype}"
                )


def _onnx_name(dtype: DType) -> str:
    if dtype in NAMES:
        return f"tensor({NAMES[dtype]})"
    stem = {"f": "float", "i": "int", "u": "uint"}[dtype.value[0]]
    return f"tensor({stem}{dtype.value[1:]})"
