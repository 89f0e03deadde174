"""A fork of what is imported already is told from the executed command by nothing but its price."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli import already_imported
from tests.cli.conftest import TRIMTAB

pytestmark = pytest.mark.slow


def executed(arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=120, env=environment)


@pytest.mark.parametrize(
    "arguments",
    [("--version",), ("up", "--help"), ("up", "--listen", "nowhere"), ("nothing",), ("config", "check", "not-there")],
    ids=" ".join,
)
def test_it_says_the_same_and_ends_the_same(arguments: tuple[str, ...]) -> None:
    command, environment = [TRIMTAB, *arguments], {**os.environ, "COLUMNS": "90"}
    forked, real = already_imported.run(command, 120, environment), executed(command, environment)
    assert (forked.returncode, forked.stdout, forked.stderr) == (real.returncode, real.stdout, real.stderr)


def test_it_has_the_environment_and_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "there.toml").write_text('[notify]\nuid = "${WHERE_IT_IS}"\n[watch]\nslice_s = "${SLICE}"\n')
    monkeypatch.chdir(tmp_path)
    command, environment = [TRIMTAB, "config", "check", "there.toml"], {"PATH": os.environ["PATH"], "SLICE": "x7"}
    forked, real = already_imported.run(command, 120, environment), executed(command, environment)
    assert "there.toml" in real.stdout + real.stderr
    assert (forked.returncode, forked.stdout, forked.stderr) == (real.returncode, real.stdout, real.stderr)


@pytest.mark.parametrize(("number", "codes"), [(signal.SIGKILL, {-9}), (signal.SIGTERM, {-15, 0})])
def test_how_it_ended_is_told(tmp_path: Path, number: signal.Signals, codes: set[int]) -> None:
    with (tmp_path / "output").open("w") as output:
        command = [TRIMTAB, "up", "--listen", "127.0.0.1:0", "--data-dir", str(tmp_path / "data")]
        process = already_imported.Forked(command, output.fileno(), output.fileno(), os.environ)
    assert process.poll() is None
    process.send_signal(number)
    assert process.wait(60) in codes, "-15 where it came before the server took care of it"
    assert process.poll() == process.returncode
    process.send_signal(number)  # whoever has that number by now is not meant


def test_none_outlives_who_started_it(tmp_path: Path) -> None:
    asks = (
        "import os\nfrom tests.cli.already_imported import Forked\nfrom tests.cli.conftest import TRIMTAB\n"
        f"command = [TRIMTAB, 'up', '--listen', '127.0.0.1:0', '--data-dir', {str(tmp_path / 'data')!r}]\n"
        "print(Forked(command, 2, 2, os.environ).pid, flush=True)\nos.kill(os.getpid(), 9)\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", asks], capture_output=True, text=True, check=False, cwd=root, timeout=600
    )
    give_up_s = time.monotonic() + 120
    while Path(f"/proc/{int(done.stdout)}").exists():
        assert time.monotonic() < give_up_s, "it still runs"
        time.sleep(0.05)
