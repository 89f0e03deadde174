"""Kernels are loaded by whoever comes first, on as many threads as come."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from trimtab.store import compiled, compiled_once

pytestmark = pytest.mark.slow

AT_ONCE = """
import importlib, threading, traceback
from trimtab.store import compiled, compiled_once
failed = []
def load(name):
    try:
        importlib.import_module(name)
    except BaseException:
        failed.append(traceback.format_exc())
threads = [threading.Thread(target=load, args=(name,)) for name in compiled.kernel_modules()]
for thread in threads: thread.start()
for thread in threads: thread.join()
raise SystemExit("".join(failed[:1]) if failed else 0)
"""


def test_many_threads_load_kernels_at_once() -> None:
    done = subprocess.run([sys.executable, "-c", AT_ONCE], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


def test_nothing_is_compiled_where_nothing_is_asked() -> None:
    imported = "trimtab.cli.main, trimtab.store.compiled, trimtab.store.promql.parse"
    asked = f"import sys, {imported}; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "False"


def test_every_kernel_stands_in_a_file_that_is_found() -> None:
    source = Path(compiled.__file__).parents[1]
    with_kernels = {
        ".".join(path.relative_to(source.parent).with_suffix("").parts)
        for path in source.rglob("*.py")
        if "\n@kernel(" in path.read_text("utf-8")
    }
    assert with_kernels <= set(compiled.kernel_modules())


def test_what_goes_wrong_is_told_to_who_waits() -> None:
    def broken() -> None:
        raise ValueError("no compiler")

    loading = compiled.Loading(broken)
    with pytest.raises(ValueError, match="no compiler"):
        loading.wait(10)


SHARED = """
from trimtab.store.compiled import kernel

@kernel("int64(int64)")
def much(value):
    return value * {factor}
"""
USER = """
from shared_kernels import much
from trimtab.store.compiled import kernel

@kernel("int64(int64)")
def more(value):
    return much(value) + 1
"""


def test_a_kernel_is_compiled_anew_when_one_that_it_calls_in_another_file_has_changed(tmp_path: Path) -> None:
    (tmp_path / "user_kernels.py").write_text(USER, "utf-8")
    told = []
    for factor in (2, 3, 3):
        (tmp_path / "shared_kernels.py").write_text(SHARED.format(factor=factor), "utf-8")
        done = subprocess.run(
            [sys.executable, "-B", "-c", "import user_kernels; print(user_kernels.more(10))"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        assert done.stdout.strip() == str(factor * 10 + 1)
        told.append(done.stderr.count("compiling what reads and writes data"))
    assert told == [1, 1, 0]  # once for both kernels, and not for what is loaded


def test_of_what_is_compiled_only_what_fits_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "kept"))
    note = compiled_once.Places.of_this_machine().note_to_write()
    assert note is not None
    assert not compiled_once.is_complete(note, compiled_once.made_from())
    cache = tmp_path / "one.nbi"
    cache.touch()
    compiled_once.write_note(compiled_once.made_from(), [str(cache)])
    assert compiled_once.is_complete(note, compiled_once.made_from())
    assert not compiled_once.is_complete(note, "another source, or another processor")
    cache.unlink()
    assert not compiled_once.is_complete(note, compiled_once.made_from())
    note.write_text('{"from": ', "utf-8")
    assert not compiled_once.is_complete(note, compiled_once.made_from())


def test_what_was_compiled_beside_a_package_that_nobody_can_write_to_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = compiled_once.Places(None, tmp_path / "package", tmp_path / "users")
    monkeypatch.setattr(compiled_once.Places, "of_this_machine", lambda: places)
    places.package.mkdir()
    compiled_once.write_note(compiled_once.made_from(), [])  # its builder could
    assert (compiled_once.has_all(), compiled_once.loads_from_package()) == (True, False)
    monkeypatch.setattr(compiled_once, "is_writable", lambda folder: folder != places.package)
    assert (compiled_once.has_all(), compiled_once.loads_from_package()) == (True, True)
    (note,) = places.package.iterdir()
    note.write_text('{"from": "an older version", "files": []}', "utf-8")
    assert (compiled_once.has_all(), compiled_once.loads_from_package()) == (False, False)
    compiled_once.write_note(compiled_once.made_from(), [])  # then the user's own
    assert (compiled_once.has_all(), compiled_once.loads_from_package()) == (True, False)


def test_the_first_start_says_that_it_compiles_and_the_next_ones_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    runs: list[str] = []
    monkeypatch.setattr(compiled_once, "has_all", lambda: bool(runs))

    def run() -> int:
        runs.append("run")
        return 0

    monkeypatch.setattr(compiled_once, "_run", run)
    for _ in range(2):
        compiled_once.compile_once(told.append)
    assert (told, runs) == ([compiled_once.FIRST], ["run"])


@pytest.mark.parametrize("command", [["up"], ["test", "promql", "-"]])
def test_commands_compile_before_they_import_what_would_compile(command: list[str], tmp_path: Path) -> None:
    asked = """
import sys
from trimtab.store import compiled_once
def stop(say):
    print("numba" in sys.modules)
    raise SystemExit(7)
compiled_once.compile_once = stop
from trimtab.cli.main import main
main(sys.argv[1:])
"""
    done = subprocess.run(
        [sys.executable, "-c", asked, *command],
        cwd=tmp_path,
        env={**os.environ, "TRIMTAB_DATA_DIR": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (7, "False\n"), done.stderr


def test_whether_all_is_compiled_is_known_without_a_compiler() -> None:
    asked = (
        "import sys, time; from trimtab.store import compiled_once as c; began = time.process_time(); c.has_all(); "
        "print(time.process_time() - began, 'numba' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=60, check=True)
    took_s, has_compiler = done.stdout.split()
    assert (float(took_s) < 0.05, has_compiler) == (True, "False"), done.stdout


def test_a_thread_that_is_not_the_main_one_may_wait_for_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the main one may say what a signal does."""
    monkeypatch.setattr(compiled_once, "COMPILER", "this")  # a module that is quick
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(compiled_once._run()))
    thread.start()
    thread.join(60)
    assert codes == [0]
