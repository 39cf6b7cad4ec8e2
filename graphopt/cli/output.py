"""Where results and progress go: results to stdout, progress to a terminal's stderr."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, RenderableType
from rich.text import Text


def emit(as_json: bool, data: Any, shown: RenderableType) -> None:
    """Print `data` as JSON or `shown` as it is meant for people.

    Plain text keeps its lines, however long: they may be read by a program.
    """
    if as_json:
        print(json.dumps(data, indent=1))
    else:
        Console().print(shown, soft_wrap=isinstance(shown, Text))


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """A function that shows what is being done, in one line that vanishes at the end."""
    console = Console(stderr=True)
    with console.status("", spinner="dots") as status:
        yield lambda line: status.update(line)
