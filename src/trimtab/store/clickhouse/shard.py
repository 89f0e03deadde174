"""One host of a store: whether it answers, what may still be running there, and what is sent with every statement.

A statement that was begun and whose answer was lost may go on. What it would write may come late, after its rows were
removed and loaded again. So before anything more is written, such statements are ended by their names.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from trimtab.model.errors import EngineRefused
from trimtab.store.clickhouse.codes import NETWORK
from trimtab.store.clickhouse.connection import Connection, QueryIds, Settings, arrow_of
from trimtab.store.engine import Body, Parameters
from trimtab.store.limits import TelemetryLimits

if TYPE_CHECKING:
    import pyarrow as pa

RETRY_S = 2.0
"""A shard that did not answer is not asked again for so long: whoever asks does not wait for it each time."""
_PATIENT_S = 3600
"""A migration may rewrite large tables."""
COMMON: Mapping[str, str | int] = {
    "output_format_arrow_compression_method": "none",
    "output_format_arrow_string_as_string": 1,
    "session_timezone": "UTC",
    "max_query_size": 64 * 1024 * 1024,
    "log_comment": "trimtab",
    "output_format_json_quote_64bit_integers": 0,
}
WRITING: Mapping[str, str | int] = {
    # A segment becomes one block, so that each of its daily parts appears whole or not at all.
    "max_block_size": 1_000_000_000,
    "min_insert_block_size_rows": 1_000_000_000,
    "min_insert_block_size_bytes": 1_000_000_000_000,
    "max_insert_threads": 1,
    "max_partitions_per_insert_block": 0,
    "input_format_parallel_parsing": 0,
    "insert_deduplicate": 0,
    "async_insert": 0,
    "mutations_sync": 2,
    "lightweight_deletes_sync": 2,
    "wait_end_of_query": 1,
}


class Shard:
    """What is known of one host. `writing` is held by who writes; `places` are taken by who reads."""

    def __init__(self, connection: Connection, ids: QueryIds, limits: TelemetryLimits, timeout_s: int) -> None:
        self.connection = connection
        self.places = threading.BoundedSemaphore(limits.sessions_count)
        self.wide_places = threading.BoundedSemaphore(limits.wide_sessions_count)
        self.writing = threading.RLock()
        self.is_prepared = False
        self.absence = ""
        """Why it did not answer when it was asked last."""
        self._absent_until_s = 0.0
        self._ids, self._timeout_s = ids, timeout_s
        self._doubtful: set[str] = set()
        """Statements whose outcome is not known."""

    def read(self, sql: str, parameters: Parameters | None, settings: Settings) -> pa.Table:
        """A SELECT, asked a second time where the connection broke: asking twice does no harm."""
        self._check_absence()
        for is_last in (False, True):
            try:
                data = self.connection.run(sql, parameters, settings, query_id=self._ids.next())
                self.absence = ""
                return arrow_of(data, self.connection.host)
            except EngineRefused as error:
                if is_last or not error.facts.get("is_begun") or error.facts.get("is_timeout"):
                    self._note_absence(error)
                    raise
        raise AssertionError

    def write(
        self,
        sql: str,
        parameters: Parameters | None,
        settings: Settings,
        bodies: Mapping[str, Body],
        *,
        is_patient: bool = False,
    ) -> pa.Table:
        """Any statement, once, when all before it have ended. With `writing` held."""
        self._check_absence()
        self._settle()
        query_id = self._ids.next()
        timeout_s = None
        if is_patient:
            settings, timeout_s = {**settings, "max_execution_time": 0}, _PATIENT_S
        try:
            data = self.connection.run(sql, parameters, settings, bodies, query_id=query_id, timeout_s=timeout_s)
        except EngineRefused as error:
            if error.facts.get("is_begun"):
                self._doubtful.add(query_id)
            self._note_absence(error)
            raise
        self.absence = ""
        return arrow_of(data, self.connection.host)

    def end_earlier(self) -> None:
        """End what an earlier life of this writer may have left running."""
        self._end("startsWith(query_id, {ids:String})", {"ids": self._ids.prefix})

    def _settle(self) -> None:
        if self._doubtful:
            ids = sorted(self._doubtful)
            self._end("query_id IN {ids:Array(String)}", {"ids": ids})
            self._doubtful -= set(ids)

    def _end(self, condition: str, parameters: Parameters) -> None:
        settings = {**COMMON, "max_execution_time": self._timeout_s, "wait_end_of_query": 1}
        query_id = f"trimtab-end-{self._ids.next()}"  # it must not end itself
        self.connection.run(f"KILL QUERY WHERE {condition} SYNC", parameters, settings, query_id=query_id)

    def _check_absence(self) -> None:
        if time.monotonic() < self._absent_until_s:
            raise EngineRefused(self.absence, code=NETWORK, host=self.connection.host, is_machine=True)

    def _note_absence(self, error: EngineRefused) -> None:
        if error.facts.get("status") is None and error.facts.get("is_machine"):
            self.absence = error.message
            self._absent_until_s = time.monotonic() + RETRY_S
