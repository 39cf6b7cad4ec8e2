"""Time the CPU kernels by shape: python -m tests.bench.kernels [WORD].

Prints GFLOP/s and the share of the peak that one core reaches in a loop of multiply-adds, for the
shapes whose name holds WORD. A share above 100% is possible: taps in the padding are not computed
but count. Building takes a fraction of a second for each shape.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from ctypes import CDLL, c_double, c_void_p
from pathlib import Path

import numpy as np

from graphopt import ops
from graphopt.lower.codegen import compile_kernel
from graphopt.lower.kernel import KernelPlan
from graphopt.lower.link import link
from graphopt.lower.testing import Region, RegionBuilder
from graphopt.rewrite import Reject
from graphopt.runtime.arrays import aligned
from graphopt.runtime.library import Library
from graphopt.schedules.cpu import SCHEDULES
from graphopt.targets import load_target

SECONDS = 0.3
PEAK = r"""
#include <immintrin.h>
#include <time.h>
double peak(void) {
  __m256 a[12], x = _mm256_set1_ps(0.5f), y = _mm256_set1_ps(0.25f);
  double best = 0;
  for (int i = 0; i < 12; i++) a[i] = x;
  for (int r = 0; r < 2000; r++) {
    struct timespec s, e;
    clock_gettime(CLOCK_MONOTONIC, &s);
    for (int k = 0; k < 2000; k++) {
      for (int i = 0; i < 12; i++) a[i] = _mm256_fmadd_ps(a[i], x, y);
      for (int i = 0; i < 12; i++) __asm__ volatile("" : : "x"(a[i]));
    }
    clock_gettime(CLOCK_MONOTONIC, &e);
    double t = (e.tv_sec - s.tv_sec) + (e.tv_nsec - s.tv_nsec) * 1e-9;
    double rate = 2000.0 * 12 * 8 * 2 / t;
    if (rate > best) best = rate;
  }
  return best;
}
"""


def measured_peak() -> float:
    """FLOP/s of one core in a loop of 256-bit multiply-adds; needs a C compiler."""
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder) / "peak.c", Path(folder) / "peak.so"
        source.write_text(PEAK)
        flags = ["-O2", "-mavx2", "-mfma", "-funroll-loops", "-shared", "-fPIC"]
        subprocess.run(["cc", *flags, "-o", str(library), str(source)], check=True)
        peak = CDLL(str(library)).peak
    peak.restype = c_double
    return float(peak())


def conv(
    size: int, ins: int, outs: int, kernel: int = 1, stride: int = 1, groups: int = 1
) -> Region:
    """A convolution of a square NHWC image with padding, bias and relu."""
    build = RegionBuilder()
    op = ops.Conv((stride,) * 2, (kernel // 2,) * 4, (1, 1), groups, "NHWC")
    weights = build.constant(outs, ins // groups, kernel, kernel)
    y = build.apply(op, build.input(1, size, size, ins), weights, build.constant(outs))
    return build.region(build.apply(ops.Relu(), y))


def product(rows: int, depth: int, columns: int) -> Region:
    """A product with a constant matrix, and a bias."""
    build = RegionBuilder()
    y = build.apply(ops.MatMul(), build.input(rows, depth), build.constant(depth, columns))
    return build.region(build.apply(ops.Add(), y, build.constant(columns)))


def attention(heads: int, rows: int, depth: int) -> Region:
    """Scores of queries against keys."""
    build = RegionBuilder()
    queries, keys = (build.input(heads, rows, depth) for _ in range(2))
    return build.region(build.apply(ops.MatMul(transpose_b=True), queries, keys))


def shapes() -> dict[str, Region]:
    """Layers of ResNet-50, MobileNetV2, EfficientNet and small transformers."""
    result = {
        "stem 7x7/2 3->64 @224": conv(224, 3, 64, 7, 2),
        "stem 3x3/2 3->32 @224": conv(224, 3, 32, 3, 2),
        "3x3/2 128->128 @56": conv(56, 128, 128, 3, 2),
        "1x1/2 256->512 @56": conv(56, 256, 512, 1, 2),
        "depthwise 5x5 240 @28": conv(28, 240, 240, 5, 1, 240),
        "attention 12x128x128x64": attention(12, 128, 64),
    }
    for size, channels in ((56, 64), (28, 128), (14, 256), (7, 512)):
        result[f"3x3 {channels}->{channels} @{size}"] = conv(size, channels, channels, 3)
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
        result[f"1x1 {ins}->{outs} @{size}"] = conv(size, ins, outs)
    for size, channels, stride in ((112, 32, 1), (112, 96, 2), (56, 144, 1), (14, 384, 1)):
        name = f"depthwise 3x3/{stride} {channels} @{size}"
        result[name] = conv(size, channels, channels, 3, stride, channels)
    for rows, depth, columns in (
        (128, 384, 1536),
        (128, 1536, 384),
        (32, 384, 384),
        (1, 1280, 1000),
    ):
        result[f"matmul {rows}x{depth}x{columns}"] = product(rows, depth, columns)
    return result


def runner(region: Region) -> tuple[KernelPlan, Callable[[], int]]:
    """The plan of the first schedule that takes `region`, and a call of its kernel."""
    target = load_target()
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


def main(word: str) -> None:
    """Print a line for each shape."""
    peak = measured_peak()
    print(f"peak of one core: {peak / 1e9:.1f} GFLOP/s (256-bit)")
    for name, region in shapes().items():
        if word not in name:
            continue
        start = time.perf_counter()
        plan, call = runner(region)
        built = time.perf_counter() - start
        seconds = best_seconds(call)
        rate = 2 * region.graph.macs / seconds
        print(
            f"{name:28} {plan.schedule:17} {seconds * 1e6:8.0f} us {rate / 1e9:7.1f} GFLOP/s "
            f"{rate / peak:5.0%}  built in {built:.2f} s"
        )


if __name__ == "__main__":
    main(" ".join(sys.argv[1:]))
