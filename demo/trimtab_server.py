"""trimtab beside the shop, driven as a user would: `trimtab up`, `trimtab watch`, and the HTTP API."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

import httpx2

from demo.cluster import Cluster, free_port
from demo.database import DATABASE
from demo.keep.kept import Kept, KeptError, tail
from demo.needs import NeedMissing, trimtab_program

POLICY_FILE = Path(__file__).parent / "policy.toml"
SYSTEM_NAME = "shop"
PORT_ATTEMPTS = 3
ANSWER_S = 60.0
CALL_TIMEOUT_S = 10.0
HOST = "127.0.0.1"

Json = dict[str, Any]


class ApiAway(RuntimeError):
    """The server did not answer as expected; the message says how."""


class TrimtabServer:
    """One running `trimtab up`. `answered_at_ms` is the moment (Unix ms) of its first answer."""

    def __init__(self, kept: Kept, port: int) -> None:
        self.url = f"http://{HOST}:{port}"
        self.answered_at_ms = 0
        self._kept = kept
        self._http = httpx2.Client(base_url=self.url, timeout=CALL_TIMEOUT_S, trust_env=False)

    def healthy(self) -> bool:
        """Whether /healthz says 200."""
        try:
            return self._http.get("/healthz").status_code == 200
        except httpx2.HTTPError:
            return False

    def status(self) -> Json:
        """GET /api/trimtab/status."""
        return dict(self._get("/api/trimtab/status"))

    def cases(self) -> list[Json]:
        """GET /api/trimtab/cases, the oldest first."""
        return sorted(self._get("/api/trimtab/cases?limit=500"), key=lambda case: int(case["id"]))

    def ledger(self) -> list[Json]:
        """GET /api/trimtab/ledger, the oldest first."""
        return sorted(self._get("/api/trimtab/ledger?limit=500"), key=lambda entry: int(entry["seq"]))

    def _get(self, path: str) -> Any:
        try:
            answer = self._http.get(path)
        except httpx2.HTTPError as error:
            raise ApiAway(f"GET {path}: {type(error).__name__}") from error
        if answer.status_code != 200:
            raise ApiAway(f"GET {path}: {answer.status_code} {answer.text[:200]}")
        return answer.json()


def start_trimtab(kept: Kept, port: int | None, policy: Path = POLICY_FILE) -> TrimtabServer:
    """Start `trimtab up` on `port`, or on a free one; wait for its first answer."""
    log = kept.folder / "trimtab.log"
    for attempt in range(1, PORT_ATTEMPTS + 1):
        chosen = port or free_port()
        if port is not None:
            _refuse_taken(port)
        server = TrimtabServer(kept, chosen)
        command = [str(trimtab_program()), "up", "--listen", f"{HOST}:{chosen}"]
        command += ["--data-dir", str(kept.folder / "trimtab"), "--config", str(policy)]
        kept.start("trimtab", command, log=log, stop_s=15.0)
        deadline = time.monotonic() + ANSWER_S
        while "trimtab" not in kept.ended() and time.monotonic() < deadline:
            if server.healthy():
                server.answered_at_ms = time.time_ns() // 1_000_000
                return server
            time.sleep(0.05)
        if "trimtab" not in kept.ended():
            raise KeptError(f"trimtab does not answer after {ANSWER_S:g} s: {tail(log)}")
        if port is not None or attempt == PORT_ATTEMPTS or "in use" not in tail(log):
            break
    raise KeptError(f"trimtab did not start: {tail(log)}")


def watch_shop(kept: Kept, server: TrimtabServer, cluster: Cluster) -> None:
    """`trimtab watch`: one role that looks, another that changes."""
    command = [str(trimtab_program()), "watch", cluster.dsn(DATABASE, "trimtab_watch"), "--name", SYSTEM_NAME]
    command += ["--change-dsn", cluster.dsn(DATABASE, "trimtab_change"), "--server", server.url]
    kept.run("trimtab watch", command, log=kept.folder / "watch.log", timeout_s=60.0)


def _refuse_taken(port: int) -> None:
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((HOST, port))
        except OSError as error:
            raise NeedMissing(
                f"port {port} on {HOST} is taken ({error.strerror}): leave it out to get a free one"
            ) from error
