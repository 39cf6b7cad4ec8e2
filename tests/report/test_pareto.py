"""The Pareto page is whole, needs nothing else, and shows every point and the chosen one."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from graphopt.report.pareto import loss_svg, pareto_html
from graphopt.report.scale import Scale
from graphopt.report.units import cost
from graphopt.solver.precision import Assignment, Front


def point(nbytes: float, loss: float) -> Assignment:
    formats = {"conv <1>": "w8a8", "conv 2": "w4a8" if nbytes == 2600 else "w8a8"}
    return Assignment(formats, loss, loss, {"weight_bytes": nbytes})


FRONT = Front("weight_bytes", (point(2000, 1.5), point(2600, 0.2), point(4000, 0.01)), True)


def circles(svg: str) -> dict[str, list[tuple[float, float]]]:
    found: dict[str, list[tuple[float, float]]] = {"point": [], "chosen": []}
    for circle in ET.fromstring(svg).iter("circle"):
        found[circle.attrib["class"]].append(
            (float(circle.attrib["cx"]), float(circle.attrib["cy"]))
        )
    return found


def test_points_run_right_and_down() -> None:
    svg = loss_svg(FRONT, FRONT.points[1], at_most=3000)
    found = circles(svg)
    assert len(found["point"]) == 3 and found["chosen"] == [found["point"][1]]
    assert found["point"] == sorted(found["point"])
    assert [y for _, y in found["point"]] == sorted(y for _, y in found["point"])
    assert "limit 3 kB" in svg and "logarithmic" in svg
    assert "logarithmic" not in loss_svg(replace(FRONT, points=FRONT.points[:2]), None)


def test_chosen_need_not_be_on_the_front() -> None:
    found = circles(loss_svg(FRONT, point(3500, 9.0)))
    assert len(found["chosen"]) == 1 and found["chosen"][0][1] < found["point"][0][1]


@pytest.mark.parametrize("losses", [(0.0,), (0.0, 0.0), (3.0, 0.0), (1e-300,)])
def test_fronts_without_extent(losses: tuple[float, ...]) -> None:
    front = replace(FRONT, points=tuple(point(0.0, loss) for loss in losses))
    for x, y in circles(loss_svg(front, None))["point"]:
        assert 0 <= x <= 1060 and 0 <= y <= 460


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_page_is_whole_escaped_and_needs_nothing_else() -> None:
    page = pareto_html(FRONT, FRONT.points[1], "net <x>", at_most=3000)
    parser = _Page()
    parser.feed(page)
    assert parser.open == [] and parser.links == []
    assert not re.search(r"https?:|@import|url\(|<script", page)
    assert "net &lt;x&gt;" in page and "conv &lt;1&gt;" in page and "<x>" not in page
    assert "2.6 kB" in page and "1 x w4a8, 1 x w8a8" in page and "proven least" in page
    assert page.count('<tr class="chosen">') == 1


def test_page_says_what_is_not_proven() -> None:
    unproven = replace(FRONT.points[1], bound=0.15)
    front = Front("weight_bytes", (FRONT.points[0], unproven), False)
    page = pareto_html(front, None, "net")
    assert "at most 25 % could be saved" in page and "Some of the" in page
    assert "Chosen formats" not in page


@pytest.mark.parametrize(
    ("scale", "ticks"),
    [
        (Scale(0, 10), [0, 2, 4, 6, 8, 10]),
        (Scale(0.9, 120, logarithmic=True), [1, 3, 10, 30, 100]),
        (Scale(10, 12), [10, 10.5, 11, 11.5, 12]),
    ],
)
def test_ticks_are_round(scale: Scale, ticks: list[float]) -> None:
    assert scale.ticks() == pytest.approx(ticks)


def test_costs_are_shown_in_their_units() -> None:
    assert cost(2_500_000, "weight_bytes") == "2.5 MB"
    assert cost(2.5, "latency_ms") == "2.5 ms" and cost(12.5, "latency_us") == "12.5 us"
    assert cost(3.2e9, "bops") == "3.2 G" and cost(0.125, "share") == "0.125"
