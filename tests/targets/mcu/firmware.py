"""A model's folder written by hand: y = 3 (x + w) over eight bytes, by two calls of one kernel."""

from __future__ import annotations

import subprocess
from pathlib import Path

from graphopt.ir import DType, TensorType
from graphopt.runtime.firmware_artifact import FirmwareArtifact, save_firmware
from graphopt.runtime.manifest import CallRecord, Manifest, Port
from graphopt.targets import McuTarget
from graphopt.targets.mcu.toolchain import find
from tests.targets.mcu.cores import compile_c

HEADER = """
#ifndef TINY_H
#define TINY_H
#include <stdint.h>
#define TINY_ARENA_BYTES 20
int tiny_run(const int8_t *in, int8_t *out, void *arena);
#endif
"""
DRIVER = """
#include "tiny.h"
int32_t k_sum(const int8_t *x, const int8_t *w, int8_t *y, int32_t n);
int32_t k_scale(const int8_t *x, int8_t *y, int32_t n);
static const int8_t weights[8] = {1, 2, 3, 4, 5, 6, 7, 8};
int tiny_run(const int8_t *in, int8_t *out, void *arena) {
  int8_t *bytes = arena;
  k_sum(in, weights, bytes + 8, 8);
  k_sum(bytes + 8, weights, bytes + 8, 8);
  k_scale(bytes + 8, out, 8);
  return 0;
}
"""
KERNELS = """
#include <stdint.h>
int32_t k_sum(const int8_t *x, const int8_t *w, int8_t *y, int32_t n) {
  for (int32_t i = 0; i < n; i++) y[i] = (int8_t)(x[i] + w[i]);
  return 0;
}
int32_t k_scale(const int8_t *x, int8_t *y, int32_t n) {
  for (int32_t i = 0; i < n; i++) y[i] = (int8_t)(3 * x[i]);
  return 0;
}
int32_t k_unused(void) { return 12345678; }
"""
PORT = TensorType(DType.I8, (1, 8))


def write_firmware(
    folder: Path, target: McuTarget, driver: str = DRIVER, kernels: str = KERNELS
) -> Path:
    """The folder as compiling a model writes it: the arena of 20 bytes starts with the output."""
    built = folder.parent / f"{folder.name}-objects"
    built.mkdir()
    (built / "kernels.o").write_bytes(compile_c(target, kernels))
    ar = find(f"{target.toolchain.prefix}-ar", target.toolchain.packages)
    subprocess.run([ar, "rcsD", built / "lib.a", built / "kernels.o"], check=True)
    calls = tuple(
        CallRecord(symbol, "by-hand", location, ("add",), (), 0, 24, 8)
        for symbol, location in [("k_sum", "/first"), ("k_sum", "/second"), ("k_scale", "/third")]
    )
    manifest = Manifest(
        name="tiny",
        target=target.name,
        features=(),
        threads=1,
        inputs=(Port("x", PORT),),
        outputs=(Port("y", PORT),),
        calls=calls,
        arena_bytes=20,
        arena_lower_bound=16,
        weights_bytes=8,
        prefix="tiny",
        input_offsets=(12,),
        output_offsets=(0,),
    )
    files = {
        "tiny.h": HEADER.encode(),
        "tiny.c": driver.encode(),
        "libtiny.a": (built / "lib.a").read_bytes(),
    }
    starter = {"main.c": b"#error not for the emulator\n"}
    save_firmware(FirmwareArtifact(manifest, files, starter), folder)
    return folder
