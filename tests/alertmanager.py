"""Debian's Alertmanager for tests: a real one on free loopback ports, without a cluster, with a store of its own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.prometheus import free_port, wait_until_ready

QUIET = """
global: {resolve_timeout: 5m}
route: {receiver: nobody, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
receivers: [{name: nobody}]
"""


def told(webhook_url: str) -> str:
    """A configuration that tells a webhook at once, with a page that inhibits a ticket of the same job: these two wait
    for a second, since Alertmanager may look at the ticket before it knows of the page."""
    return f"""
route:
  receiver: hook
  group_by: [alertname, job]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
  routes: [{{matchers: [severity=~"page|ticket"], group_wait: 1s}}]
inhibit_rules:
- source_matchers: [severity="page"]
  target_matchers: [severity="ticket"]
  equal: [job]
receivers:
- name: hook
  webhook_configs: [{{url: "{webhook_url}", send_resolved: true}}]
"""


@contextmanager
def running_alertmanager(directory: Path, config: str = QUIET, port: int | None = None) -> Iterator[str]:
    """Its base URL. Started again with the same folder and port it is the same one: silences and what it told stay."""
    program = shutil.which("prometheus-alertmanager")
    assert program is not None, "Alertmanager is missing: apt-get install prometheus-alertmanager (make test does it)"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "alertmanager.yml").write_text(config, "utf-8")
    port = port or free_port()
    base = f"http://127.0.0.1:{port}"
    command = [
        program,
        f"--config.file={directory / 'alertmanager.yml'}",
        f"--storage.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        "--log.level=warn",
    ]
    with (directory / "alertmanager.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=directory)
        try:
            wait_until_ready(base, process, directory / "alertmanager.log")
            yield base
        finally:
            process.terminate()
            process.wait(30)
