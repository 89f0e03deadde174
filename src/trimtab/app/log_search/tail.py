"""Live tail: records that come in from now on, as they can be found.

A tail is a place in the store: it is woken when there is more, and reads what is between its place and the end. So a
tail holds nothing in memory, everything that a search can ask for can be asked of it, and what it shows is what is
stored. Where more came than it shows at a time, it shows the newest, and says how many it left out.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trimtab.model.errors import Busy
from trimtab.store.logs.answers import LogQuery, LogRecord

if TYPE_CHECKING:
    from trimtab.store.logs.reads import LogReads
    from trimtab.store.telemetry import TelemetryStore

TAILS_MAX = 20
RECORDS_A_READ_MAX = 200
"""More than that came at once: the newest are shown."""
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Tailed:
    """Records in the order in which they were stored, and how many before them were left out."""

    records: tuple[LogRecord, ...]
    left_out_count: int = 0
    missing: tuple[str, ...] = ()


class Tail:
    """One who looks. `read` waits for the store: call it on a thread. Close it, or use it as a context."""

    def __init__(self, tails: Tails, query: LogQuery) -> None:
        self._tails = tails
        self._query = query
        self._seen_to = tails.stored_to
        self._lock = threading.Lock()
        self._sleeper: tuple[asyncio.AbstractEventLoop, asyncio.Future[None]] | None = None
        self.is_closed = False

    def read(self) -> Tailed:
        """What came since the last time."""
        until = self._tails.stored_to
        if until <= self._seen_to:
            return Tailed(())
        found = self._tails.read(self._query, self._seen_to, until)
        self._seen_to = until
        return found

    async def wait(self, timeout_s: float) -> bool:
        """Until there may be more, the time is over, or it is closed: False then."""
        loop = asyncio.get_running_loop()
        with self._lock:
            if self.is_closed or self._tails.stored_to > self._seen_to:
                return not self.is_closed
            ready: asyncio.Future[None] = loop.create_future()
            self._sleeper = (loop, ready)
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ready, timeout_s)
        finally:
            with self._lock:
                self._sleeper = None
        return not self.is_closed

    def wake(self) -> None:
        """There is more; from any thread."""
        with self._lock:
            self._wake()

    def _wake(self) -> None:
        if self._sleeper is not None:
            loop, ready = self._sleeper
            self._sleeper = None
            with contextlib.suppress(RuntimeError):  # the loop has ended, and whoever slept in it
                loop.call_soon_threadsafe(lambda: None if ready.done() else ready.set_result(None))

    def close(self) -> None:
        """Let go; again is no error."""
        self._tails.forget(self)
        with self._lock:
            self.is_closed = True
            self._wake()

    def __enter__(self) -> Tail:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Tails:
    """All who look. Listens to the store while there are any."""

    def __init__(self, telemetry: TelemetryStore, reads: LogReads, now_ms: Callable[[], int]) -> None:
        self._telemetry = telemetry
        self._reads = reads
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._open: frozenset[Tail] = frozenset()
        self._leave: Callable[[], None] | None = None
        self._is_closed = False

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._open)

    @property
    def stored_to(self) -> int:
        """The last segment that can be read."""
        return self._telemetry.logs.stored_to

    def open(self, query: LogQuery) -> Tail:
        """One more, from the end on; its query is looked at once, so that what is wrong with it is said now."""
        now_ms = self._now_ms()
        asked = replace(query, from_ms=now_ms - _DAY_MS, to_ms=now_ms + _DAY_MS, limit=RECORDS_A_READ_MAX, cursor=None)
        tail = Tail(self, asked)
        self._reads.between(asked, tail._seen_to, tail._seen_to)
        with self._lock:
            if self._is_closed:
                raise Busy("the server is stopping")
            if len(self._open) >= TAILS_MAX:
                raise Busy(f"{TAILS_MAX} tails of logs are open already", limit=TAILS_MAX)
            self._open |= {tail}
            if self._leave is None:
                self._leave = self._telemetry.logs.listen(self._wake_all)
        return tail

    def read(self, query: LogQuery, after: int, to: int) -> Tailed:
        """Records of the segments behind `after`, up to `to`."""
        now_ms = self._now_ms()
        asked = replace(query, from_ms=now_ms - _DAY_MS, to_ms=now_ms + _DAY_MS)
        page, matching_count = self._reads.between(asked, after, to)
        return Tailed(page.records, matching_count - len(page.records), page.missing)

    def _wake_all(self) -> None:
        for tail in self._open:
            tail.wake()

    def forget(self, tail: Tail) -> None:
        """For `Tail.close`."""
        with self._lock:
            self._open -= {tail}
            if not self._open and self._leave is not None:
                self._leave()
                self._leave = None

    def close(self) -> None:
        """End all of them, so that a server that stops does not wait for them."""
        with self._lock:
            self._is_closed = True
            ending = self._open
        for tail in ending:
            tail.close()
