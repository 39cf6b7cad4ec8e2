"""Kernels and routines of a program -> object files, or C."""

from __future__ import annotations

import json
from dataclasses import asdict

from graphopt.lower.build import Progress, compile_kernels
from graphopt.lower.cache import CodeCache, default_cache
from graphopt.lower.key import code_version, text_key
from graphopt.lower.mcu.elf import ObjectFile, read_object
from graphopt.lower.mcu.source import KernelSource
from graphopt.lower.mcu.strip import strip
from graphopt.lower.program import Program
from graphopt.lower.steps import Kernel
from graphopt.schedules.mcu.routines import routine_text
from graphopt.targets import McuTarget, Target


def build_objects(
    program: Program, cache: CodeCache | None = None, progress: Progress | None = None
) -> dict[str, ObjectFile]:
    """The object files of a program by the functions that they define, kernels first.

    TVM is imported only when the cache lacks something. `progress` is called as `build` does.

    Raises:
        BuildError: something could not be compiled, or the cache could not be used.
    """
    cache = cache or default_cache()
    kernels, _ = compile_kernels(program, cache, progress)
    objects = {kernel.symbol: kernels[kernel.key] for kernel in program.kernels}
    called = (name for kernel in program.kernels for name in kernel.plan.routines)
    for name in dict.fromkeys((*called, *program.routines)):
        objects[f"graphopt_{name}"] = _routine(name, program.target, cache)
    cache.trim()
    return {function: strip(read_object(code), function) for function, code in objects.items()}


def build_sources(
    program: Program, cache: CodeCache | None = None, progress: Progress | None = None
) -> dict[str, KernelSource]:
    """The kernels of a program in C by their symbols; otherwise like `build_objects`."""
    cache = cache or default_cache()
    texts, _ = compile_kernels(program, cache, progress, _source, "c.json")
    cache.trim()
    return {
        kernel.symbol: KernelSource(**json.loads(texts[kernel.key])) for kernel in program.kernels
    }


def _source(kernel: Kernel, program: Program) -> bytes:
    from graphopt.lower.mcu.csource import kernel_source

    assert isinstance(program.target, McuTarget)
    source = kernel_source(kernel.plan, kernel.symbol, program.target)
    return json.dumps(asdict(source)).encode()


def _routine(name: str, target: Target, cache: CodeCache) -> bytes:
    text = routine_text(name, target)
    key = f"{text_key(f'{code_version()} {target.code_text} {text}')}.o"
    content = cache.get(key)
    if content is None:
        from graphopt.lower.assembly import assemble

        content = assemble(text, f"graphopt_{name}", target)
        cache.put(key, content)
    return content
