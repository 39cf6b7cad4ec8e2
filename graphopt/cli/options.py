"""Options that several commands share, and how their texts become values."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from graphopt.errors import InputError, OptionError
from graphopt.ir import Array

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Source = Annotated[Path, typer.Argument(metavar="MODEL", help="An ONNX file.")]
Either = Annotated[Path, typer.Argument(metavar="MODEL", help="An ONNX file or an artifact.")]
Folder = Annotated[Path, typer.Argument(metavar="BUILD", help="An artifact folder.")]
TargetName = Annotated[str, typer.Option("--target", help="See `graphopt targets`.")]
Threads = Annotated[int, typer.Option("--threads", min=1, help="Threads of one run.")]
Shape = Annotated[
    list[str] | None,
    typer.Option("--shape", metavar="NAME=1x3x224x224", help="Shape of an input; repeatable."),
]
Passes = Annotated[
    str | None, typer.Option("--passes", metavar="A,B", help="See `graphopt passes`.")
]
Inputs = Annotated[
    Path | None, typer.Option("--input", metavar="X.npz", help="Arrays by input name.")
]


def shapes(given: Sequence[str] | None) -> dict[str, tuple[int, ...]]:
    """Shapes by input name from texts like ``x=1x3x224x224``; ``x=`` is a scalar.

    Raises:
        OptionError: a text is not of that form.
    """
    found: dict[str, tuple[int, ...]] = {}
    for text in given or ():
        name, equals, dims = text.rpartition("=")
        parts = dims.split("x") if dims else []
        if not name or not equals or not all(part.isdecimal() for part in parts):
            raise OptionError("--shape", f"expected NAME=1x3x224x224, found {text!r}")
        found[name] = tuple(map(int, parts))
    return found


def names(given: str | None) -> tuple[str, ...]:
    """The names in ``a,b``."""
    return tuple(part.strip() for part in (given or "").split(",") if part.strip())


def arrays(path: Path) -> dict[str, Array]:
    """The arrays of an .npz file by name.

    Raises:
        InputError: there is no such file, or it is something else.
    """
    from zipfile import BadZipFile

    import numpy as np

    try:
        content = np.load(path, allow_pickle=False)
        if not isinstance(content, np.lib.npyio.NpzFile):
            raise ValueError("one array without a name")
        with content:
            return {name: content[name] for name in content.files}
    except (OSError, ValueError, EOFError, BadZipFile) as error:
        raise InputError(
            str(path), f"expected an .npz file, found: {error}", "write it with numpy.savez"
        ) from error
