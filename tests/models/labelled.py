"""The labelled data of the shared models, split into samples to calibrate on and the rest."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from graphopt.ir import Array

from ..frontend.shared_models import FOLDER

SCRIPT = FOLDER / "eval_models.py"
# What the script calls the number that a model is judged by; the first that it reports counts.
MEASURES = (
    "top1", "auc", "person_auc", "speech_auc", "1nn_topic_acc", "exact_match", "acc", "psnr_x3",
    "peak_near_target", "anchors_over_0.7_per_image",
)  # fmt: skip
# These models take every so-manieth image: calibrating ones lie between those.
STRIDES = {"vit_tracker_fp32": 60, "super_resolution_espcn_fp32": 40}
# Each recording of these is run in many steps.
RECORDINGS = {"ad_autoencoder_fp32": 8, "silero_vad_step_fp32": 8}
Feed = Mapping[str, Array]
Run = Callable[[dict[str, Array]], list[Array]]


@cache
def script() -> Any:
    """The module that says how each model is fed and scored."""
    spec = importlib.util.spec_from_file_location("eval_models", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def _everything() -> Any:
    return script().Data(FOLDER / "data")


class _Part:
    """Stands in for the script's data: some of the samples, in their order."""

    def __init__(self, choose: Callable[[int], slice]) -> None:
        self._choose = choose
        self.d = _everything().d

    def npz(self, name: str) -> dict[str, Array]:
        arrays: dict[str, Array] = _everything().npz(name)
        sizes = [len(a) for a in arrays.values() if a.ndim]
        samples = max(set(sizes), key=sizes.count)
        if len(arrays) == 1 and "charset" in arrays:
            return arrays
        return {
            key: a[self._choose(samples)] if a.ndim and len(a) == samples else a
            for key, a in arrays.items()
        }

    def imagenet(self, size: int) -> tuple[Array, Array]:
        x, y = _everything().imagenet(size)
        chosen = self._choose(len(x))
        return x[chosen], y[chosen]


class Labelled:
    """One model with its labelled data.

    Calibration takes the last samples of the (shuffled) data, at most a third of them; scores are
    taken on the others only.
    """

    def __init__(self, name: str, calibrate_on: int = 64) -> None:
        self.name = name
        self.path = FOLDER / "onnx" / f"{name}.onnx"
        self._count = calibrate_on
        self._evaluate = script().REG[name]

    def score(self, run: Run, inputs: list[str], limit: int = 10**9) -> dict[str, Any]:
        """What the script measures, over the first `limit` samples that are not calibrated on."""
        kept = _Part(lambda n: slice(0, n) if self.name in STRIDES else slice(0, n - self._held(n)))

        def runner(feed: dict[str, Array]) -> list[Array]:
            return run(feed)

        runner.inputs = inputs  # type: ignore[attr-defined]
        result: dict[str, Any] = self._evaluate(runner, kept, limit)
        return result

    def measure(self, scores: Mapping[str, Any]) -> float:
        """The one number that counts."""
        if "top1_jpegset" in scores:  # two sets of images of one kind
            n, m = scores["n"], scores["n_jpegset"]
            return float((scores["top1"] * n + scores["top1_jpegset"] * m) / (n + m))
        (key,) = [key for key in MEASURES if key in scores][:1]
        value = scores[key]
        return float(sum(value) if isinstance(value, list) else value)

    def calibration(self, run: Run, inputs: list[str]) -> list[Feed]:
        """Inputs of the float model `run` on the held out samples, evenly thinned."""
        stride = STRIDES.get(self.name)
        held = _Part(lambda n: slice(stride // 2, n) if stride else slice(n - self._held(n), n))
        feeds: list[Feed] = []

        def recorder(feed: dict[str, Array]) -> list[Array]:
            feeds.append({key: np.array(array) for key, array in feed.items()})
            return run(feed)

        recorder.inputs = inputs  # type: ignore[attr-defined]
        self._evaluate(recorder, held, 10**9)
        chosen = np.linspace(0, len(feeds) - 1, min(self._count, len(feeds))).round()
        return [feeds[int(i)] for i in chosen]

    def _held(self, samples: int) -> int:
        return min(RECORDINGS.get(self.name, self._count), samples // 3)


def names() -> list[str]:
    """The float models that the script scores."""
    if not SCRIPT.is_file():
        return []
    present = {path.stem for path in Path(FOLDER / "onnx").glob("*.onnx")}
    return [name for name in script().REG if name in present and "int8" not in name]
