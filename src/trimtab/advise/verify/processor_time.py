"""How much processor time a server process has used: the kernel's own count, where the server runs on this machine."""

from __future__ import annotations

import time
from pathlib import Path

from trimtab.advise.index.session import Connection

_SETTLE_TRIES = 200
_SETTLE_S = 0.0001


class BackendClock:
    """Nanoseconds on a processor of the backend behind a connection. Make one by `of`."""

    unit = "processor time of the server's process"

    def __init__(self, pid: int) -> None:
        self._schedstat = Path(f"/proc/{pid}/schedstat")
        self._stat = Path(f"/proc/{pid}/stat")

    @classmethod
    def of(cls, connection: Connection) -> BackendClock | None:
        """None where the server is elsewhere, in another container, or the kernel does not tell.

        A process of that number must be a PostgreSQL backend that serves this very database.
        """
        host = connection.info.host
        if host and not host.startswith("/") and host not in ("127.0.0.1", "::1", "localhost"):
            return None
        pid = connection.info.backend_pid
        try:
            title = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if not title.startswith("postgres: ") or f" {connection.info.dbname} " not in title:
                return None
            clock = cls(pid)
            clock.read_ns()
        except (OSError, ValueError, IndexError):
            return None
        return clock

    def read_ns(self) -> int:
        """What it has used; waits until it sleeps, since the kernel adds up late for a process that runs."""
        for _ in range(_SETTLE_TRIES):
            if self._stat.read_text().rpartition(")")[2].split()[0] != "R":
                break
            time.sleep(_SETTLE_S)
        return int(self._schedstat.read_text().split()[0])
