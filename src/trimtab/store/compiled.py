"""Machine code for the loops over samples: Python never loops over samples itself.

A kernel is a plain function over NumPy arrays with an explicit signature. It stands in a file whose name ends in
`kernels.py`, which is imported where it is needed, not at start-up: importing it compiles it once and afterwards loads
it from Numba's cache on disk. `compiled_once.py` knows whether all of them are there.

    python -m trimtab.store.compiled      compiles all of them (after the installation; in an image, while it is built)
    load_in_background(); wait()          `trimtab up` loads them beside its start; a query waits, it never compiles

Numba's cache of a kernel looks only at the kernel's own file to see whether it is still right. Where a file takes
kernels from another one, the names of its caches therefore carry a checksum of that other file (`_of_others`).
Kernels have no `fastmath`: sums are the sums that the source says, in its order.
"""

import contextlib
import functools
import importlib
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from trimtab.store.compiled_once import COMPILER, PACKAGE, loads_from_package, made_from, write_note

F = TypeVar("F", bound=Callable[..., object])

SUFFIX = "kernels.py"

TOLD = (
    "trimtab: compiling what reads and writes data, as far as it is needed here; once on this machine, up to a minute "
    f"(python -m {COMPILER} does all of it, before) …"
)
_ONE_AT_A_TIME = threading.RLock()
"""Numba cannot be imported, and cannot compile, on two threads at one time: one would see half of its modules."""


def kernel(signature: str | list[str], *, is_inlined: bool = False) -> Callable[[F], F]:
    """Compile a function for one signature, or load it from the cache (compile each time where nothing can be cached).

    >>> @kernel("float64(float64[::1])")
    ... def total(values):
    ...     sum_ = 0.0
    ...     for value in values:
    ...         sum_ += value
    ...     return sum_
    >>> import numpy as np
    >>> total(np.array([1.0, 2.0, 3.5]))
    6.5
    """

    def decorate(function: F) -> F:
        with _ONE_AT_A_TIME:
            import numba

            _read_only_caches()
            if others := _of_others(function.__module__):
                function.__qualname__ += f"-{others:08x}"

            inline = "always" if is_inlined else "never"
            for can_cache in (True, False):
                compiled = numba.njit(
                    signature, cache=can_cache, nogil=True, error_model="numpy", fastmath=False, inline=inline
                )
                try:
                    with _told():
                        return compiled(function)
                except RuntimeError as error:
                    if "cannot cache" not in str(error) or not can_cache:
                        raise
            raise AssertionError("unreachable")

    return decorate


@functools.cache
def _read_only_caches() -> None:
    """Load what is compiled beside the package also where it cannot be written to: Numba takes the user's own."""
    if not loads_from_package():
        return
    from numba.core import caching

    class Whole(caching.InTreeCacheLocator):
        """The folder beside a kernel's file, unasked whether something can be put there."""

        @classmethod
        def from_function(cls, py_func: Callable[..., object], py_file: str) -> "Whole | None":
            return cls(py_func, py_file) if Path(py_file).is_relative_to(PACKAGE) else None

    caching.CacheImpl._locator_classes.insert(0, Whole)  # its setting replaces the list


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Say on stderr, once, that a compiler works: who asked a question, and not for that, would think that it hangs."""
    from numba.core import event

    class Listener(event.Listener):
        """Hears of what is compiled; what is loaded from a cache is not."""

        def on_start(self, event: object) -> None:  # noqa: ARG002
            _say_once()

        def on_end(self, event: object) -> None:
            """Nothing to say."""

    with event.install_listener("numba:compile", Listener()):
        yield


@functools.cache
def _say_once() -> None:
    main_spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    if getattr(main_spec, "name", None) != COMPILER:  # that one says what it does itself
        print(TOLD, file=sys.stderr, flush=True)


def _of_others(module_name: str) -> int:
    """A checksum of the files whose kernels a module takes, and of those that these take; 0 where there are none."""
    module = sys.modules.get(module_name)
    kernels = [value for value in vars(module).values() if hasattr(value, "py_func")] if module else []
    checksum = 0
    for name in sorted({one.py_func.__module__ for one in kernels} - {module_name}):
        file = sys.modules[name].__file__
        checksum = zlib.crc32(Path(file).read_bytes() if file else b"", checksum ^ _of_others(name))
    return checksum


def kernel_modules() -> list[str]:
    """Names of all modules that hold kernels, found by the names of their files (nothing is imported).

    >>> all(name.endswith("kernels") for name in kernel_modules())
    True
    """
    package = Path(__file__).parents[1]
    paths = sorted(path.relative_to(package.parent) for path in package.rglob("*" + SUFFIX))
    return [".".join(path.with_suffix("").parts) for path in paths]


def load(modules: Sequence[str] | None = None) -> dict[str, float]:
    """Import kernel modules (all of them if none is named); answer the seconds each took."""
    took_s = {}
    for name in kernel_modules() if modules is None else modules:
        began = time.perf_counter()
        importlib.import_module(name)
        took_s[name] = time.perf_counter() - began
    return took_s


class Loading:
    """Kernels being loaded on a thread of their own; whoever needs them waits for it.

    >>> loading = Loading(lambda: None)
    >>> loading.start(); loading.wait(10)
    True
    """

    def __init__(self, work: Callable[[], object]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def start(self) -> None:
        """Begin, once; a second call does nothing."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="load-kernels", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        try:
            self._work()
        except Exception as error:  # noqa: BLE001 - raised again by whoever waits
            self._error = error

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until all are loaded; False when that took longer. What went wrong while loading is raised here."""
        self.start()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)
            if self._thread.is_alive():
                return False
        if self._error is not None:
            raise self._error
        return True


_all_kernels = Loading(load)
load_in_background = _all_kernels.start
wait = _all_kernels.wait


def main() -> int:
    """Compile everything and say what took how long.

    A second process begins at the other end; what one has compiled, the other loads.
    """
    if "--from-the-end" in sys.argv:
        load(kernel_modules()[::-1])
        return 0
    source = made_from()  # before: what changes meanwhile is not what was compiled
    with subprocess.Popen([sys.executable, "-m", __spec__.name, "--from-the-end"]) as other:
        for name, took_s in load().items():
            sys.stdout.write(f"{took_s:7.2f} s  {name}\n")
    if other.returncode == 0 and (files := _files_of_caches()):
        write_note(source, files)
    return other.returncode


def _files_of_caches() -> list[str]:
    """Of all kernels that are loaded: where their caches say what they have. Empty where one cannot be cached."""
    files = []
    for name in kernel_modules():
        for one in vars(sys.modules[name]).values():
            if hasattr(one, "py_func"):
                cache = getattr(one._cache, "_cache_file", None)  # nothing public tells it
                if cache is None:
                    return []
                files.append(str(cache._index_path))
    return files


if __name__ == "__main__":
    sys.exit(main())
