"""The demo can be stopped at any moment, and by any means: a word, an exit status, and nothing left."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.keep.kept import ROOT, temporary_parent
from tests.demo.processes import handles_sigterm, marked, wait_until

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

MOMENTS = {
    "before anything": "",
    "making the cluster": "seed ",
    "filling": "  tenants:",
    "starting trimtab": "autonomy",
    "watching": "trimtab serves",
}
SCALE = "0.02"
END_S = 120.0
"""How long a crowded machine may take to say or to end what takes a few seconds."""


@dataclass
class Demo:
    """A demo under test: its process, its output, where its folder is, and a mark on everything it starts."""

    process: subprocess.Popen[bytes]
    output: Path
    parent: Path
    marker: str

    def says(self) -> str:
        return self.output.read_text(errors="replace")

    def waits_for(self, text: str) -> None:
        wait_until(lambda: text in self.says() or self.process.poll() is not None, f"{text!r} is said", END_S)
        assert text in self.says()

    def left(self) -> tuple[dict[int, str], list[Path]]:
        """What is still there: processes and folders."""
        return marked(self.marker, self.parent), list(self.parent.iterdir())

    def leaves_nothing(self) -> None:
        wait_until(lambda: self.left() == ({}, []), "nothing is left", END_S)


@pytest.fixture
def parent() -> Iterator[Path]:
    """A folder that the server's user can reach."""
    folder = temporary_parent() / f"demo-test-{uuid.uuid4().hex}"
    folder.mkdir(mode=0o711)
    yield folder
    folder.rmdir()


def start(parent: Path, tmp_path: Path, *options: str) -> Demo:
    marker = f"mark-{uuid.uuid4().hex}"
    environment = {**os.environ, "TRIMTAB_DEMO_PARENT": str(parent), "DEMO_TEST_MARK": marker, "SEED": "3"}
    output = tmp_path / "output"
    with output.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "demo.run", "--scale", SCALE, "--output", str(tmp_path / "demo.json"), *options],
            cwd=ROOT,
            env=environment,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    return Demo(process, output, parent, marker)


@pytest.mark.parametrize("moment", MOMENTS)
def test_ctrl_c(parent: Path, tmp_path: Path, moment: str) -> None:
    demo = start(parent, tmp_path, "--once")
    if MOMENTS[moment]:
        demo.waits_for(MOMENTS[moment])
    else:
        wait_until(lambda: handles_sigterm(demo.process.pid), "it has taken over the signals", END_S)
    os.killpg(demo.process.pid, signal.SIGINT)  # as a terminal does: to everyone in the foreground
    assert demo.process.wait(END_S) == 130
    assert "stopped (SIGINT)" in demo.says()
    assert "Traceback" not in demo.says()
    demo.leaves_nothing()


def test_sigterm(parent: Path, tmp_path: Path) -> None:
    demo = start(parent, tmp_path)
    demo.waits_for("PostgreSQL on port")
    demo.process.terminate()
    assert demo.process.wait(END_S) == 143
    demo.leaves_nothing()


@pytest.mark.parametrize("victim", ["demo.keep.keeper", "/postgres -D", "trimtab up", "demo.load"])
def test_kill_9_of_a_child_is_said(parent: Path, tmp_path: Path, victim: str) -> None:
    demo = start(parent, tmp_path)
    demo.waits_for("watching the shop")
    (pid,) = [pid for pid, command in marked(demo.marker, demo.parent).items() if victim in command]
    os.kill(pid, signal.SIGKILL)
    assert demo.process.wait(END_S) == 1
    assert "ended while the demo was running" in demo.says() or "keeper" in demo.says()
    assert "Traceback" not in demo.says()
    demo.leaves_nothing()


def test_a_taken_port_is_said(parent: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        demo = start(parent, tmp_path, "--port", str(port))
        assert demo.process.wait(END_S) == 3
    assert f"port {port} on 127.0.0.1 is taken" in demo.says()
    demo.leaves_nothing()


def test_of_two_side_by_side_one_ends_by_impatience_and_the_other_by_kill_9_of_its_runner(
    parent: Path, tmp_path: Path
) -> None:
    demos = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (parent / name).mkdir(mode=0o711)
        demos.append(start(parent / name, tmp_path / name))
    impatient, killed = demos
    for demo in demos:
        demo.waits_for("watching the shop")
    for _ in range(3):
        os.killpg(impatient.process.pid, signal.SIGINT)
        time.sleep(0.1)
    assert impatient.process.wait(END_S) == 0, "Ctrl-C is how a demo that watches ends, and more of them change nothing"
    assert "Traceback" not in impatient.says()
    impatient.leaves_nothing()
    assert killed.process.poll() is None, "one leaves the other alone"
    killed.process.kill()
    killed.process.wait(END_S)
    killed.leaves_nothing()
    for name in ("one", "two"):
        (parent / name).rmdir()
