"""The phases, and the one literal list of passes that each runs."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from graphopt.errors import GraphoptError, PassError, PlanError
from graphopt.instruments import Instruments, using
from graphopt.ir import Graph
from graphopt.passes import load_pass
from graphopt.rewrite import Pass, RewritePass

Phase = Literal["imported", "canonical", "quantized", "fused", "placed", "lowered", "built"]
PHASES: tuple[Phase, ...] = (
    "imported",
    "canonical",
    "quantized",
    "fused",
    "placed",
    "lowered",
    "built",
)
MAX_ROUNDS = 100
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Stage:
    """The passes of one phase, in order; with `repeat`, again until none changes anything.

    A tuple among the passes is repeated in the same way by itself.
    """

    phase: Phase
    passes: tuple[str | tuple[str, ...], ...]
    repeat: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """All passes of the stage, once each time that they are listed."""
        return tuple(
            name for each in self.passes for name in ((each,) if isinstance(each, str) else each)
        )


# Each moves one kind of node past another, so that long chains take turns.
SINK: tuple[str, ...] = (
    "merge-reshapes",
    "merge-transposes",
    "fold-transpose-into-matmul",
    "fold-transpose-into-weights",
    "simplify-transposes",
    "sink-transposes",
    "sink-transposes-past-reshape",
    "unite-transposes",
    "sink-reshapes",
    "sink-reshapes-past-matmul",
    "sink-reshapes-past-reduction",
    "sink-reshapes-past-slice",
    "eliminate-identity",
)
# Dequantization moves down and quantization up, until they meet or a float operator keeps them
# apart; what they passed computes on integers.
INTEGERS: tuple[str, ...] = (
    "type-quantizers",
    "eliminate-retypes",
    "sink-clips-past-encode",
    "hoist-encodes",
    "requantize-decoded",
    # Whole functions, before their parts change the scale.
    "integer-lookup",
    "integer-products",
    "integer-bias",
    "integer-add",
    "integer-mul",
    "integer-pool",
    "integer-select",
    "integer-prelu",
    "integer-resize",
    "integer-softmax",
    "integer-layer-norm",
    "sink-decodes",
)
PIPELINE: tuple[Stage, ...] = (
    Stage(
        "canonical",
        (
            "fold-constants",
            "eliminate-identity",
            "merge-common-subexpressions",
            "simplify-pow",
            "canonicalize-subtractions",
            "canonicalize-divisions",
            "canonicalize-reciprocals",
            "canonicalize-bounds",
            "merge-slices",
            "merge-clips",
            # Recognition comes before what folds or moves parts of the patterns.
            "recognize-layer-norm",
            "recognize-gelu",
            "recognize-silu",
            "recognize-hard-sigmoid",
            "recognize-hard-swish",
            "recognize-depth-to-space",
            "recognize-global-pool",
            "merge-constant-inputs",
            "lift-conv1d",
            "sink-expands",
            "eliminate-expand",
            "sink-pads",
            "eliminate-requantization",
            "fold-pad-into-conv",
            "fold-pad-into-pool",
            "hoist-matmul-scale",
            "distribute-scale",
            "fold-scale-into-conv",
            "fold-scale-into-matmul",
            "fold-bias",
            "fold-input-bias",
            "fold-input-scale",
            SINK,
            "eliminate-dead-code",
        ),
        repeat=True,
    ),
    Stage(
        "quantized",
        (
            INTEGERS,
            "fold-constants",
            "merge-common-subexpressions",
            "eliminate-dead-code",
        ),
    ),
    Stage(
        "fused",
        (
            # Weights are kept as integers up to here, for the passes that make integers of floats.
            "fold-decoded-constants",
            "spell-out-quantization",
            "fold-zero-points",
            "merge-integer-offsets",
            "merge-integer-clips",
            # Pairs of quantize and dequantize first, before they are taken apart.
            "legalize-rounding",
            "legalize-quantization",
            "fuse-parallel-matmuls",
            "fuse-parallel-convs",
            "assign-layout",
            SINK,
            # Padding that a transpose kept from its convolution.
            "fold-pad-into-conv",
            "fold-constants",
            "merge-common-subexpressions",
            "eliminate-dead-code",
            # What is equal was merged; these copies stay.
            "duplicate-widenings",
            # Regions are what the kernels are made of: nothing may change inside them.
            "fuse-regions",
            "order-nodes",
        ),
    ),
)
OPTIONAL: tuple[str, ...] = (
    "equalize-channels",
    "insert-quantizers",
    "integer-interface",
    "patch-regions",
)


def run_pipeline(
    graph: Graph,
    instruments: Instruments,
    stop_after: Phase = "fused",
    start_after: Phase = "imported",
) -> Graph:
    """Take a graph from the end of phase `start_after` up to the end of `stop_after`.

    Raises:
        PassError: a pass failed or left an invalid graph; names it and the ones before it.
    """
    with using(instruments):
        instruments.after_phase(start_after, graph)
        for stage in PIPELINE:
            if PHASES.index(stage.phase) <= PHASES.index(start_after):
                continue
            if PHASES.index(stage.phase) > PHASES.index(stop_after):
                break
            graph = _run_stage(graph, stage, instruments)
            instruments.after_phase(stage.phase, graph)
    return graph


def run_passes(graph: Graph, passes: Iterable[str | Pass], instruments: Instruments) -> Graph:
    """Run passes by name or as objects, in the order given.

    Raises:
        PassError: a pass failed or left an invalid graph; names it and the ones before it.
        PlanError: a pass was given a plan that does not fit.
    """
    with using(instruments):
        for each in passes:
            graph = _run_pass(
                graph, each if isinstance(each, Pass) else load_pass(each), "", instruments
            )
    return graph


def _run_stage(graph: Graph, stage: Stage, instruments: Instruments) -> Graph:
    loaded = {name: load_pass(name) for name in stage.names}

    def once(graph: Graph, passes: tuple[str | tuple[str, ...], ...]) -> Graph:
        for each in passes:
            if isinstance(each, tuple):
                graph = repeated(graph, each)
            else:
                graph = _run_pass(graph, loaded[each], stage.phase, instruments)
        return graph

    def repeated(graph: Graph, passes: tuple[str | tuple[str, ...], ...]) -> Graph:
        for _ in range(MAX_ROUNDS):
            before = graph
            graph = once(graph, passes)
            if graph is before:
                return graph
        log.warning("%s: still changing after %d rounds", stage.phase, MAX_ROUNDS)
        return graph

    return repeated(graph, stage.passes) if stage.repeat else once(graph, stage.passes)


def _run_pass(graph: Graph, each: Pass, phase: str, instruments: Instruments) -> Graph:
    earlier = [record.name for record in instruments.records if record.changed]
    with instruments.observe(each.name, phase, graph) as record:
        try:
            result = each.run(graph)
            if result is not graph and not isinstance(each, RewritePass):
                result = result if instruments.permit(each.name, "the whole graph") else graph
            record.changed = result is not graph
        except (PassError, PlanError):  # plans are the user's
            raise
        except GraphoptError as error:
            raise PassError(
                f"pass {each.name}", str(error), _advice(earlier, instruments)
            ) from error
    try:
        instruments.after_pass(record, result)
    except GraphoptError as error:
        raise PassError(
            f"pass {each.name}", f"left an invalid graph: {error}", _advice(earlier, instruments)
        ) from error
    return result


def _advice(earlier: Sequence[str], instruments: Instruments) -> str:
    before = ", ".join(earlier) or "none"
    where = (
        f"dumps are in {instruments.dump}"
        if instruments.dump
        else "set GRAPHOPT_DUMP to see each step"
    )
    return f"passes before it that changed something: {before}; {where}"
