"""Static types for a model's inputs: declared shapes, with symbols bound by the caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from onnx import TensorShapeProto, ValueInfoProto

from graphopt.errors import ModelError, ShapeBindingError, UnsupportedOperator
from graphopt.frontend.weights import element_type
from graphopt.ir import TensorType

Dims = list[int | str | None]  # None: a dimension without size or name


def bind_inputs(
    inputs: Sequence[ValueInfoProto], shapes: Mapping[str, Sequence[int]], where: str
) -> dict[str, TensorType]:
    """The type of each input.

    Args:
        shapes: whole shapes by input name; a symbol they bind is bound in every input.

    Raises:
        ShapeBindingError: a shape does not fit, or a dimension stays unbound.
    """
    names = [i.name for i in inputs]
    for name in shapes:
        if name not in names:
            raise ShapeBindingError(
                where, f"shape of {name!r}: expected one of the inputs {', '.join(names)}"
            )
    for name in names:
        if names.count(name) > 1:
            raise ModelError(where, f"input {name!r} is declared twice")
    declared = {i.name: _declared(i, where) for i in inputs}
    symbols: dict[str, tuple[int, str]] = {}
    for name, shape in shapes.items():
        _bind(name, declared[name], tuple(shape), symbols, where)
    types = {}
    for info in inputs:
        dims = shapes.get(info.name)
        if dims is None:
            dims = _resolve(info.name, declared[info.name], symbols, where)
        dtype = element_type(info.type.tensor_type.elem_type, f"{where}: input {info.name!r}")
        types[info.name] = TensorType(dtype, tuple(int(d) for d in dims))
    return types


def _declared(info: ValueInfoProto, where: str) -> Dims | None:
    kind = info.type.WhichOneof("value")
    if kind != "tensor_type":
        raise UnsupportedOperator(
            f"{where}: input {info.name!r}", f"type: expected a tensor, found {kind or 'none'}"
        )
    if not info.type.tensor_type.HasField("shape"):
        return None
    return [_dim(d) for d in info.type.tensor_type.shape.dim]


def _dim(dim: TensorShapeProto.Dimension) -> int | str | None:
    if dim.WhichOneof("value") == "dim_value" and dim.dim_value >= 0:
        return int(dim.dim_value)
    # Some exporters write "?" for each dimension that they do not know: that is no name.
    return None if dim.dim_param in ("", "?") else str(dim.dim_param)


def _bind(
    name: str,
    declared: Dims | None,
    given: tuple[int, ...],
    symbols: dict[str, tuple[int, str]],
    where: str,
) -> None:
    spot = f"{where}: input {name!r}"
    if min(given, default=0) < 0:
        raise ShapeBindingError(spot, f"shape: expected sizes of at least 0, found {list(given)}")
    if declared is None:
        return
    if len(declared) != len(given):
        raise ShapeBindingError(
            spot, f"shape: expected {len(declared)} dimensions, found {list(given)}"
        )
    for axis, (dim, size) in enumerate(zip(declared, given, strict=True)):
        if isinstance(dim, int) and dim != size:
            raise ShapeBindingError(spot, f"dimension {axis}: expected {dim}, found {size}")
        if isinstance(dim, str):
            bound, by = symbols.setdefault(dim, (size, name))
            if bound != size:
                raise ShapeBindingError(
                    spot,
                    f"dimension {axis} ({dim}): expected {bound} as in {by!r}, found {size}",
                )


def _resolve(
    name: str, declared: Dims | None, symbols: Mapping[str, tuple[int, str]], where: str
) -> list[int]:
    spot = f"{where}: input {name!r}"
    if declared is None:
        raise ShapeBindingError(
            spot, "shape: expected a static one, found none", f"give it: --shape {name}=1x3x224x224"
        )
    sizes: list[int] = []
    for axis, dim in enumerate(declared):
        if isinstance(dim, str) and dim in symbols:
            sizes.append(symbols[dim][0])
        elif isinstance(dim, int):
            sizes.append(dim)
        else:
            what = f"the symbol {dim!r}" if dim else "no size"
            example = "x".join(str(d) if isinstance(d, int) else "1" for d in declared)
            raise ShapeBindingError(
                spot,
                f"dimension {axis}: expected a size, found {what}",
                f"bind it with --shape {name}={example} (Python: shapes={{{name!r}: ...}})",
            )
    return sizes


def check_constant(name: str, found: TensorType, declared: TensorType, where: str) -> None:
    """A bound array has the type of its input.

    Raises:
        ModelError: it has not.
    """
    if found != declared:
        raise ModelError(
            f"{where}: input {name!r}", f"bound constant: expected {declared}, found {found}"
        )
