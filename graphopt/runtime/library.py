"""Machine code in memory: open a shared library from its bytes, find its functions."""

from __future__ import annotations

import _ctypes
import ctypes
import importlib
import importlib.util
import os
import threading
import weakref
from collections.abc import Callable
from functools import cache
from pathlib import Path

from graphopt.errors import ArtifactError

_PARALLEL = "__TVMBackendParallelLaunch"
_BIG_CORES = 1
_state = threading.local()


class Library:
    """The functions of one compiled model.

    Code for several threads runs its loops on the thread pool of TVM's runtime, which is loaded
    here; code for one thread needs nothing.
    """

    def __init__(self, content: bytes, threads: int) -> None:
        # A file in memory is exactly what was verified, whatever happens to the folder. It stays
        # open as long as the library is loaded: the loader takes equal paths for one library.
        descriptor = os.memfd_create("graphopt")
        try:
            with os.fdopen(descriptor, "wb", closefd=False) as file:
                file.write(content)
            self._handle = ctypes.CDLL(f"/proc/self/fd/{descriptor}")
        except OSError as error:
            os.close(descriptor)
            raise ArtifactError("lib.so", f"cannot be loaded: {error}") from error
        weakref.finalize(self, _unload, self._handle, descriptor)
        self._threads = threads
        if threads > 1:
            launch = ctypes.cast(_tvm_runtime().TVMBackendParallelLaunch, ctypes.c_void_p)
            try:
                ctypes.c_void_p.in_dll(self._handle, _PARALLEL).value = launch.value
            except ValueError:
                self._threads = 1  # no kernel has a parallel loop

    def function(self, symbol: str) -> Callable[..., int]:
        """The function called `symbol`; its arguments are `c_void_p` addresses.

        Raises:
            ArtifactError: the library has no such function.
        """
        try:
            found = self._handle[symbol]
        except AttributeError as error:
            raise ArtifactError("lib.so", f"expected a function {symbol}, found none") from error
        found.restype = ctypes.c_int32
        return found

    def enter_thread(self) -> None:
        """Give the calling thread's pool as many workers as the code was compiled for."""
        if self._threads > 1 and getattr(_state, "workers", None) != self._threads:
            _configure_pool(self._threads)
            _state.workers = self._threads


def _configure_pool(threads: int) -> None:
    """Make the calling thread's pool use `threads` workers.

    TVM makes a pool per calling thread, of a size that is fixed from then on and by default half
    of the cores. So the pool is made for all cores, or more if asked, and part of it is used.
    """
    functions = importlib.import_module("tvm_ffi")
    set_size = _tvm_runtime()["_ZN3tvm7runtime9threading17SetMaxConcurrencyEi"]
    set_size(ctypes.c_int(max(threads, os.cpu_count() or 1)))
    functions.get_global_func("runtime.NumThreads")()  # makes the pool
    functions.get_global_func("runtime.config_threadpool")(_BIG_CORES, threads)
    # Configuring sets the size back; where it is one, loops are not given to the pool.
    set_size(ctypes.c_int(threads))


def _unload(library: ctypes.CDLL, descriptor: int) -> None:
    _ctypes.dlclose(library._handle)
    os.close(descriptor)


@cache
def _tvm_runtime() -> ctypes.CDLL:
    importlib.import_module("tvm_ffi")  # loads the library that TVM's runtime links to
    spec = importlib.util.find_spec("tvm")
    if spec is None or spec.origin is None:
        raise ArtifactError(
            "lib.so",
            "a model compiled for several threads: expected TVM's runtime, found none",
            "install apache-tvm, or compile with one thread",
        )
    return ctypes.CDLL(str(Path(spec.origin).parent / "lib" / "libtvm_runtime.so"))
