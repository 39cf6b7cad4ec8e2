"""Object files -> one shared library."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from graphopt.errors import BuildError


def link(objects: Sequence[bytes]) -> bytes:
    """A shared library of all the functions in `objects`."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise BuildError("link", "expected a C compiler on the PATH, found none", "install gcc")
    with tempfile.TemporaryDirectory(prefix="graphopt-") as folder:
        paths = []
        for i, content in enumerate(objects):
            paths.append(str(Path(folder) / f"{i}.o"))
            Path(paths[-1]).write_bytes(content)
        library = Path(folder) / "lib.so"
        command = [compiler, "-shared", "-Wl,-s", "-o", str(library), *paths, "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BuildError("link", done.stderr.strip())
        return library.read_bytes()
