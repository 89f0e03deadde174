"""trimtab is killed while an alert is pending, and started again: it fires when it would have fired, and is one alert;
also where the rule file is wrong by then.

Part of `make soak`: two starts of a whole server.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from benchmarks.metrics.servers import free_port

pytestmark = pytest.mark.skipif(os.environ.get("TRIMTAB_SOAK") != "1", reason="make soak: starts a whole server twice")

FOR_S, EVERY_S = 45, 5
RULES = f"""
groups:
- name: g
  interval: {EVERY_S}s
  rules: [{{alert: Always, expr: vector(1), for: {FOR_S}s}}]
"""


def started(folder: Path, port: int) -> subprocess.Popen[bytes]:
    command = [str(Path(sys.executable).with_name("trimtab")), "up", "--listen", f"127.0.0.1:{port}"]
    command += ["--data-dir", str(folder / "data"), "--config", str(folder / "trimtab.toml")]
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)


def wait_for(what: Callable[[], Any], timeout_s: float) -> Any:
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        try:
            found = what()
        except httpx2.HTTPError:
            found = None
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"it did not come within {timeout_s:g} s")


def test_killed_while_pending(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES, "utf-8")
    settings = '[server]\notlp_grpc_listen = ""\notlp_http_listen = ""\n[rules]\nfiles = ["rules.yml"]\n'
    (tmp_path / "trimtab.toml").write_text(settings, "utf-8")
    port = free_port()
    base = f"http://127.0.0.1:{port}"

    def alert(state: str) -> Any:
        found = httpx2.get(f"{base}/api/v1/alerts", timeout=5.0).json()["data"]["alerts"]
        return next((one for one in found if one["labels"]["alertname"] == "Always" and one["state"] == state), None)

    server = started(tmp_path, port)
    try:
        pending = wait_for(lambda: alert("pending"), 120)
        server.send_signal(signal.SIGKILL)
        server.wait()
        (tmp_path / "rules.yml").write_text("groups: [", "utf-8")
        server = started(tmp_path, port)
        firing = wait_for(lambda: alert("firing"), 240)
        (file,) = httpx2.get(f"{base}/api/trimtab/rules", timeout=10.0).json()["files"]
        history = httpx2.get(f"{base}/api/trimtab/alerts", timeout=10.0).json()
    finally:
        server.terminate()
        server.wait(60)
    assert file["error"]
    assert file["rules_count"] == 1
    assert firing["activeAt"] == pending["activeAt"], "the same alert goes on"
    (mine,) = [one for one in history if one["name"] == "Always"]
    held_s = (mine["fired_at_ms"] - mine["active_at_ms"]) / 1000
    # a start of up to a minute counts as watched; of a longer one, one round does
    assert held_s >= FOR_S
