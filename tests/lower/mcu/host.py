"""Run firmware as C on this machine, under sanitizers that end it at the first mistake."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from graphopt.ir import Array
from graphopt.runtime.firmware import Firmware

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")
_SANITIZED = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
# Memory starts where no more than the promised alignment holds, and ends where it is too small.
_MAIN = """
#include "{prefix}.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct stream {{
    unsigned char *rows;
    size_t row_bytes;
    int next;
}};

int next_rows(void *ctx, int8_t *rows, int first, int count);
int next_rows(void *ctx, int8_t *rows, int first, int count)
{{
    struct stream *stream = ctx;

    if (first < stream->next) {{
        abort(); /* rows come once and in order */
    }}
    stream->next = first + count;
    memcpy(rows, stream->rows + first * stream->row_bytes, count * stream->row_bytes);
    return 0;
}}

int put_rows(void *ctx, const int8_t *rows, int first, int count);
int put_rows(void *ctx, const int8_t *rows, int first, int count)
{{
    struct stream *stream = ctx;

    if (first != stream->next) {{
        abort();
    }}
    stream->next = first + count;
    memcpy(stream->rows + first * stream->row_bytes, rows, count * stream->row_bytes);
    return 0;
}}

static unsigned char *memory(size_t nbytes)
{{
    return (unsigned char *)malloc(nbytes + 4) + 4;
}}

int main(void)
{{
    void *arena = memory({macro}_ARENA_BYTES);
    void *in[{inputs}], *out[{outputs}];
    const size_t in_bytes[] = {{ {in_bytes} }}, out_bytes[] = {{ {out_bytes} }};

    for (int i = 0; i < {inputs}; i++) {{
        in[i] = memory(in_bytes[i]);
    }}
    for (int i = 0; i < {outputs}; i++) {{
        out[i] = memory(out_bytes[i]);
    }}
    for (;;) {{
        {streams}

        for (int i = 0; i < {inputs}; i++) {{
            if (fread(in[i], 1, in_bytes[i], stdin) != in_bytes[i]) {{
                return 0;
            }}
        }}
        if ({prefix}_run({arguments}, arena) != 0) {{
            return 1;
        }}
        for (int i = 0; i < {outputs}; i++) {{
            fwrite(out[i], 1, out_bytes[i], stdout);
        }}
    }}
}}
"""


def host_compiler(name: str) -> str:
    """The path of a compiler of this machine, or a skipped test."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"needs {name}")
    return found


def run_on_host(
    firmware: Firmware, samples: Sequence[Mapping[str, Array]], compiler: str, folder: Path
) -> list[dict[str, Array]]:
    """The outputs for each sample, from the firmware's sources compiled here."""
    firmware.save(folder / "out")
    manifest = firmware.manifest
    arguments: list[str] = []
    streams: list[str] = []
    for memory, callback, ports in (
        ("in", "next_rows", manifest.inputs),
        ("out", "put_rows", manifest.outputs),
    ):
        for i, port in enumerate(ports):
            stream = f"{memory}_stream{i}"
            if port.streamed:
                row = f"{{ {memory}[{i}], {port.row_bytes}, 0 }}"
                streams.append(f"struct stream {stream} = {row};")
            arguments.append(f"{callback}, &{stream}" if port.streamed else f"{memory}[{i}]")
    text = _MAIN.format(
        prefix=manifest.prefix,
        macro=manifest.prefix.upper(),
        inputs=len(manifest.inputs),
        outputs=len(manifest.outputs),
        in_bytes=", ".join(str(port.type.nbytes) for port in manifest.inputs),
        out_bytes=", ".join(str(port.type.nbytes) for port in manifest.outputs),
        arguments=", ".join(arguments),
        streams=" ".join(streams),
    )
    (folder / "run.c").write_text(text)
    sources = [path for path in sorted((folder / "out").glob("*.[cS]")) if path.name != "main.c"]
    command: list[str | Path] = [host_compiler(compiler), *STRICT, *_SANITIZED]
    command += ["-I", folder / "out", *sources, folder / "run.c", "-o", folder / "run"]
    subprocess.run(command, check=True)
    given = b"".join(
        np.ascontiguousarray(sample[port.name]).tobytes()
        for sample in samples
        for port in manifest.inputs
    )
    # The program ends with its memory; that it is not freed is no mistake of the model's.
    settings = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
    done = subprocess.run(
        [folder / "run"], input=given, capture_output=True, check=False, env=settings
    )
    assert done.returncode == 0, done.stderr.decode()[:4000]
    return [_outputs(firmware, done.stdout, number) for number in range(len(samples))]


def _outputs(firmware: Firmware, content: bytes, number: int) -> dict[str, Array]:
    ports = firmware.manifest.outputs
    start = number * sum(port.type.nbytes for port in ports)
    found: dict[str, Array] = {}
    for port in ports:
        array = np.frombuffer(content, port.type.dtype.numpy, port.type.elements, start)
        found[port.name] = array.reshape(port.type.dims)
        start += port.type.nbytes
    return found
