"""Find the first rewrite that changes what a graph computes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from graphopt.errors import VerifyError
from graphopt.instruments import Instruments
from graphopt.interpreter import evaluate
from graphopt.ir import Array, Graph
from graphopt.pipeline import run_passes, run_pipeline
from graphopt.rewrite import Pass
from graphopt.verify import verify


@dataclass(frozen=True)
class BadRewrite:
    """The first rewrite after which the graph is invalid or computes something else."""

    number: int
    rewrite: str
    problem: str


def bisect(
    graph: Graph,
    inputs: Mapping[str, Array],
    passes: Iterable[str | Pass] | None = None,
    tolerance: float = 1e-4,
) -> BadRewrite | None:
    """Search the rewrites of `passes` (None: of the whole pipeline) for the first bad one.

    Args:
        graph: an imported graph.
        inputs: arrays by input name; both graphs run on them in the interpreter.
        tolerance: largest difference that counts as equal, relative to the largest
            magnitude of each output.

    Returns:
        None when all rewrites together keep the meaning.
    """
    chosen = None if passes is None else tuple(passes)
    expected = evaluate(graph, inputs)

    def outcome(limit: int | None) -> tuple[str | None, Instruments]:
        instruments = Instruments(verify="off", bisect=limit)
        if chosen is None:
            result = run_pipeline(graph, instruments)
        else:
            result = run_passes(graph, chosen, instruments)
        return _problem(result, inputs, expected, tolerance), instruments

    problem, everything = outcome(None)
    if problem is None:
        return None
    good, bad = 0, everything.permitted
    while bad - good > 1:
        middle = (good + bad) // 2
        if outcome(middle)[0] is None:
            good = middle
        else:
            bad = middle
    problem, at = outcome(bad)
    return BadRewrite(bad, at.last_permitted, problem or "the failure did not repeat")


def _problem(
    graph: Graph, inputs: Mapping[str, Array], expected: Mapping[str, Array], tolerance: float
) -> str | None:
    try:
        verify(graph)
    except VerifyError as error:
        return str(error)
    found = evaluate(graph, inputs)
    for name, want in expected.items():
        got = found[name]
        if got.shape != want.shape or got.dtype != want.dtype:
            return (
                f"output {name}: expected {want.dtype}{list(want.shape)}, "
                f"found {got.dtype}{list(got.shape)}"
            )
        wide, other = want.astype(np.float64), got.astype(np.float64)
        scale = float(np.max(np.abs(wide[np.isfinite(wide)]), initial=0.0))
        if not np.allclose(other, wide, rtol=0, atol=tolerance * scale, equal_nan=True):
            worst = float(np.nanmax(np.abs(other - wide)))
            return f"output {name}: expected within {tolerance:g} of the largest, off by {worst:g}"
    return None
