"""Log records that are stored here, written to another store as well: only where the configuration says so.

They are read back from the own store, segment by segment, once they can be found: what was left out or masked at the
door does not leave either. A store that does not answer is waited for, and caught up with; the ids of records keep it
from having one twice. After a restart it goes on with what comes then.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import structlog

from trimtab.extend.sources import FoundLog, Sent
from trimtab.model.errors import TrimtabError
from trimtab.store.logs.answers import LIMIT_MAX, LogPage, LogQuery, LogRecord

RECORDS_AT_ONCE = 1000
RETRY_S_MAX = 60.0
_DAY_MS = 86_400_000
_LOOK_S = 5.0

log = structlog.get_logger()

Write = Callable[[Sequence[FoundLog]], Sent]
Between = Callable[[LogQuery, int, int], tuple[LogPage, int]]


@dataclass(frozen=True, slots=True)
class Forwarded:
    """What was written since the start. `refused_count` the other store did not take; `skipped_count` were too many of
    one segment (more than `LIMIT_MAX`), and stay here alone. `waiting_count` segments are still to be written."""

    written_count: int = 0
    refused_count: int = 0
    skipped_count: int = 0
    waiting_count: int = 0


class Forwarder:
    """To one store, on a thread of its own."""

    def __init__(
        self,
        name: str,
        write: Write,
        between: Between,
        stored_to: Callable[[], int],
        now_ms: Callable[[], int],
        *,
        first_retry_s: float = 1.0,
    ) -> None:
        self._name = name
        self._write = write
        self._between = between
        self._stored_to = stored_to
        self._now_ms = now_ms
        self._first_retry_s = first_retry_s
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._done_to = stored_to()
        self._counts = Forwarded()
        self._thread = threading.Thread(target=self._run, name=f"forward-{name}", daemon=True)

    def start(self) -> None:
        """From the end of what is stored on."""
        self._thread.start()

    def heard(self) -> None:
        """There is more; from any thread."""
        self._wake.set()

    def stop(self, timeout_s: float) -> None:
        """End; what is not written yet stays here alone."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    @property
    def counts(self) -> Forwarded:
        """What was written so far."""
        return replace(self._counts, waiting_count=max(0, self._stored_to() - self._done_to))

    def _run(self) -> None:
        retry_s = self._first_retry_s
        while not self._stop.is_set():
            self._wake.clear()
            try:
                while self._done_to < self._stored_to() and not self._stop.is_set():
                    self._one(self._done_to)
                    self._done_to += 1
                    retry_s = self._first_retry_s
            except TrimtabError as error:
                log.warning("forwarding_waits", source=self._name, error=error.message, wait_s=round(retry_s))
                self._stop.wait(retry_s)
                retry_s = min(2 * retry_s, RETRY_S_MAX)
                continue
            except Exception:
                log.exception("forwarding_broke", source=self._name)
                return
            self._wake.wait(_LOOK_S)

    def _one(self, after: int) -> None:
        """Write the records of the segment behind `after`."""
        now_ms = self._now_ms()
        query = LogQuery(now_ms - 400 * _DAY_MS, now_ms + 2 * _DAY_MS, limit=LIMIT_MAX)
        page, count = self._between(query, after, after + 1)
        if page.missing:
            raise TrimtabError(f"not everybody answered: {'; '.join(page.missing)}")
        written_count = refused_count = 0
        for start in range(0, len(page.records), RECORDS_AT_ONCE):
            sent = self._write([given_of(record) for record in page.records[start : start + RECORDS_AT_ONCE]])
            written_count += sent.taken_count
            refused_count += sum(sent.refused.values())
        before = self._counts
        self._counts = Forwarded(
            before.written_count + written_count,
            before.refused_count + refused_count,
            before.skipped_count + count - len(page.records),
        )


def given_of(record: LogRecord) -> FoundLog:
    """A record for another store, which does not tell a resource from attributes."""
    return FoundLog(
        id=record.id,
        at_ns=record.at_ns,
        body=record.body_text,
        severity_text=record.severity_text or ("" if record.level == "unknown" else record.level),
        service_name=record.service_name,
        trace_id=record.trace_id,
        span_id=record.span_id,
        attributes={**record.resource, **record.attributes},
    )
