"""A server with weeks of history for what is under Analysis: every page of it has something to show.

A database whose disk fills and whose statements have a rhythm; a host with patterns and a service with a knee; another
whose connections will be too many tomorrow; a host whose memory moved right after a deployment; a queue that is long.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import uvicorn

from tests.app.forecasting.series_there import HOUR_MS, append, hours, weeks
from tests.app.patterns.patterns_there import fill as fill_patterns
from tests.web.anomalies_there import shop, write
from tests.web.capacity_there import call
from tests.web.capacity_there import fill as fill_capacity
from tests.web.change_points_there import happen
from tests.web.site import Site, open_site
from trimtab.app.service import Service

ELSEWHERE = {"web1": "web2", "shop": "orders"}
"""What forecasts look at has other names than what patterns and capacity look at."""
HOSTS = ("db1", "web1", "host-a:9100", "host-b:9100")


def fill(service: Service, now_ms: int) -> None:
    """Weeks up to now."""
    fill_capacity(service, now_ms)
    call(service, now_ms)
    fill_patterns(service, now_ms)
    at = hours(now_ms, 1)
    for host in HOSTS:
        base = {"job": "node", "instance": host}
        append(service, {"__name__": "node_time_seconds", **base}, at, (at / 1000).astype(np.float64))
        append(
            service, {"__name__": "node_uname_info", "nodename": host, "release": "6.1", **base}, at, np.ones(len(at))
        )
    for labels, at_ms, values in weeks(now_ms, 6, 60_000):
        append(service, {name: ELSEWHERE.get(value, value) for name, value in labels.items()}, at_ms, values)


def look(site: Site, url: str, now_ms: int) -> None:
    """What takes spans and odd samples over HTTP, and one round of each that looks."""
    service = site.service
    happen(url, now_ms)
    write(url, shop(), now_ms)
    service.telemetry.flush(60)
    for back in range(30, -1, -6):
        service.forecasts.round(now_ms - back * HOUR_MS)
    service.patterns.look()
    service.capacity.round(now_ms)
    service.change_points.round(now_ms)
    service.anomalies.tick(service.now_ms())


@contextlib.contextmanager
def analysis_server(folder: Path) -> Iterator[str]:
    """Where it is; served by this process."""
    with open_site(folder) as site, socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        server = uvicorn.Server(uvicorn.Config(site.app, log_level="error", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=lambda: server.run(sockets=[listening]), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        now_ms = time.time_ns() // 1_000_000
        try:
            fill(site.service, now_ms)
            look(site, url, now_ms)
            yield url
        finally:
            site.service.events.close()
            server.should_exit = True
            thread.join()
