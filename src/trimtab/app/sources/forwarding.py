"""What is stored here, written to another store as well: only where the configuration says so.

What waits is in the own store already, on disk and within its retention: it is the queue. How far this came is written
down after every part that the other store confirmed, so a restart, or a kill, goes on where it was; at most the part
that was on its way is sent again. A store that does not answer is tried again, ever more rarely, until what waits is
older than `wait_ms_max`: then it is given up, and counted as lost.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import msgspec
import structlog

from trimtab.app.sources.feeds import ROWS_AT_ONCE, Feed
from trimtab.extend.sources import Sent
from trimtab.model.errors import TrimtabError
from trimtab.store.segments import Segment

RETRY_S_MAX = 60.0
REASONS_MAX = 5
LOOK_S = 1.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Forwarded:
    """Rows, since the start. The other store confirmed `written_count` and refused `refused_count` for good; `reasons`
    says why (the last few). `lost_count` became too old while it did not answer. `waiting_count` are still to be
    written, as of the last look. `failures_count` tries had no answer that settles them."""

    written_count: int = 0
    refused_count: int = 0
    lost_count: int = 0
    waiting_count: int = 0
    failures_count: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)


class Position(msgspec.Struct, frozen=True):
    """All up to the segment `done` is settled, and of the segment `begun` the first `part` of `parts` parts."""

    done: int
    begun: int = 0
    part: int = 0
    parts: int = 0


class Positions(Protocol):
    """Where positions are written down, by name: durable on return."""

    def meta(self, name: str) -> str | None:
        """None where there is none."""
        ...

    def set_meta(self, name: str, value: str | None) -> None:
        """Write it down."""
        ...


class Forwarder:
    """To one store, on a thread of its own. `key` is the name of its position."""

    def __init__(
        self,
        key: str,
        feed: Feed,
        positions: Positions,
        now_ms: Callable[[], int],
        wait_ms_max: float,
        *,
        first_retry_s: float = 1.0,
        look_s: float = LOOK_S,
    ) -> None:
        self._key, self._feed, self._positions, self._now_ms = key, feed, positions, now_ms
        self._wait_ms_max, self._first_retry_s, self._look_s = wait_ms_max, first_retry_s, look_s
        self._stop = threading.Event()
        self._counts = Forwarded()
        self._at = self._begin()
        self._thread = threading.Thread(target=self._run, name=key, daemon=True)

    def start(self) -> None:
        """From where it was; the first time, from the end of what is stored on."""
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """End; what is not written yet is written after the next start."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    @property
    def counts(self) -> Forwarded:
        """What was written so far."""
        return self._counts

    def _begin(self) -> Position:
        text, stored_to = self._positions.meta(self._key), self._feed.stored_to()
        found = msgspec.json.decode(text, type=Position) if text is not None else None
        if found is not None and found.done <= stored_to:
            return found
        if found is not None:
            log.warning("forwarding_begins_anew", key=self._key, done=found.done, stored_to=stored_to)
        at = Position(stored_to)
        self._tell(at)
        return at

    def _tell(self, at: Position) -> None:
        self._positions.set_meta(self._key, msgspec.json.encode(at).decode())

    def _run(self) -> None:
        retry_s = self._first_retry_s
        while not self._stop.is_set():
            try:
                if self._some():
                    retry_s = self._first_retry_s
                    continue
                pause_s = self._look_s
            except TrimtabError as error:
                log.warning("forwarding_waits", key=self._key, error=error.message, wait_s=round(retry_s, 1))
                pause_s, retry_s = self._failed(retry_s)
            except Exception:  # an error of ours: what waits stays where it is, and is tried again as in an outage
                log.exception("forwarding_broke", key=self._key, wait_s=round(retry_s, 1))
                pause_s, retry_s = self._failed(retry_s)
            self._stop.wait(pause_s)

    def _failed(self, retry_s: float) -> tuple[float, float]:
        """Count it; how long to wait now, and after the next failure."""
        self._counts = replace(self._counts, failures_count=self._counts.failures_count + 1)
        return retry_s, min(2 * retry_s, RETRY_S_MAX)

    def _some(self) -> bool:
        """Settle what can be found now; False where there was nothing."""
        to = self._feed.stored_to()
        if to <= self._at.done:
            return False
        found = self._feed.segments(self._at.done, to)
        self._counts = replace(self._counts, waiting_count=sum(segment.rows_count for segment in found))
        for segment in found:
            if self._now_ms() - segment.newest_ms > self._wait_ms_max:
                self._give_up(segment)
            elif not self._whole(segment):
                return True
        if not found:
            self._settle(Position(to))
        return bool(found)

    def _whole(self, segment: Segment) -> bool:
        """Send what is left of a segment, part by part; False where it shall end before."""
        parts = -(-segment.rows_count // ROWS_AT_ONCE)
        at = self._at
        if at.begun != segment.id:
            at = Position(at.done, segment.id, 0, parts)
        while at.part < at.parts:
            if self._stop.is_set():
                return False
            sent = self._feed.send(segment, at.part, at.parts)
            at = Position(at.done, at.begun, at.part + 1, at.parts)
            self._settle(at if at.part < at.parts else Position(segment.id))
            self._count(sent)
        return True

    def _give_up(self, segment: Segment) -> None:
        """Of one that was begun, the parts that are left are about their share of its rows."""
        at = self._at
        left = 1.0 if at.begun != segment.id else (at.parts - at.part) / max(at.parts, 1)
        lost_count = round(segment.rows_count * left)
        self._settle(Position(segment.id))
        counts = self._counts
        self._counts = replace(
            counts,
            lost_count=counts.lost_count + lost_count,
            waiting_count=max(0, counts.waiting_count - segment.rows_count),
        )
        log.error("forwarding_lost", key=self._key, rows=lost_count, older_than_s=round(self._wait_ms_max / 1000))

    def _settle(self, at: Position) -> None:
        self._tell(at)
        self._at = at

    def _count(self, sent: Sent) -> None:
        counts = self._counts
        refused_count = sum(sent.refused.values())
        reasons = dict(counts.reasons)
        for reason, count in sent.refused.items():
            reasons[reason] = reasons.pop(reason, 0) + count
        rows_count = sent.taken_count + refused_count
        self._counts = replace(
            counts,
            written_count=counts.written_count + sent.taken_count,
            refused_count=counts.refused_count + refused_count,
            waiting_count=max(0, counts.waiting_count - rows_count),
            reasons=dict(list(reasons.items())[-REASONS_MAX:]),
        )
