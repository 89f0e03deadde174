"""The keeper ends everything and removes its folder, however it or its owner goes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.keep.keeper import ABANDONED_AFTER_S, FOLDER_PREFIX, LOCK_FILE, remove_abandoned
from demo.keep.kept import ROOT, Kept, KeptError
from tests.demo.processes import alive, wait_until

OWNER = """
import signal, sys, time
from pathlib import Path
from demo.keep.kept import Kept
signal.signal(signal.SIGINT, signal.default_int_handler)  # who is started in the background is born deaf to it
kept = Kept(Path(sys.argv[1]))
pid = kept.start("sleeper", ["sleep", "300"], log=kept.folder / "log")
print(kept.folder, kept.process.pid, pid, flush=True)
time.sleep(300)
"""


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    made = Kept(tmp_path)
    yield made
    made.close()


def sleeper(kept: Kept, name: str = "sleeper", **options: object) -> int:
    return kept.start(name, ["sleep", "300"], log=kept.folder / "log", **options)  # type: ignore[arg-type]


def test_close_ends_everything_and_removes_the_folder(kept: Kept) -> None:
    pids = [sleeper(kept, f"sleeper {number}", stage=number) for number in range(3)]
    kept.close()
    assert not any(alive(pid) for pid in pids)
    assert not kept.folder.exists()
    kept.close()


def test_stages_are_stopped_one_after_the_other(kept: Kept) -> None:
    script = "trap 'echo %s >> order; exit 0' TERM; while :; do sleep 0.02; done"
    order = kept.folder.parent / "order"
    for name, stage in (("database", 1), ("server", 2), ("load", 3)):
        kept.start(name, ["bash", "-c", script % name], log=kept.folder / "log", stage=stage, cwd=kept.folder.parent)
    time.sleep(0.3)  # bash needs a moment to set its trap; if it had not, the next line would fail
    kept.close()
    assert order.read_text().split() == ["load", "server", "database"]


def test_who_ignores_the_request_is_killed(kept: Kept) -> None:
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open('ready', 'w'); time.sleep(300)"
    pid = kept.start("stubborn", [sys.executable, "-c", stubborn], log=kept.folder / "log", stop_s=0.2)
    wait_until((kept.folder / "ready").exists, "the stubborn one is ready")
    kept.close()
    assert not alive(pid)


def test_a_grandchild_that_left_its_parent_is_ended(kept: Kept) -> None:
    pid_file = kept.folder.parent / "grandchild"
    kept.start(
        "parent",
        ["bash", "-c", f"setsid sleep 300 & echo $! > {pid_file}.tmp; mv {pid_file}.tmp {pid_file}"],
        log=kept.folder / "log",
    )
    wait_until(pid_file.exists, "the grandchild has started")
    grandchild = int(pid_file.read_text())
    wait_until(lambda: kept.ended().get("parent") == 0, "the parent has ended")
    assert alive(grandchild)
    kept.close()
    assert not alive(grandchild)


def test_an_end_is_heard_with_its_status(kept: Kept) -> None:
    kept.start("short", ["bash", "-c", "exit 7"], log=kept.folder / "log")
    wait_until(lambda: kept.ended().get("short") == 7, "the end is heard")
    assert kept.pid("short") is None


def test_a_failure_shows_the_end_of_the_log(kept: Kept) -> None:
    with pytest.raises(KeptError, match=r"step failed \(exit 3\): no such luck"):
        kept.run("step", ["bash", "-c", "echo no such luck; exit 3"], log=kept.folder / "log", timeout_s=10)


def test_what_takes_too_long_is_stopped(kept: Kept) -> None:
    with pytest.raises(KeptError, match="did not finish within"):
        kept.run("step", ["sleep", "300"], log=kept.folder / "log", timeout_s=0.2)
    assert kept.pid("step") is None


def test_a_program_that_is_not_there_is_said(kept: Kept) -> None:
    with pytest.raises(KeptError, match="could not start ghost"):
        kept.start("ghost", ["/nowhere/ghost"], log=kept.folder / "log")


def owner(folder: Path) -> tuple[subprocess.Popen[str], Path, int, int]:
    """A process that owns a keeper with one child: the process, the folder, the keeper's id, the child's id."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder)], stdout=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True
    )
    assert process.stdout is not None
    name, keeper, child = process.stdout.readline().split()
    process.stdout.close()
    return process, Path(name), int(keeper), int(child)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_stays_when_the_owner_is_killed(tmp_path: Path, number: signal.Signals) -> None:
    process, folder, keeper, child = owner(tmp_path)
    process.send_signal(number)
    process.wait(10)
    wait_until(lambda: not alive(child) and not alive(keeper), "keeper and child are gone")
    wait_until(lambda: not folder.exists(), "the folder is gone")


def test_children_go_when_the_keeper_is_killed(tmp_path: Path) -> None:
    process, folder, keeper, child = owner(tmp_path)
    try:
        os.kill(keeper, signal.SIGKILL)
        wait_until(lambda: not alive(child), "the child is gone")
        assert folder.exists()
    finally:
        process.kill()
        process.wait(10)


def test_the_owner_cleans_up_after_a_killed_keeper(tmp_path: Path) -> None:
    made = Kept(tmp_path)
    child = sleeper(made)
    made.process.kill()
    wait_until(lambda: made.gone, "the owner hears it")
    with pytest.raises(KeptError, match="keeper"):
        sleeper(made, "another")
    made.close()
    assert not alive(child)
    assert not made.folder.exists()


def test_abandoned_folders_are_removed_and_used_ones_are_not(kept: Kept) -> None:
    parent = kept.folder.parent
    abandoned = parent / (FOLDER_PREFIX + "abandoned")
    fresh = parent / (FOLDER_PREFIX + "fresh")
    for folder in (abandoned, fresh):
        folder.mkdir()
        (folder / LOCK_FILE).touch()
    old = time.time() - ABANDONED_AFTER_S - 1
    for folder in (abandoned, kept.folder):
        os.utime(folder, (old, old))
    assert remove_abandoned(parent) == [abandoned]
    assert fresh.exists()
    assert kept.folder.exists()
