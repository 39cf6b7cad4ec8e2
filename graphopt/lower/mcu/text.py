"""Pieces of C text: names, comments, arrays."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphopt.ir import DType

LINE = 100
_TITLE = 50
_LINES = 3
_BLANK = "\xa0"  # no place to break a line
# In memory. Types that C99 lacks are given as the integers that hold their bits.
_C_TYPES = {
    DType.F64: "double",
    DType.F32: "float",
    DType.I64: "int64_t",
    DType.I32: "int32_t",
    DType.I16: "int16_t",
    DType.I8: "int8_t",
    DType.I4: "int8_t",
    DType.I2: "int8_t",
    DType.U64: "uint64_t",
    DType.U32: "uint32_t",
    DType.U16: "uint16_t",
    DType.F16: "uint16_t",
    DType.BF16: "uint16_t",
}
_FLOATS = {4: "float", 8: "double"}


def c_type(dtype: DType) -> str:
    """The C type of an element in memory."""
    return _C_TYPES.get(dtype, "uint64_t" if dtype is DType.C64 else "uint8_t")


def is_identifier(text: str) -> bool:
    """Whether C and C++ take `text` as a name of a user's own."""
    return re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", text) is not None and "__" not in text


def comment(text: str) -> str:
    """`text` as it may stand inside a comment: printable ASCII on one line."""
    plain = "".join(c if " " <= c <= "~" else "?" for c in text)
    for mark in ("*/", "/*", "??"):
        plain = plain.replace(mark, f"{mark[0]} {mark[1]}")
    return plain.rstrip("\\")


def title(name: str) -> str:
    """A name as it may stand inside a line of a comment."""
    text = comment(name)
    return text if len(text) <= _TITLE else f"{text[: _TITLE - 4]} ..."


def short_location(location: str) -> str:
    """The last of the ONNX nodes that something comes from; of a name that lists several, one."""
    return location.split("+")[-1].split(";")[0]


def wrapped(text: str, indent: str = "", width: int = LINE) -> list[str]:
    """`text` for a comment in lines of at most `width`, each after `indent`.

    Long names break at separators.
    """
    lines = textwrap.wrap(comment(text), width - len(indent), break_on_hyphens=False)
    return [indent + line for line in lines]


def few(lines: list[str]) -> list[str]:
    """The first lines of a comment, with a mark where there are more."""
    return lines if len(lines) <= _LINES else [*lines[: _LINES - 1], "..."]


def listed(head: str, items: Sequence[str], tail: str = "", indent: int = 0) -> list[str]:
    """`head(items)tail` in lines that are short enough after `indent` columns.

    They break between items.
    """
    text = f"{head}({', '.join(item.replace(' ', _BLANK) for item in items)}){tail}"
    lines = textwrap.wrap(
        text,
        LINE - indent,
        subsequent_indent=" " * 4,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_BLANK, " ") for line in lines]


def array_c_type(dtype: np.dtype[Any]) -> str:
    """The C type in which an array of numbers is written out."""
    if dtype.kind == "f" and dtype.itemsize in _FLOATS:
        return _FLOATS[dtype.itemsize]
    sign = "" if dtype.kind == "i" else "u"
    return f"{sign}int{8 * dtype.itemsize}_t"


def array_lines(content: NDArray[np.uint8], dtype: np.dtype[Any]) -> list[str]:
    """The elements of an array in lines of an initializer; `content` are its bytes."""
    if dtype.kind == "f" and dtype.itemsize in _FLOATS:
        numbers = [float_text(x) for x in content.view(dtype)]
    elif dtype.kind == "i":
        lowest = np.iinfo(dtype).min if dtype.itemsize >= 4 else None
        values = content.view(dtype).tolist()
        numbers = [f"{x + 1} - 1" if x == lowest else str(x) for x in values]
    else:
        values = content.view(np.dtype(f"u{dtype.itemsize}")).tolist()
        numbers = [f"{x}u" for x in values] if dtype.itemsize >= 4 else list(map(str, values))
    width = max(map(len, numbers), default=0)
    columns = max(1, (LINE - 4 + 1) // (width + 2))
    rows = [numbers[start : start + columns] for start in range(0, len(numbers), columns)]
    return ["    " + ", ".join(number.rjust(width) for number in row) + "," for row in rows]


def finite(content: NDArray[np.uint8], dtype: np.dtype[Any]) -> bool:
    """Whether C has a decimal constant for every element."""
    return dtype.kind != "f" or bool(np.isfinite(content.view(dtype)).all())


def float_text(x: np.floating[Any]) -> str:
    """The shortest C constant that reads back as the same f32 or f64, which is finite."""
    text = str(x)
    suffix = "f" if x.dtype.itemsize == 4 else ""
    return (text if "." in text or "e" in text else f"{text}.0") + suffix
