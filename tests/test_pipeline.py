"""The pipeline, its switches and where passes come from."""

import importlib
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from graphopt.errors import OptionError, PassError
from graphopt.instruments import Instruments
from graphopt.ir import Graph
from graphopt.ops import Exp, Neg
from graphopt.passes import PASSES, load_pass, outside_passes, pass_class
from graphopt.pipeline import OPTIONAL, PIPELINE, run_passes, run_pipeline
from graphopt.rewrite import AnyValue, Apply, Match, Pass, Reject, RewritePass
from graphopt.text import parse_graph, print_graph

GRAPH = parse_graph("""graph g(%x: f32[2]) {
  %one: f32[] = constant(1.0)
  %0: f32[2] = mul(%x, %one)
  %1: f32[2] = relu(%0) @ ["act"]
  %2: f32[2] = relu(%1)
  %3: f32[2] = sigmoid(%2)
  %4: f32[2] = mul(%3, %2)
  return %4 as y
}""")


@pytest.mark.parametrize("name", PASSES)
def test_every_pass_is_in_the_pipeline_or_optional(name: str) -> None:
    used = {name for stage in PIPELINE for name in stage.names}
    assert (name in used) != (name in OPTIONAL)
    module, cls = PASSES[name].split(":")
    assert module == name.replace("-", "_")
    assert cls == "".join(word.capitalize() for word in name.split("-"))
    loaded = load_pass(name)
    assert loaded.name == name
    assert vars(type(loaded))["__doc__"]
    assert (Path(__file__).parent / "passes" / f"test_{module}.py").exists()


def test_every_pass_of_the_pipeline_exists() -> None:
    assert {name for stage in PIPELINE for name in stage.names} <= set(PASSES)
    assert list(PASSES) == sorted(PASSES)


def test_the_canonical_phase() -> None:
    result = run_pipeline(GRAPH, Instruments(verify="each"), stop_after="canonical")
    assert print_graph(result) == "\n".join(
        [
            "graph g(%x: f32[2]) {",
            "  %2: f32[2] = relu(%x)",
            "  %4: f32[2] = silu(%2)",
            "  return %4 as y",
            "}",
        ]
    )


def test_stopping_after_the_import_changes_nothing() -> None:
    instruments = Instruments()
    assert run_pipeline(GRAPH, instruments, stop_after="imported") is GRAPH
    assert instruments.records == []


def test_records_tell_what_each_pass_did() -> None:
    seen: list[str] = []
    instruments = Instruments(progress=seen.append)
    run_passes(GRAPH, ("eliminate-identity", "merge-clips", "fold-constants"), instruments)
    assert seen == ["eliminate-identity", "merge-clips", "fold-constants"]
    first, second, third = instruments.records
    assert (first.changed, first.rewrites, first.nodes_before, first.nodes_after) == (True, 1, 5, 4)
    assert (second.changed, second.rewrites, second.nodes_after) == (True, 1, 3)
    assert (third.changed, third.rewrites) == (False, 0)
    assert all(record.seconds > 0 for record in instruments.records)


def test_dumps_hold_each_change_as_text_that_parses(tmp_path: Path) -> None:
    folder = tmp_path / "dumps"
    run_passes(
        GRAPH,
        ("fold-constants", "eliminate-identity", "merge-clips"),
        Instruments(dump=folder),
    )
    files = sorted(folder.iterdir())
    assert [file.name for file in files] == ["001-eliminate-identity.txt", "002-merge-clips.txt"]
    head, text = files[1].read_text().split("\n", 1)
    assert head.startswith("// : merge-clips, ") and head.endswith(" ms, 4 -> 3 nodes")
    assert '%2: f32[2] = relu(%x) @ ["act"]' in text
    parse_graph(head + "\n" + text)


def test_the_environment_sets_the_switches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRAPHOPT_DUMP", str(tmp_path))
    monkeypatch.setenv("GRAPHOPT_VERIFY", "each")
    monkeypatch.setenv("GRAPHOPT_BISECT", "1")
    instruments = Instruments.from_environment()
    assert (instruments.dump, instruments.verify, instruments.bisect) == (tmp_path, "each", 1)
    result = run_passes(GRAPH, ("eliminate-identity", "merge-clips"), instruments)
    assert len(result.nodes) == 4
    assert instruments.last_permitted == "eliminate-identity at the whole graph"


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("GRAPHOPT_VERIFY", "often", "expected each, phase or off, found 'often'"),
        ("GRAPHOPT_BISECT", "-1", "expected a number, found '-1'"),
    ],
)
def test_switches_with_other_values_are_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(OptionError, match=f"{variable}: {message}"):
        Instruments.from_environment()


