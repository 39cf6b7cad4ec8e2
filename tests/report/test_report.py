"""The report survives JSON, and says in text and on the page what it knows."""

import json
import re
from html.parser import HTMLParser

import pytest
from rich.console import Console

from graphopt.report import Buffer, Island, Kernel, PassRun, Report, html, text, units


def example() -> Report:
    return Report(
        model="small <net>",
        target="x86-64-avx2",
        threads=1,
        inputs=("x: f32[1,3,8,8]",),
        outputs=("y: f32[1,4]",),
        imported_nodes=7,
        weight_bytes=1234,
        kernels=(
            Kernel("k0", ("conv", "relu"), "conv1+relu1", "conv-direct", 27000, 4096, 1200),
            Kernel("k1", ("onnx_op",), "odd", "generic", 0, 512, 34, notes=("runs one by one",)),
        ),
        passes=(
            PassRun("fuse-epilogues", "fused", 1.25, 3, 7, 2, (("conv (c)", "two users"),)),
            PassRun("quiet", "canonical", 0.5, 0, 7, 7),
        ),
        arena_bytes=4608,
        buffers=(Buffer("a", 0, 4096, 0, 1), Buffer("b", 4096, 512, 1, 1)),
        floats=(Island("soft <max>", "softmax", "its result is not quantized", False),),
        seconds={"passes": 0.5, "kernels": 1.5},
    )


def test_json_round_trip() -> None:
    report = example().timed({"k0": 12.5})
    assert Report.from_json(json.loads(json.dumps(report.to_json()))) == report


def test_text_names_kernels_reasons_and_warnings() -> None:
    console = Console(width=160, record=True, quiet=False, file=None)
    with console.capture() as captured:
        console.print(text.full(example().timed({"k0": 12.5})))
    shown = captured.get()
    for part in ("small <net>", "conv relu", "12.5 us", "4.61 kB", "1 x two users"):
        assert part in shown
    assert "soft <max>" in shown and "its result is not quantized" in shown
    assert "slower route: k1 (odd): runs one by one" in shown
    assert "quiet" not in shown


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "line", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_page_is_whole_escaped_and_needs_nothing_else() -> None:
    page = html.render(example().timed({"k0": 12.5}))
    parser = _Page()
    parser.feed(page)
    assert parser.open == [] and parser.links == []
    assert not re.search(r"https?:|@import|url\(", page)
    assert "small &lt;net&gt;" in page and "<net>" not in page
    assert parser.tags.count("rect") == 2
    assert "two users" in page and "runs one by one" in page


def test_page_without_arena_has_no_picture() -> None:
    report = Report("m", "cpu", 1, (), (), 0, 0, (), ())
    assert "<svg" not in html.render(report)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (units.size(0), "0 B"),
        (units.size(999), "999 B"),
        (units.size(12_345), "12.3 kB"),
        (units.size(999_999), "1 MB"),
        (units.count(4_500_000), "4.5 M"),
        (units.duration(250_000.0), "250 ms"),
    ],
)
def test_units(shown: str, expected: str) -> None:
    assert shown == expected
