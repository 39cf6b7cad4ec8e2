"""A compiled model runs as promised: names, types, memory, threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from graphopt.errors import InputError
from graphopt.lower.build import build
from graphopt.lower.cache import CodeCache
from graphopt.lower.kernel import Schedule
from graphopt.lower.lowering import lower_program
from graphopt.lower.package import package
from graphopt.runtime.model import Model
from graphopt.targets import Target, load_target
from graphopt.text import parse_graph

TEXT = """
graph g(%x: f32[2,3], %y: f32[2,3]) {
  %0: f32[2,3] = fused(%x, %y)
    region r(%a: f32[2,3], %b: f32[2,3]) { %s: f32[2,3] = add(%a, %b) return %s }
  %1: f32[2,3] = fused(%0, %y)
    region r(%a: f32[2,3], %b: f32[2,3]) { %s: f32[2,3] = add(%a, %b) return %s }
  return %1 as "sum of three"
}"""


def compiled(schedule: Schedule[Target], cache: CodeCache, threads: int = 1) -> Model:
    program = lower_program(parse_graph(TEXT), load_target("cpu", threads), [schedule])
    return Model(package(program, build(program, cache)))


@pytest.fixture
def model(sum_schedule: Schedule[Target], code_cache: CodeCache) -> Model:
    return compiled(sum_schedule, code_cache)


X = np.arange(6, dtype=np.float32).reshape(2, 3)
Y = np.full((2, 3), 10, np.float32)


def test_runs_by_name_and_by_position(model: Model) -> None:
    np.testing.assert_array_equal(model.run({"y": Y, "x": X})["sum of three"], X + 20)
    np.testing.assert_array_equal(model(X, Y), X + 20)


def test_inputs_are_left_alone_and_outputs_are_fresh(model: Model) -> None:
    x = X.copy()
    first, second = model(x, Y), model(x, Y)
    assert isinstance(first, np.ndarray) and isinstance(second, np.ndarray)
    assert not np.shares_memory(first, second)
    np.testing.assert_array_equal(x, X)
    assert first.ctypes.data % 64 == 0


def test_any_strides_and_alignment(model: Model) -> None:
    strided = np.zeros((3, 4), np.float32).T[:2]
    strided[...] = X
    np.testing.assert_array_equal(model(strided, Y), X + 20)
    shifted = np.zeros(25, np.uint8)[1:].view(np.float32).reshape(2, 3)
    shifted[...] = X
    np.testing.assert_array_equal(model(shifted, Y), X + 20)


class Foreign:
    """An array of another library: nothing but DLPack."""

    def __init__(self, array: np.ndarray[Any, Any]) -> None:
        self.array = array

    def __dlpack__(self, **options: Any) -> Any:
        return self.array.__dlpack__()

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.array.__dlpack_device__()


def test_takes_and_gives_dlpack(model: Model) -> None:
    output = model(Foreign(X), Y)
    np.testing.assert_array_equal(np.from_dlpack(output), X + 20)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"x": X}, "inputs: names: expected x, y, found x"),
        ({"x": X, "y": Y, "z": Y}, "inputs: names: expected x, y, found x, y, z"),
        ({"x": X, "y": Y.astype(np.float64)}, "input y: dtype: expected float32, found float64"),
        ({"x": X, "y": Y.T}, r"input y: shape: expected \[2, 3\], found \[3, 2\]"),
        ({"x": X, "y": [1.0]}, "input y: expected an array, found list"),
    ],
)
def test_wrong_inputs(model: Model, inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        model.run(inputs)


def test_wrong_number_of_inputs(model: Model) -> None:
    with pytest.raises(InputError, match="inputs: number: expected 2, found 1"):
        model(X)


@pytest.mark.parametrize("threads", [1, 2])
def test_runs_in_several_threads_at_once(
    sum_schedule: Schedule[Target], code_cache: CodeCache, threads: int
) -> None:
    model = compiled(sum_schedule, code_cache, threads)
    inputs = [X + i for i in range(200)]
    with ThreadPoolExecutor(4) as pool:
        outputs = list(pool.map(lambda x: model(x, Y), inputs))
    for x, output in zip(inputs, outputs, strict=True):
        np.testing.assert_array_equal(output, x + 20)


def test_profile_times_every_call(model: Model) -> None:
    times = model.profile({"x": X, "y": Y}, repeats=3)
    assert [t.call for t in times] == list(model.manifest.calls)
    assert all(t.seconds > 0 for t in times)


def test_pool_has_as_many_workers_as_the_model_asks_for(
    sum_schedule: Schedule[Target], code_cache: CodeCache
) -> None:
    import tvm_ffi

    models = {n: compiled(sum_schedule, code_cache, threads=n) for n in (2, 3)}

    def workers(threads: int) -> int:
        models[threads](X, Y)
        return int(tvm_ffi.get_global_func("runtime.NumThreads")())

    def in_turn() -> list[int]:
        return [workers(3), workers(2), workers(3)]

    with ThreadPoolExecutor(1) as pool:  # a thread that has no pool yet
        assert pool.submit(in_turn).result() == [3, 2, 3]