class BreakOrder(Pass):
    """The nodes become unordered, which is wrong."""

    name = "break-order"

    def run(self, graph: Graph) -> Graph:
        return graph.with_nodes(graph.nodes[::-1])


def test_a_pass_that_leaves_an_invalid_graph_is_named_with_those_before_it() -> None:
    with pytest.raises(PassError) as caught:
        run_passes(
            GRAPH,
            ("eliminate-identity", "fold-constants", BreakOrder()),
            Instruments(verify="each"),
        )
    assert str(caught.value) == (
        "pass break-order: left an invalid graph: mul defining %4: "
        "%3 is used before it is defined\n"
        "passes before it that changed something: eliminate-identity; "
        "set GRAPHOPT_DUMP to see each step"
    )


class BadTypes(RewritePass):
    """sigmoid(x) becomes an error of the type rules."""

    name = "bad-types"
    x = AnyValue()
    root = Apply(Exp, x)

    def rewrite(self, match: Match) -> Reject:
        match.emit(Neg(), match[self.x], match[self.x])
        return Reject("never reached")


def test_an_error_inside_a_pass_names_it(tmp_path: Path) -> None:
    graph = parse_graph("graph g(%x: f32[2]) { %0: f32[2] = exp(%x) return %0 }")
    with pytest.raises(PassError) as caught:
        run_passes(graph, (BadTypes(),), Instruments(dump=tmp_path))
    assert str(caught.value).splitlines() == [
        "pass bad-types: neg: inputs: expected 1, found 2",
        f"passes before it that changed something: none; dumps are in {tmp_path}",
    ]


def test_an_invalid_graph_is_refused_before_the_first_pass() -> None:
    with pytest.raises(Exception, match=r"mul defining %4: %3 is used before it is defined"):
        run_pipeline(BreakOrder().run(GRAPH), Instruments())


def test_reasons_of_rejected_matches_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    graph = parse_graph("""graph g(%x: f32[2]) {
      %0: f32[2] = sigmoid(%x)
      %1: f32[2] = mul(%x, %0)
      return %0, %1
    }""")
    with caplog.at_level(logging.DEBUG, "graphopt.rewrite"):
        run_passes(graph, ("recognize-silu",), Instruments())
    assert caplog.messages == [
        "recognize-silu: mul defining %1: an inner value has another use",
    ]


def test_an_unknown_pass_is_named_with_the_known_ones() -> None:
    with pytest.raises(OptionError, match=r"fuse-all: no pass has this name\n.*fold-constants"):
        load_pass("fuse-all")


OUTSIDE = '''
from graphopt.rewrite import AnyValue, Apply, RewritePass
from graphopt.ops import Neg


class NegOfNeg(RewritePass):
    """neg(neg(x)) becomes x."""

    name = "neg-of-neg"
    x = AnyValue()
    root = Apply(Neg, Apply(Neg, x))

    def rewrite(self, match):
        return match[self.x]
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed package with a pass of its own; the file that names its entry points."""
    (tmp_path / "outside_graphopt_passes.py").write_text(OUTSIDE)
    info = tmp_path / "outside-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    outside_passes.cache_clear()
    yield info / "entry_points.txt"
    outside_passes.cache_clear()
    sys.modules.pop("outside_graphopt_passes", None)


def test_passes_of_other_packages(package: Path) -> None:
    package.write_text("[graphopt.passes]\nneg-of-neg = outside_graphopt_passes:NegOfNeg\n")
    assert pass_class("neg-of-neg").__module__ == "outside_graphopt_passes"
    graph = parse_graph("""graph g(%x: f32[2]) {
      %0: f32[2] = neg(%x)
      %1: f32[2] = neg(%0)
      return %1
    }""")
    assert not run_passes(graph, ("neg-of-neg",), Instruments()).nodes


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            "fold-constants = outside_graphopt_passes:NegOfNeg",
            "the pass name 'fold-constants' is taken",
        ),
        ("other-name = outside_graphopt_passes:NegOfNeg", "expected a Pass named 'other-name'"),
        ("no-pass = outside_graphopt_passes:Neg", "expected a Pass named 'no-pass'"),
    ],
)
def test_wrong_entry_points_are_refused(package: Path, entry: str, message: str) -> None:
    package.write_text(f"[graphopt.passes]\n{entry}\n")
    with pytest.raises(OptionError, match=f"entry point outside_graphopt_passes:.*{message}"):
        outside_passes()
