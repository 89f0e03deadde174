"""Listens for Airflow's StatsD on a loopback address: UDP, off unless it is switched on, bounded.

Packets that come faster than they are taken are lost, as UDP has it; no sender waits.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import structlog

from trimtab.model.errors import ServerUnreachable, StoreError
from trimtab.model.pipelines import PipelineRun
from trimtab.observe.pipelines.statsd import PACKET_BYTES_MAX, StatsdRuns

WAIT_S = 0.5
RECEIVE_BYTES = 1024 * 1024
log = structlog.get_logger()


class StatsdListener:
    """Opens the socket when it is made; `start` begins to listen."""

    def __init__(self, listen: str, keep: Callable[[list[PipelineRun]], None], now_ms: Callable[[], int]) -> None:
        """ServerUnreachable where the address cannot be had. `keep` may raise StoreError: then those runs are lost."""
        host, _, port = listen.rpartition(":")
        host = host.strip("[]")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
            self._socket.bind((host, int(port)))
        except OSError as error:
            self._socket.close()
            raise ServerUnreachable(
                f"could not listen for StatsD on {listen}: {error.strerror}", listen=listen
            ) from None
        self._socket.settimeout(WAIT_S)
        self._keep, self._now_ms = keep, now_ms
        self.runs = StatsdRuns()
        self.lost_count = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="statsd", daemon=True)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        host, port = self._socket.getsockname()[:2]
        return str(host), int(port)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and let the address go."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(10 * WAIT_S)
        self._socket.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                packet = self._socket.recv(PACKET_BYTES_MAX)
            except TimeoutError:
                continue
            except OSError as error:
                if not self._stop.is_set():
                    log.warning("statsd_broke", reason=str(error))
                return
            found = self.runs.take(packet, self._now_ms())
            if not found:
                continue
            try:
                self._keep(found)
            except StoreError as error:
                self.lost_count += len(found)
                log.warning("statsd_runs_lost", count=len(found), reason=error.message)
