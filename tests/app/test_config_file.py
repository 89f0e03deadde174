"""The file while the server runs: a good one counts, a bad one does not, and what needs a restart says so."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from trimtab.app import config_file
from trimtab.app.config import load_config
from trimtab.app.config_file import ConfigFile, Waiting
from trimtab.model.errors import ConfigError

GOOD = "[create_index]\ncool_down_s = 60\n"


def opened(path: Path) -> ConfigFile:
    """The file as a server opens it on start."""
    ticks = iter(range(1000, 100_000))
    return ConfigFile(path, load_config(path), lambda: next(ticks))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "trimtab.toml"
    file.write_text(GOOD)
    return file


def wait_for(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Poll until it is true."""
    give_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.01)


def test_a_good_file_counts_at_once_and_says_what_changed(path: Path) -> None:
    file = opened(path)
    path.write_text("[create_index]\ncool_down_s = 90\n[target.shop.detect]\nlatency_objective_ms = 5\n")
    with capture_logs() as logs:
        assert file.reload()
    assert file.config.create_index.cool_down_s == 90.0
    assert file.config.policy_of("shop").detect.latency_objective_ms == 5.0
    (entry,) = logs
    assert entry["event"] == "config_reloaded"
    assert entry["changed"] == ["create_index.cool_down_s", "target.shop.detect.latency_objective_ms"]
    assert file.status().loaded_at_ms == 1001


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[create_index]\ncool_down_s = -1\n", "line 2, column 15: create_index.cool_down_s must be from 0 to 604800"),
        ("[create_index\n", "not TOML"),
        ("[watch]\nwatch_slices_max = 24\nbatch_slices = 9\n", "less than batch_slices x batches_min"),
    ],
)
def test_a_bad_file_changes_nothing_and_is_told_once(path: Path, text: str, said: str) -> None:
    file = opened(path)
    before = file.config
    path.write_text(text)
    with capture_logs() as logs:
        assert not file.reload()
        assert not file.reload()
    assert file.config is before
    assert said in str(file.status().last_error)
    assert [entry["event"] for entry in logs] == ["config_refused"]
    assert said in logs[0]["error"]
    path.write_text(GOOD)
    assert file.reload()
    assert file.status().last_error is None


def test_a_file_that_is_gone_changes_nothing(path: Path) -> None:
    file = opened(path)
    path.unlink()
    assert not file.reload()
    assert file.config.create_index.cool_down_s == 60.0
    assert "could not be read" in str(file.status().last_error)


def test_what_is_read_on_start_runs_on_and_is_named(path: Path) -> None:
    file = opened(path)
    path.write_text(GOOD + '[watch]\nslice_s = 1\n[server]\nlisten = "127.0.0.1:1"\nallowed_hosts = ["a.example"]\n')
    assert file.reload()
    assert file.config.watch.slice_s == 5.0
    assert file.config.server.listen == "127.0.0.1:9321"
    assert file.status().needs_restart == (
        Waiting("watch.slice_s", 5.0, 1.0),
        Waiting("server.listen", "127.0.0.1:9321", "127.0.0.1:1"),
        Waiting("server.allowed_hosts", [], ["a.example"]),
    )
    path.write_text(GOOD)
    assert file.reload()
    assert file.status().needs_restart == ()


def test_what_is_read_on_start_runs_on_for_a_target_too(path: Path) -> None:
    path.write_text("[target.shop.watch]\nslice_s = 2\n[target.bank.watch]\nalpha = 0.01\n")
    file = opened(path)
    path.write_text("[target.bank.watch]\nslice_s = 1\nalpha = 0.02\n")
    assert file.reload()
    assert [file.config.policy_of(name).watch.slice_s for name in ("shop", "bank", "other")] == [2.0, 5.0, 5.0]
    assert file.config.policy_of("bank").watch.alpha == 0.02
    assert file.status().needs_restart == (
        Waiting("target.bank.watch.slice_s", 5.0, 1.0),
        Waiting("target.shop.watch.slice_s", 2.0, 5.0),
    )


def test_a_rest_that_does_not_go_with_what_runs_on_waits_as_a_whole(path: Path) -> None:
    file = opened(path)
    path.write_text("[watch]\nslice_s = 1\ndeadline_s = 130\n")  # right together, wrong with slices of 5 s
    load_config(path)
    assert not file.reload()
    assert "needs a restart, since these are read on start: watch.slice_s; with them watch.deadline_s is 130" in str(
        file.status().last_error
    )
    assert file.config.watch.deadline_s == 1800.0


def test_the_watcher_sees_writing_replacing_and_mending(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_file, "POLL_S", 0.01)
    file, stop, told = opened(path), threading.Event(), threading.Event()
    file.listen(told.set)
    file.watch(stop)
    try:
        path.write_text("[create_index]\ncool_down_s = 1\n")
        wait_for(lambda: file.config.create_index.cool_down_s == 1.0)
        wait_for(told.is_set)
        beside = path.with_suffix(".new")
        beside.write_text("[create_index]\ncool_down_s = 2\n")
        beside.replace(path)
        wait_for(lambda: file.config.create_index.cool_down_s == 2.0)
        path.write_text("[create_index]\ncool_down_s = nonsense\n")
        wait_for(lambda: file.status().last_error)
        path.write_text("[create_index]\ncool_down_s = 3\n")
        wait_for(lambda: file.config.create_index.cool_down_s == 3.0)
        assert file.status().last_error is None
    finally:
        stop.set()


def test_without_a_file_nothing_is_watched() -> None:
    file = ConfigFile(None, load_config(None), lambda: 1)
    before = threading.active_count()
    file.watch(threading.Event())
    assert threading.active_count() == before
    assert file.reload()
    assert file.status().file is None


def test_on_start_a_bad_file_is_refused(path: Path) -> None:
    path.write_text("[create_index]\ncool_down_s = -1\n")
    with pytest.raises(ConfigError):
        opened(path)
