"""Real models on emulated microcontrollers: the interpreter's bytes, within the bars."""

from __future__ import annotations

import numpy as np
import pytest

import graphopt
from graphopt.interpreter import evaluate
from graphopt.runtime.firmware import Firmware

from ..bench.mcu_bars import AD, CODE, IC, INSTRUCTIONS, KWS, MCUNET_VWW, MODELS, RAM, VWW, Bar
from ..frontend.shared_models import FOLDER
from ..targets.mcu.cores import CORES, mcu
from .feeds import real_feeds

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason=f"needs {FOLDER}")


def check(name: str, core: str, samples: int) -> Firmware:
    """The firmware, which gives the interpreter's bytes on real samples."""
    mcu(core)
    path = FOLDER / "onnx" / f"{name}.onnx"
    firmware = graphopt.compile(path, core)
    assert isinstance(firmware, Firmware)
    graph = graphopt.compile(path, stop_after="quantized")
    feeds = real_feeds(name, samples)
    found = firmware.run({key: np.stack([feed[key] for feed in feeds]) for key in feeds[0]})
    for i, feed in enumerate(feeds):
        for key, want in evaluate(graph, feed).items():
            np.testing.assert_array_equal(found[key][i].reshape(want.shape), want)
    return firmware


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("name", [KWS, AD])
def test_small_models_give_the_interpreters_bytes_in_the_memory_planned(
    name: str, core: str
) -> None:
    assert check(name, core, 2).bench(real_feeds(name, 1)[0]).arena.agree


def check_bars(firmware: Firmware, name: str, core: str) -> None:
    """Instructions, RAM and code of one inference are within the bars of the core."""
    bench = firmware.bench(real_feeds(name, 2)[0])
    assert bench.arena.agree
    assert bench.instructions <= (INSTRUCTIONS[core].get(name, Bar()).must or np.inf)
    assert bench.arena.planned_bytes <= (RAM.get(name, Bar()).must or np.inf)
    assert bench.flash.code_bytes <= (CODE.must or np.inf)


@pytest.mark.parametrize("name", [VWW, IC, MCUNET_VWW, KWS, AD])
def test_models_on_a_cortex_m7_stay_within_the_bars(name: str) -> None:
    check_bars(check(name, "cortex-m7", 2), name, "cortex-m7")


@pytest.mark.slow
@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("name", MODELS.values(), ids=list(MODELS))
def test_models_give_the_interpreters_bytes_on_many_samples(name: str, core: str) -> None:
    check_bars(check(name, core, 50), name, core)
