"""What a report says of patched regions: facts by hand, pictures that show them."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from graphopt.ir import Graph, Location, Node
from graphopt.lower.lowering import lower_program
from graphopt.ops import Conv, Patched
from graphopt.report import Report, html, text
from graphopt.report.build import build_report
from graphopt.report.patches import regions_and_timeline
from graphopt.report.region_picture import caption, region_svg
from graphopt.report.regions import (
    Occupant,
    RegionMap,
    Timeline,
    Tradeoff,
    TradePoint,
    live_bytes,
)
from graphopt.report.timeline_picture import stacked, timeline_svg
from graphopt.targets import load_target

from ..patching.regions import GraphBuilder

SAME = Conv((1, 1), (1, 1, 1, 1), (1, 1), 1, "NHWC")
MACS = 3 * 3 * 2 * 2


def chain(
    tile: tuple[int, int] = (1, 6),
    keep: bool = True,
    inputs: tuple[int, ...] = (),
    outputs: tuple[int, ...] = (),
) -> Graph:
    """Convolutions t0, t1, t2 on a map of 6 x 6 x 2; the last two are a region."""
    build = GraphBuilder(np.random.default_rng(0))
    first = build.conv(build.input(1, 6, 6, 2), 2, (3, 3), SAME)
    build.conv(build.conv(first, 2, (3, 3), SAME), 2, (3, 3), SAME)
    build.nodes = [
        replace(node, location=Location((f"layer{i}",))) for i, node in enumerate(build.nodes)
    ]
    graph = build.graph(build.nodes[-1].output)
    before = () if inputs else graph.nodes[:1]
    inside = graph.nodes[len(before) :]
    read = dict.fromkeys(v for node in inside for v in node.inputs)
    made = {v for node in inside for v in node.outputs}
    body = Graph("region", tuple(v for v in read if v not in made), inside, graph.outputs)
    each = len(inside)
    op = Patched(body, tile, (1 if keep else 99,) * each, (keep,) * each, inputs, outputs)
    where = sum((node.location for node in inside), Location())
    region = Node(op, body.inputs, body.outputs, where)
    return graph.with_nodes((*before, region))


def report(graph: Graph) -> Report:
    regions, timeline = regions_and_timeline(graph)
    return Report("m", "t", 1, (), (), 3, 0, (), (), regions=regions, timeline=timeline)


def test_line_buffers() -> None:
    (region,) = report(chain()).regions
    assert region.form == "line buffers"
    assert region.nodes == ("layer1", "layer2")
    assert (region.macs, region.plain_macs, region.calls) == (2 * 36 * MACS, 2 * 36 * MACS, 12)
    assert region.buffer_bytes == region.peak_bytes == 3 * 6 * 2
    # Two rows slide before each of the last three of six.
    assert region.moved_bytes == 3 * 2 * 6 * 2
    given, inner, last = region.maps
    assert (given.name, given.held, given.moment) == ("t0", "whole", (0, 6, 0, 6))
    assert (inner.held, inner.buffer_rows, inner.nbytes, inner.step) == ("kept", 3, 36, 1)
    assert (last.held, last.nbytes, last.strips) == ("whole", 72, (0,))
    first, end, *columns = last.moment
    assert (first, columns) == (0, [0, 6]) and end in (3, 4)
    assert inner.moment == (end - 2, end + 1, 0, 6)


def test_tiles() -> None:
    (region,) = report(chain((3, 3), keep=False)).regions
    assert region.form == "tiles, halos computed again"
    assert region.factor == pytest.approx((64 + 36) / 72)
    given, inner, last = region.maps
    assert (given.held, last.held) == ("copied", "copied")
    assert inner.held == "computed again" and inner.repetitions == pytest.approx(64 / 36)
    assert (inner.buffer_rows, inner.buffer_columns, inner.strips) == (4, 4, (0, 2))
    assert "computed 1.78 times" in caption(inner) and "4 x 4, 32 B" in caption(inner)


def test_mixed_and_strips() -> None:
    graph = chain((1, 3))
    assert report(graph).regions[0].form == "line buffers in strips of columns"
    node = graph.nodes[-1]
    assert isinstance(node.op, Patched)
    build = replace(node.op, keep=(False, True), rows=(99, 1), tile=(1, 6))
    assert report(graph.with_nodes([graph.nodes[0], replace(node, op=build)])).regions[0].form == (
        "tiles, halos computed again"
    )


def test_timeline_holds_whole_maps_or_rows() -> None:
    timeline = report(chain()).timeline
    assert timeline is not None
    assert timeline.steps == ("layer0", "layer1", "layer2")
    assert live_bytes(timeline.whole, 3) == [144, 144, 144]
    # t0 and the result are whole while t1 has three rows.
    assert live_bytes(timeline.patched, 3) == [144, 180, 180]


def test_streams_are_never_whole() -> None:
    timeline = report(chain(inputs=(0,), outputs=(0,))).timeline
    assert timeline is not None
    assert all(each.nbytes <= 36 for each in timeline.patched)
    assert {each.name: each.nbytes for each in timeline.patched} == {
        "in0": 36,
        "t0": 36,
        "t1": 36,
        "t2": 12,
    }


def test_graphs_without_regions_have_no_timeline() -> None:
    build = GraphBuilder(np.random.default_rng(0))
    graph = build.graph(build.conv(build.input(1, 6, 6, 2), 2, (3, 3), SAME))
    assert regions_and_timeline(graph) == ((), None)
    assert "Patches" not in html.render(report(graph))


def test_kernels_of_a_region_are_called_often() -> None:
    program = lower_program(chain(), load_target("cortex-m7"))
    found = build_report(program, ())
    assert [kernel.calls for kernel in found.kernels] == [1, 6, 6]
    assert [kernel.macs for kernel in found.kernels] == [36 * MACS] * 3
    assert found.factor == 1
    spans = {buffer.name: (buffer.first, buffer.last) for buffer in found.buffers}
    assert spans["t0"] == (0, 2) and spans["t2"] == (1, 2)
    console = Console(width=200)
    with console.capture() as captured:
        console.print(text.full(found))
    assert "2 kernels in 1 region(s), 1.000 times the MACs of whole maps" in captured.get()
    assert "calls" in captured.get()


def test_json_text_and_page_say_it() -> None:
    found = report(chain((3, 3), keep=False))
    assert Report.from_json(json.loads(json.dumps(found.to_json()))) == found
    console = Console(width=200)
    with console.capture() as captured:
        console.print(text.full(found))
    shown = captured.get()
    assert "tiles, halos computed again" in shown and "1.389" in shown
    advice = f"r0: layer2 (3x3) costs the most halo: {28 * MACS / 1000:.3g} k MACs done again"
    assert advice in shown
    assert "a kernel of 1x1 instead of 3x3 would save" in shown
    page = html.render(found)
    assert "layer2 (3x3) costs the most halo" in page and "1.389" in page
    assert 'aria-label="memory over time"' in page


def rectangles(svg: str, kind: str) -> list[ET.Element]:
    return [r for r in ET.fromstring(svg).iter("rect") if r.attrib.get("class") == kind]


def test_maps_are_drawn_in_proportion() -> None:
    (region,) = report(chain()).regions
    svg = region_svg(region)
    whole, held, there = (rectangles(svg, kind) for kind in ("whole", "held", "map"))
    assert (len(whole), len(held), len(there)) == (3, 1, 2)
    height = float(whole[1].attrib["height"])
    assert float(held[0].attrib["height"]) == pytest.approx(height * 3 / 6, abs=0.1)
    assert svg.count('class="cut"') == 5 + 5  # the map that is given is not cut


def test_names_are_escaped_and_shortened() -> None:
    (region,) = report(chain()).regions
    renamed = replace(region.maps[0], name="<very long>" * 9)
    svg = region_svg(replace(region, maps=(renamed, *region.maps[1:])))
    ET.fromstring(svg)
    assert all(len(line) <= 28 for line in caption(renamed)) and "<very" not in svg


def test_older_values_lie_lower() -> None:
    occupants = (Occupant("b", 5, 1, 2), Occupant("a", 10, 0, 1), Occupant("c", 1, 2, 2))
    assert stacked(occupants, 3) == [[10, 0], [0, 0], [5]]
    svg = timeline_svg(Timeline(("k0", "k1", "k2"), occupants, occupants[:1]))
    drawn = ET.fromstring(svg).iter("rect")
    names = [r.attrib["data-name"] for r in drawn]
    assert names == ["b", "b", "a", "c", "b"]
    assert timeline_svg(Timeline(("k0",), (), ())) == ""


def test_plans_are_a_front_with_the_chosen_one() -> None:
    points = (
        TradePoint(900, 1.2, 1.0, 2, 9),
        TradePoint(1500, 1.05, 1.0, 1, 4),
        TradePoint(4000, 1.0, 1.0, 0, 0),
    )
    found = replace(report(chain()), tradeoff=Tradeoff(points, points[1], 2000))
    assert Report.from_json(json.loads(json.dumps(found.to_json()))) == found
    console = Console(width=120)
    with console.capture() as captured:
        console.print(text.full(found))
    assert "1.5 kB    1.050  1.000        1        4  chosen" in captured.get()
    page = html.render(found)
    assert page.count('<tr class="chosen">') == 1 and page.count('class="point"') == 3
    assert "limit 2 kB" in page and "F = 1.000: 4 kernels in 1 regions" in page


def test_captions_say_how_a_map_is_held() -> None:
    kept = RegionMap("m", 9, 8, 2, "kept", 1, 8, 16, 1.0, 1, (0,), (0, 1, 0, 8))
    assert caption(kept) == ("m", "9 x 8 x 2", "1 row, 16 B", "kept")
