"""Time the CPU kernels by shape: python -m tests.bench.kernels [f32|i8|i4|i2|i16 [WORD]].

Prints operations per second and the share of the peak that one core reaches in a loop of such steps
(multiply-adds of f32, or of pairs of 16-bit integers for weights of any integer type), for the
shapes whose name holds WORD. A share above 100% is possible: taps in the padding are not computed
but count, Winograd's algorithm needs fewer products, and narrow weights other steps. Building takes
a fraction of a second for each shape.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from ctypes import CDLL, c_double, c_void_p
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from graphopt import ops
from graphopt.ir import DType, Value
from graphopt.lower.codegen import compile_kernel
from graphopt.lower.kernel import KernelPlan
from graphopt.lower.link import link
from graphopt.lower.testing import Region, RegionBuilder
from graphopt.rewrite import Reject
from graphopt.runtime.arrays import aligned
from graphopt.runtime.library import Library
from graphopt.schedules.cpu import SCHEDULES
from graphopt.targets import load_cpu

SECONDS = 0.3
LOOP = r"""
#include <immintrin.h>
#include <time.h>
double NAME(void) {
  TYPE a[12], x = ONE, y = ONE;
  double best = 0;
  for (int i = 0; i < 12; i++) a[i] = x;
  for (int r = 0; r < 2000; r++) {
    struct timespec s, e;
    clock_gettime(CLOCK_MONOTONIC, &s);
    for (int k = 0; k < 2000; k++) {
      __asm__ volatile("" : "+x"(x));
      for (int i = 0; i < 12; i++) a[i] = STEP;
      for (int i = 0; i < 12; i++) __asm__ volatile("" : : "x"(a[i]));
    }
    clock_gettime(CLOCK_MONOTONIC, &e);
    double t = (e.tv_sec - s.tv_sec) + (e.tv_nsec - s.tv_nsec) * 1e-9;
    double rate = 2000.0 * 12 * 2 * PRODUCTS / t;
    if (rate > best) best = rate;
  }
  return best;
}
"""
# One step of a sum by 256-bit vectors: in f32, and of pairs of 16-bit integers.
STEPS = {
    "f32": {
        "TYPE": "__m256",
        "ONE": "_mm256_set1_ps(0.5f)",
        "STEP": "_mm256_fmadd_ps(a[i], x, y)",
        "PRODUCTS": "8",
    },
    "i16": {
        "TYPE": "__m256i",
        "ONE": "_mm256_set1_epi16(1)",
        "STEP": "_mm256_add_epi32(a[i], _mm256_madd_epi16(x, y))",
        "PRODUCTS": "16",
    },
}


def measured_peak(kind: str) -> float:
    """Operations per second of one core in a loop of such steps; needs a C compiler."""
    text = LOOP.replace("NAME", "peak")
    for word, meaning in STEPS[kind].items():
        text = text.replace(word, meaning)
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder) / "peak.c", Path(folder) / "peak.so"
        source.write_text(text)
        flags = ["-O2", "-mavx2", "-mfma", "-funroll-loops", "-shared", "-fPIC"]
        subprocess.run(["cc", *flags, "-o", str(library), str(source)], check=True)
        peak = CDLL(str(library)).peak
    peak.restype = c_double
    return float(peak())


@dataclass(frozen=True)
class Layer:
    """One product, of floats or of integers: `weights` is their type, or that of everything."""

    weights: DType

    def conv(
        self, size: int, ins: int, outs: int, kernel: int = 1, stride: int = 1, groups: int = 1
    ) -> Region:
        """A convolution of a square NHWC image with padding, bias and relu or requantization."""
        build = RegionBuilder()
        op = ops.Conv((stride,) * 2, (kernel // 2,) * 4, (1, 1), groups, "NHWC")
        x = build.input(1, size, size, ins, dtype=self._inputs)
        w = build.constant(outs, ins // groups, kernel, kernel, dtype=self.weights)
        y = build.apply(op, x, w, build.constant(outs, dtype=op.infer(x.type, w.type)[0].dtype))
        return build.region(self._finished(build, y))

    def product(self, rows: int, depth: int, columns: int) -> Region:
        """A product with a constant matrix, and a bias."""
        build = RegionBuilder()
        x = build.input(rows, depth, dtype=self._inputs)
        w = build.constant(depth, columns, dtype=self.weights)
        y = build.apply(ops.MatMul(), x, w)
        y = build.apply(ops.Add(), y, build.constant(columns, dtype=y.type.dtype))
        return build.region(self._finished(build, y))

    @property
    def _inputs(self) -> DType:
        return DType.U8 if self.weights.is_integer else self.weights

    def _finished(self, build: RegionBuilder, y: Value) -> Value:
        if self.weights.is_float:
            return build.apply(ops.Relu(), y)
        multiplier = build.given(np.full(y.type.dims[-1], 1 << 20, np.int32))
        y = build.apply(ops.Rescale(), y, multiplier, build.given(np.array([9], np.int32)))
        return build.apply(ops.Cast(DType.U8), build.apply(ops.Clip(0, 255), y))


def attention(heads: int, rows: int, depth: int) -> Region:
    """Scores of queries against keys."""
    build = RegionBuilder()
    queries, keys = (build.input(heads, rows, depth) for _ in range(2))
    return build.region(build.apply(ops.MatMul(transpose_b=True), queries, keys))


def shapes(layer: Layer) -> dict[str, Region]:
    """Layers of ResNet-50, MobileNetV2, EfficientNet and small transformers."""
    result = {
        "stem 7x7/2 3->64 @224": layer.conv(224, 3, 64, 7, 2),
        "stem 3x3/2 3->32 @224": layer.conv(224, 3, 32, 3, 2),
        "3x3/2 128->128 @56": layer.conv(56, 128, 128, 3, 2),
        "1x1/2 256->512 @56": layer.conv(56, 256, 512, 1, 2),
        "depthwise 5x5 240 @28": layer.conv(28, 240, 240, 5, 1, 240),
    }
    if layer.weights.is_float:
        result["attention 12x128x128x64"] = attention(12, 128, 64)
    for size, channels in ((56, 64), (28, 128), (14, 256), (7, 512)):
        result[f"3x3 {channels}->{channels} @{size}"] = layer.conv(size, channels, channels, 3)
    for size, ins, outs in (
        (56, 64, 256),
        (56, 256, 64),
        (14, 1024, 256),
        (7, 2048, 512),
        (112, 16, 96),
        (56, 24, 144),
        (14, 96, 576),
        (7, 160, 960),
        (7, 320, 1280),
    ):
        result[f"1x1 {ins}->{outs} @{size}"] = layer.conv(size, ins, outs)
    for size, channels, stride in ((112, 32, 1), (112, 96, 2), (56, 144, 1), (14, 384, 1)):
        name = f"depthwise 3x3/{stride} {channels} @{size}"
        result[name] = layer.conv(size, channels, channels, 3, stride, channels)
    for rows, depth, columns in (
        (128, 384, 1536),
        (128, 1536, 384),
        (32, 384, 384),
        (1, 1280, 1000),
    ):
        result[f"matmul {rows}x{depth}x{columns}"] = layer.product(rows, depth, columns)
    return result


def runner(region: Region) -> tuple[KernelPlan, Callable[[], int]]:
    """The plan of the first schedule that takes `region`, and a call of its kernel."""
    target = load_cpu()
    plans = (s.plan(region.graph, target, region.constants) for s in SCHEDULES)
    plan = next(plan for plan in plans if not isinstance(plan, Reject))
    library = Library(link([compile_kernel(plan.build(), "k", target)]), 1)
    inputs = region.random_inputs()
    arrays = [plan.packs[i](a) if i in plan.packs else a for i, a in enumerate(inputs)]
    arrays += [np.zeros(v.type.dims, v.type.dtype.numpy) for v in region.graph.outputs]
    arrays += [np.zeros(plan.scratch_bytes, np.uint8)] if plan.scratch_bytes else []
    placed = [aligned(array.nbytes) for array in arrays]
    for memory, array in zip(placed, arrays, strict=True):
        memory[:] = np.ascontiguousarray(array).reshape(-1).view(np.uint8)

    def call() -> int:
        # Holds the library and the arrays, which must live as long as this function.
        return library.function("k")(*(c_void_p(memory.ctypes.data) for memory in placed))

    return plan, call


def best_seconds(call: Callable[[], int]) -> float:
    """The shortest of many calls."""
    times: list[float] = []
    end = time.perf_counter() + SECONDS
    while len(times) < 5 or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def main(weights: str = "f32", word: str = "") -> None:
    """Print a line for each shape."""
    dtype = DType(weights)
    peak = measured_peak("f32" if dtype.is_float else "i16")
    unit = "GFLOP/s" if dtype.is_float else "GOP/s"
    print(f"peak of one core: {peak / 1e9:.1f} {unit} (256-bit)")
    for name, region in shapes(Layer(dtype)).items():
        if word not in name:
            continue
        start = time.perf_counter()
        plan, call = runner(region)
        built = time.perf_counter() - start
        seconds = best_seconds(call)
        rate = 2 * region.graph.macs / seconds
        print(
            f"{name:28} {plan.schedule:17} {seconds * 1e6:8.0f} us {rate / 1e9:7.1f} {unit} "
            f"{rate / peak:5.0%}  built in {built:.2f} s"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
