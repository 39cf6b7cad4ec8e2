"""The command line: the same words as the Python API."""

import os
import sys
from collections.abc import Sequence

from graphopt.errors import GraphoptError


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0, or 1 after one line that says what is wrong.

    GRAPHOPT_DEBUG=1 shows the traceback of such an error.
    """
    from graphopt.cli.app import app

    try:
        app(args=arguments, prog_name="graphopt")
    except GraphoptError as error:
        if os.environ.get("GRAPHOPT_DEBUG") == "1":
            raise
        sys.stderr.write(f"error: {error}\n")
        sys.exit(1)
