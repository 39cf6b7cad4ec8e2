"""The example of "Write a pass" does what the page says."""

import re
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "passes" / "README.md"
CODE = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    names: dict[str, Any] = {}
    for block in CODE:
        exec(compile(block, str(PAGE), "exec"), names)
    return names


def test_the_pass_takes_fifteen_lines_or_so() -> None:
    body = CODE[0].split("\n\n\n", 1)[1]
    assert len([line for line in body.splitlines() if line.strip()]) <= 15


@pytest.mark.parametrize("name", re.findall(r"def (test_\w+)", "".join(CODE)))
def test_example(example: dict[str, Any], name: str) -> None:
    example[name]()


def test_every_block_is_read() -> None:
    assert len(CODE) == 2
    assert len(re.findall(r"def test_", "".join(CODE))) == 3
