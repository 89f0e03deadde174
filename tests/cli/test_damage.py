"""`trimtab up` on data that is damaged: what is wrong, what to do, exit code 3, and nothing is changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from tests.cli.conftest import start_server, trimtab

pytestmark = [pytest.mark.store, pytest.mark.slow]


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory that a server has used."""
    server = start_server(tmp_path_factory.mktemp("used") / "data")
    server.process.terminate()
    assert server.process.wait(timeout=180) == 0
    return server.data_dir


def broken_tables(telemetry: Path) -> None:
    """What the engine knows of its tables is garbage."""
    for file in (telemetry / "engine").rglob("*.sql"):
        file.write_text("garbage")


def spool_is_a_file(telemetry: Path) -> None:
    """A file where a folder should be."""
    shutil.rmtree(telemetry / "spool")
    (telemetry / "spool").write_text("x")


def broken_epoch(telemetry: Path) -> None:
    """The spool's number is none."""
    (telemetry / "spool" / "epoch").write_text("x")


def lock_is_a_folder(telemetry: Path) -> None:
    """A folder where a file should be."""
    (telemetry / "lock").unlink()
    (telemetry / "lock").mkdir()


def empty_state(telemetry: Path) -> None:
    """The state is there, and there is nothing in it."""
    (telemetry.parent / "state.db").write_bytes(b"")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (broken_tables, "the engine cannot open"),
        (spool_is_a_file, "a file has the name of a folder"),
        (broken_epoch, "Remove it: the clock takes its place"),
        (lock_is_a_folder, "a folder has the name of a file"),
        (empty_state, "is empty, and there was a state before"),
    ],
)
def test_damage_is_said_and_left_as_it_is(
    used: Path, tmp_path: Path, damage: Callable[[Path], None], said: str
) -> None:
    data = tmp_path / "data"
    shutil.copytree(used, data, symlinks=True)
    damage(data / "telemetry")
    before = contents(data)
    done = trimtab("up", "--listen", "127.0.0.1:0", "--data-dir", str(data))
    assert done.returncode == 3, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert said in last
    assert str(data) in last
    assert "Traceback" not in done.stderr
    assert contents(data).items() >= before.items()


def contents(directory: Path) -> dict[str, str]:
    """Every file that keeps something, with a sum of what is in it; not who holds the locks, nor the engine's log."""
    return {
        str(file.relative_to(directory)): sha256(file.read_bytes()).hexdigest()
        for file in directory.rglob("*")
        if file.is_file() and not file.is_symlink() and file.name not in ("lock", "state.db.lock", "status")
        if file.suffix != ".log"
    }
