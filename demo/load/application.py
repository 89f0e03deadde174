"""The application process: workers that take requests in turn until they are told to stop."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

import psycopg
from opentelemetry.trace import SpanKind, Tracer

from demo.faults.fault import Fault
from demo.load.draws import Draws
from demo.load.latency_log import LatencyLog
from demo.load.requests import Request, mix_for
from demo.load.session import Session
from demo.load.statements import ALL
from demo.load.timetable import Timetable
from demo.shop.catalogue import rows_at

WORKERS_COUNT = 10
RECONNECT_S_MAX = 2.0
LATENCY_FILE = "latency.jsonl"
STATEMENTS_FILE = "statements.json"


class Application:
    """Load on one database. `folder` takes the latency log and the texts of the statements.

    `timetable` says when which request is due; without it, the same mix in every second.
    """

    def __init__(
        self,
        dsn: str,
        faults: tuple[Fault, ...],
        seed: int,
        folder: Path,
        tracer: Tracer,
        scale: float = 1.0,
        timetable: Timetable | None = None,
    ) -> None:
        self._dsn = dsn
        self._seed = seed
        self._tracer = tracer
        self._scale = scale
        self._stop = threading.Event()
        self._timetable = timetable or Timetable(mix_for(faults), seed)
        self._log = LatencyLog(folder / LATENCY_FILE)
        texts = {statement.name: statement.text for statement in ALL}
        (folder / STATEMENTS_FILE).write_text(json.dumps(texts, indent=1))

    def stop(self) -> None:
        """Ask all workers to stop; safe in a signal handler."""
        self._stop.set()

    def run(self) -> None:
        """Run until `stop`; the log is on disk at most a second late.

        Raises RuntimeError where a worker broke: load that became less by itself would be taken for an effect.
        """
        emails = self._emails()
        workers = [
            threading.Thread(target=self._work, args=(number, emails), name=f"worker-{number}", daemon=True)
            for number in range(WORKERS_COUNT)
        ]
        for worker in workers:
            worker.start()
        while not self._stop.wait(1.0):
            self._log.flush()
            if not all(worker.is_alive() for worker in workers) and not self._stop.is_set():
                self._log.close()
                raise RuntimeError("a worker of the shop's application broke; its traceback stands before")
        for worker in workers:
            worker.join(0.2)
        self._log.close()

    def _emails(self) -> list[str]:
        """Some addresses that people sign in with; waits for the server."""
        while not self._stop.is_set():
            try:
                with psycopg.connect(self._dsn, connect_timeout=5, application_name="shop") as connection:
                    rows = connection.execute("SELECT email FROM users TABLESAMPLE SYSTEM (2) LIMIT 2000").fetchall()
                    if not rows:  # a small shop has few pages, and mostly none of them is drawn
                        rows = connection.execute("SELECT email FROM users LIMIT 2000").fetchall()
            except psycopg.OperationalError as error:
                print(f"shop: the database is away: {_first_line(error)}", file=sys.stderr, flush=True)
                self._stop.wait(0.5)
            else:
                return [str(row[0]) for row in rows]
        return []

    def _work(self, number: int, emails: list[str]) -> None:
        draws = Draws(self._seed * 1000 + number, rows_at(self._scale), emails)
        session = Session(self._dsn, self._tracer, self._log, draws)
        pause_s = 0.1
        while not self._stop.is_set():
            request, due = self._timetable.take()
            if self._stop.wait(max(0.0, due - time.monotonic())):
                break
            try:
                self._serve(request, session)
                pause_s = 0.1
            except psycopg.OperationalError as error:
                print(f"shop: {request.route}: {_first_line(error)}", file=sys.stderr, flush=True)
                session.close()
                self._stop.wait(pause_s)
                pause_s = min(pause_s * 2, RECONNECT_S_MAX)
            except psycopg.Error as error:
                print(f"shop: {request.route}: {error.sqlstate} {_first_line(error)}", file=sys.stderr, flush=True)
        session.close()

    def _serve(self, request: Request, session: Session) -> None:
        method, route = request.route.split(" ", 1)
        with self._tracer.start_as_current_span(
            request.route,
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method, "http.route": route, "url.scheme": "http"},
        ) as span:
            request.handle(session)
            span.set_attribute("http.response.status_code", 200)


def _first_line(error: Exception) -> str:
    """The server's message without statement and literals."""
    return str(error).strip().split("\n", 1)[0][:200]
