"""Kernels and routines of a program -> object files."""

from __future__ import annotations

from graphopt.lower.build import Progress, compile_kernels
from graphopt.lower.cache import CodeCache, default_cache
from graphopt.lower.key import code_version, text_key
from graphopt.lower.program import Program
from graphopt.schedules.mcu.routines import routine_text
from graphopt.targets import Target


def build_objects(
    program: Program, cache: CodeCache | None = None, progress: Progress | None = None
) -> dict[str, bytes]:
    """The object files of a program by the functions that they define, kernels first.

    TVM is imported only when the cache lacks something. `progress` is called as `build` does.

    Raises:
        BuildError: something could not be compiled, or the cache could not be used.
    """
    cache = cache or default_cache()
    kernels, _ = compile_kernels(program, cache, progress)
    objects = {kernel.symbol: kernels[kernel.key] for kernel in program.kernels}
    routines = dict.fromkeys(name for kernel in program.kernels for name in kernel.plan.routines)
    for name in routines:
        objects[f"graphopt_{name}"] = _routine(name, program.target, cache)
    cache.trim()
    return objects


def _routine(name: str, target: Target, cache: CodeCache) -> bytes:
    text = routine_text(name, target)
    key = f"{text_key(f'{code_version()} {target.code_text} {text}')}.o"
    content = cache.get(key)
    if content is None:
        from graphopt.lower.assembly import assemble

        content = assemble(text, f"graphopt_{name}", target)
        cache.put(key, content)
    return content
