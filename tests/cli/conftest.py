"""A real server process for the command line's tests."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli import already_imported
from tests.empty_store import make_tables

TRIMTAB = str(Path(sys.executable).parent / "trimtab")
START_TIMEOUT_S = 240.0

CONFIG = """
[watch]
slice_s = 1
[detect]
window_s = 10
latency_objective_ms = 2
calls_min = 5
slices_min = 4
[advise]
samples_min = 0
"""


def trimtab(
    *arguments: str, timeout_s: float = 60.0, is_executed: bool = False, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end; a fork, or the installed command `is_executed`."""
    command, env = [TRIMTAB, *arguments], {**os.environ, "COLUMNS": "200", **environment}
    if is_executed:
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False, env=env)
    return already_imported.run(command, timeout_s, env)


@dataclass
class Server:
    """A running `trimtab up`."""

    process: subprocess.Popen[str]
    data_dir: Path
    url: str

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command against this server."""
        return trimtab(*arguments, "--data-dir", str(self.data_dir))

    def json(self, *arguments: str) -> Any:
        """A command's JSON answer."""
        done = self.run(*arguments, "--format", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def start_server(data_dir: Path, config: str = CONFIG, *options: str, is_executed: bool = False) -> Server:
    """Start and wait until it has written down where it listens; a fork, or the installed command `is_executed`."""
    if not is_executed and "--store" not in options:
        make_tables(data_dir)
    data_dir.mkdir(parents=True, exist_ok=True)
    file = data_dir.parent / f"{data_dir.name}.toml"
    file.write_text(config)
    command = [TRIMTAB, "up", "--listen", "127.0.0.1:0", "--data-dir", str(data_dir), "--config", str(file), *options]
    env = {**os.environ, "TRIMTAB_TEST_HIDDEN": "very.hidden.invalid"}
    process: subprocess.Popen[str]
    with (data_dir.parent / f"{data_dir.name}.log").open("w") as log, Path(os.devnull).open("w") as nothing:
        if is_executed:
            process = subprocess.Popen(command, stdout=nothing, stderr=log, text=True, env=env)
        else:
            process = already_imported.Forked(command, nothing.fileno(), log.fileno(), env)
    note = data_dir / "server.json"
    give_up_at = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < give_up_at:
        if process.poll() is not None:
            raise AssertionError((data_dir.parent / f"{data_dir.name}.log").read_text())
        if note.exists():
            told = json.loads(note.read_text())
            if told["pid"] == process.pid:
                return Server(process, data_dir, told["url"])
        time.sleep(0.02)
    process.kill()
    raise AssertionError("the server did not start in time")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for a module's tests."""
    running = start_server(tmp_path_factory.mktemp("trimtab") / "data")
    yield running
    running.process.terminate()
    assert running.process.wait(timeout=180) == 0
