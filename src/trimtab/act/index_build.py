"""Runs one `CREATE INDEX CONCURRENTLY` and watches it from a second session.

The statement runs in a thread of its own; the caller's thread looks for the index's OID and hands it on as soon as
the server shows it, so that the ledger knows what to drop should everything stop here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import psycopg

from trimtab.act.catalogue import Connection, building_oid
from trimtab.act.change_session import failed
from trimtab.model.errors import ApplyFailed, StatementRefused
from trimtab.sql.allowlist import execute_change

LOOK_EVERY_S = 0.1
CANCEL_TIMEOUT_S = 10.0
SERVER_GRACE_S = 30.0
"""The server's own statement_timeout comes first; this much later we cancel from outside."""


class IndexBuild:
    """One build. `run` returns when the statement is over, whichever way."""

    def __init__(self, building: Connection, looking: Connection, schema: str, index_name: str) -> None:
        self._building = building
        self._looking = looking
        self._schema = schema
        self._index_name = index_name
        self._error: BaseException | None = None

    def run(
        self, statement: str, timeout_s: float, on_oid: Callable[[int], None], stopping: Callable[[], bool]
    ) -> None:
        """Build; `on_oid` is called once, from this thread. Raises `ApplyFailed`, also when `stopping` says so."""
        thread = threading.Thread(target=self._execute, args=(statement,), name="trimtab-index-build", daemon=True)
        thread.start()
        try:
            self._watch(thread, time.monotonic() + timeout_s + SERVER_GRACE_S, on_oid, stopping)
        except BaseException:
            self._cancel(thread)
            raise
        if isinstance(self._error, psycopg.Error):
            raise failed(f"could not build {self._index_name}", self._error) from None
        if self._error is not None:
            raise self._error

    def _execute(self, statement: str) -> None:
        try:
            execute_change(self._building, statement)
        except (psycopg.Error, StatementRefused) as error:
            self._error = error

    def _watch(
        self,
        thread: threading.Thread,
        deadline_s: float,
        on_oid: Callable[[int], None],
        stopping: Callable[[], bool],
    ) -> None:
        oid: int | None = None
        while True:
            thread.join(LOOK_EVERY_S)
            if oid is None and self._error is None:
                oid = building_oid(self._looking, self._building.info.backend_pid, self._schema, self._index_name)
                if oid is not None:
                    on_oid(oid)
            if not thread.is_alive():
                return
            if stopping():
                raise ApplyFailed("trimtab is stopping: the build was cancelled", transient=True)
            if time.monotonic() > deadline_s:
                raise ApplyFailed("the build outlived its timeout and was cancelled", transient=False)

    def _cancel(self, thread: threading.Thread) -> None:
        """Ask the server to stop; if it does not answer, the session is closed and `roll_back` ends the other side."""
        try:
            self._building.cancel_safe(timeout=CANCEL_TIMEOUT_S)
        except psycopg.Error:
            self._building.close()
        thread.join(CANCEL_TIMEOUT_S)
