"""Program -> shared library: compile what the cache lacks, on all cores, and link."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from graphopt.errors import BuildError
from graphopt.lower.cache import CodeCache, default_cache
from graphopt.lower.key import code_version, text_key
from graphopt.lower.link import link
from graphopt.lower.program import Program
from graphopt.lower.steps import Call, Kernel

Progress = Callable[[int, int], None]
Compile = Callable[[Kernel, Program], bytes]


@dataclass(frozen=True)
class Built:
    """A linked program; `compiled` counts the kernels that the cache did not have."""

    library: bytes
    compiled: int


def build(
    program: Program, cache: CodeCache | None = None, progress: Progress | None = None
) -> Built:
    """Compile and link a program. TVM is imported only when something has to be compiled.

    Args:
        progress: called with (kernels done, kernels to compile) after each, from any thread.

    Raises:
        BuildError: a kernel could not be compiled or the cache could not be used.
    """
    cache = cache or default_cache()
    name = f"{text_key(_description(program))}.so"
    library = cache.get(name)
    if library is not None:
        return Built(library, 0)
    objects, compiled = compile_kernels(program, cache, progress)
    library = link([_entry(program), *objects.values()])
    cache.put(name, library)
    cache.trim()
    return Built(library, compiled)


def compile_kernels(
    program: Program,
    cache: CodeCache,
    progress: Progress | None = None,
    compile_one: Compile | None = None,
    suffix: str = "o",
) -> tuple[dict[str, bytes], int]:
    """The object files of a program's kernels by key, in the order of their first calls.

    With `compile_one`, what that makes of each kernel, kept as a file with `suffix`. Also says how
    many of them the cache did not have. Raises as `build`.
    """
    make = compile_one or _compile

    def kept(kernel: Kernel) -> bytes:
        content = make(kernel, program)
        cache.put(f"{kernel.key}.{suffix}", content)
        return content

    found = {kernel.key: cache.get(f"{kernel.key}.{suffix}") for kernel in program.kernels}
    missing = [kernel for kernel in program.kernels if found[kernel.key] is None]
    compiled = _compile_all(missing, kept, progress)
    objects = {key: content or compiled[key] for key, content in found.items()}
    return objects, len(missing)


def _description(program: Program) -> str:
    sizes = [[v.type.nbytes for v in vs] for vs in (program.graph.inputs, program.graph.outputs)]
    steps = [
        (step.kernel.key, *map(str, step.arguments)) if isinstance(step, Call) else str(step)
        for step in program.steps
    ]
    return repr((code_version(), program.target.code_text, sizes, steps))


def _compile_all(
    kernels: list[Kernel], compile_one: Callable[[Kernel], bytes], progress: Progress | None
) -> dict[str, bytes]:
    objects: dict[str, bytes] = {}
    # TVM and LLVM release the interpreter lock, so threads use all cores.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for kernel, content in zip(kernels, pool.map(compile_one, kernels), strict=True):
            objects[kernel.key] = content
            if progress is not None:
                progress(len(objects), len(kernels))
    return objects


def _compile(kernel: Kernel, program: Program) -> bytes:
    from graphopt.lower.codegen import compile_kernel

    plan = kernel.plan
    function: Any = plan.build()
    buffers = len(plan.region.inputs) + len(plan.region.outputs) + (plan.scratch_bytes > 0)
    expected = buffers + len(plan.sizes)
    if len(function.params) != expected:
        raise BuildError(
            f"kernel of schedule {plan.schedule}",
            f"parameters: expected {expected}, found {len(function.params)}",
        )
    return compile_kernel(function, kernel.symbol, program.target, noalias=plan.noalias)


def _entry(program: Program) -> bytes:
    from graphopt.lower.codegen import compile_kernel
    from graphopt.lower.entry import entry_function

    return compile_kernel(entry_function(program), "graphopt_main", program.target, noalias=False)
