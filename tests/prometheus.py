"""Debian's Prometheus for tests: a real one on a free loopback port with a store of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

START_S = 30.0


def free_port() -> int:
    """A port that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_prometheus(directory: Path, config: str = "global: {}\n") -> Iterator[str]:
    """Its base URL. It takes remote write, and does what `config` (YAML) says."""
    program = shutil.which("prometheus")
    assert program is not None, "prometheus is missing: apt-get install prometheus (make test does it)"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "prometheus.yml").write_text(config, "utf-8")
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    command = [
        program,
        f"--config.file={directory / 'prometheus.yml'}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-remote-write-receiver",
        "--enable-feature=remote-write-receiver,native-histograms,exemplar-storage",
        "--log.level=warn",
    ]
    with (directory / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=directory)
        try:
            wait_until_ready(base, process, directory / "prometheus.log")
            yield base
        finally:
            process.terminate()
            process.wait(30)


def wait_until_ready(base: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until a server of the Prometheus family says that it is ready; what it logged where it ends."""
    deadline_s = time.monotonic() + START_S
    while True:
        try:
            if httpx2.get(f"{base}/-/ready", timeout=2).status_code == 200:
                return
        except httpx2.HTTPError:
            pass
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline_s, f"no answer in time; its log is {log}"
        time.sleep(0.05)
