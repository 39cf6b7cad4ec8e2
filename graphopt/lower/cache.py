"""Compiled code on disk, found again by its key; shared by all processes of a user."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import platformdirs

from graphopt.errors import BuildError

LIMIT_BYTES = 512 * 2**20


class CodeCache:
    """A folder of files named by key. Entries appear whole or not at all.

    Processes may share it: a file is written under another name and renamed. When the folder
    outgrows `limit_bytes`, the entries that were unused the longest go.
    """

    def __init__(self, folder: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes

    def get(self, name: str) -> bytes | None:
        """The entry called `name`, or None."""
        path = self.folder / name
        try:
            content = path.read_bytes()
            os.utime(path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._error(error) from error
        return content

    def put(self, name: str, content: bytes) -> None:
        """Store an entry.

        Raises:
            BuildError: the folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(dir=self.folder, prefix=".")
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(content)
                os.replace(temporary, self.folder / name)
            except OSError:
                os.unlink(temporary)
                raise
        except OSError as error:
            raise self._error(error) from error

    def trim(self) -> None:
        """Remove the entries unused the longest until the rest fits the limit."""
        entries: list[tuple[float, int, Path]] = []
        for path in self.folder.glob("*"):
            try:
                found = path.stat()
            except FileNotFoundError:
                continue
            entries.append((found.st_mtime, found.st_size, path))
        excess = sum(size for _, size, _ in entries) - self.limit_bytes
        for _, size, path in sorted(entries):
            if excess <= 0:
                break
            path.unlink(missing_ok=True)
            excess -= size

    def _error(self, error: OSError) -> BuildError:
        return BuildError(
            f"code cache {self.folder}",
            f"expected a folder to read and write, found: {error.strerror}",
            "free some space, or set GRAPHOPT_CACHE to a folder elsewhere",
        )


def default_cache() -> CodeCache:
    """The user's cache, or the one in the folder that GRAPHOPT_CACHE names."""
    folder = os.environ.get("GRAPHOPT_CACHE") or platformdirs.user_cache_dir("graphopt")
    return CodeCache(Path(folder))
