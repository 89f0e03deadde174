"""What happens, told to everybody who looks at it now: state changes, new slices, systems that come and go.

An event is a hint to look again, never the fact itself: who misses one reads the stores and is as wise as before.
Nobody who is slow holds anybody up: his oldest events are dropped, and he is told so by one `gap`.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from trimtab.model.errors import Busy

QUEUE_MAX = 100
"""Events that may wait for one subscriber."""
SUBSCRIBERS_MAX = 200
KEPT_MAX = 32
"""Events that are told again to who asks for what came since."""
HEART_BEAT_S = 15.0
"""A stream says something at least this often, so that both ends know that it lives."""


class EventKind(StrEnum):
    """What an event is about; in brackets what its payload holds."""

    SLICE = "slice"
    """New rows about a system can be asked for (system, ended_at_ms)."""
    CASE = "case"
    """A case was opened or changed (id)."""
    CHANGE = "change"
    """A change moved (id, case_id, state)."""
    SYSTEM = "system"
    """A system came, went, or is watched better or worse than before (name)."""
    ALERT = "alert"
    """Alerts, silences, or who was told of them: something of these changed."""
    OBJECTIVES = "objectives"
    """Objectives were counted up to another minute (at_ms)."""
    CLOUDS = "clouds"
    """Accounts of clouds were looked at, or could not be (accounts)."""
    ANOMALIES = "anomalies"
    """Episodes of anomalies began, changed or ended, or something was said to be normal."""
    INFRASTRUCTURE = "infrastructure"
    """This machine or its containers were looked at (at_ms)."""
    CHANGE_POINTS = "change-points"
    """Series were looked at for changes of level (at_ms; appeared: ids), or somebody said that one is none."""
    FORECASTS = "forecasts"
    """Forecasts were made (at_ms), or an issue is foreseen or is not any more (appeared, ended: ids)."""
    CAPACITY = "capacity"
    """Dates of full resources were looked for (at_ms)."""
    PATTERNS = "patterns"
    """Patterns were looked for (at_ms)."""
    STATUS = "status"
    """Something about the server itself: the kill switch, settings, people."""
    GAP = "gap"
    """Events were dropped before this one (dropped_count): look at everything again."""


REPEATING = frozenset((EventKind.SLICE, EventKind.OBJECTIVES, EventKind.CLOUDS, EventKind.INFRASTRUCTURE))
"""Kinds that come again by themselves: who missed one waits for the next."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. The payload is JSON-ready and holds names and numbers, never data of a user's."""

    kind: EventKind
    payload: Mapping[str, object] = field(default_factory=dict)


class Subscription:
    """What waits for one subscriber. Close it, or use it as a context."""

    def __init__(self, hub: EventHub) -> None:
        self._hub = hub
        self._lock = threading.Lock()
        self._waiting: deque[Event] = deque()
        self._dropped_count = 0
        self._is_closed = False
        self._sleeper: tuple[asyncio.AbstractEventLoop, asyncio.Future[None]] | None = None

    @property
    def is_closed(self) -> bool:
        """Whether nothing will come any more."""
        return self._is_closed

    def take(self) -> tuple[Event, ...]:
        """Everything that waits, oldest first; where something was dropped, a `gap` comes first."""
        with self._lock:
            return self._take()

    async def wait(self, timeout_s: float = HEART_BEAT_S) -> tuple[Event, ...]:
        """The same, but at least one event, unless the time is up or the subscription is closed."""
        loop = asyncio.get_running_loop()
        with self._lock:
            if self._waiting or self._is_closed:
                return self._take()
            ready: asyncio.Future[None] = loop.create_future()
            self._sleeper = (loop, ready)
        try:
            await asyncio.wait_for(ready, timeout_s)
        except TimeoutError:
            pass
        finally:
            with self._lock:
                self._sleeper = None
        return self.take()

    def close(self) -> None:
        """Let go; again is no error."""
        self._hub.forget(self)
        with self._lock:
            self._is_closed = True
            self._wake()

    def put(self, event: Event) -> None:
        """Queue one more; the oldest makes room. For the hub, from any thread."""
        with self._lock:
            if self._is_closed:
                return
            if len(self._waiting) >= QUEUE_MAX:
                self._waiting.popleft()
                self._dropped_count += 1
            self._waiting.append(event)
            self._wake()

    def _take(self) -> tuple[Event, ...]:
        found = tuple(self._waiting)
        self._waiting.clear()
        dropped, self._dropped_count = self._dropped_count, 0
        return (Event(EventKind.GAP, {"dropped_count": dropped}), *found) if dropped else found

    def _wake(self) -> None:
        if self._sleeper is not None:
            loop, ready = self._sleeper
            self._sleeper = None
            with contextlib.suppress(RuntimeError):  # the loop has ended, and whoever slept in it
                loop.call_soon_threadsafe(_settle, ready)

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class EventHub:
    """Takes events from any thread and hands each to every subscriber; never blocks and never raises in `publish`.

    >>> hub = EventHub()
    >>> with hub.subscribe() as mine:
    ...     hub.publish(EventKind.CASE, {"id": 7})
    ...     [(event.kind.value, dict(event.payload)) for event in mine.take()]
    [('case', {'id': 7})]
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscriptions: frozenset[Subscription] = frozenset()
        self._is_closed = False
        self._count = 0
        self._kept: deque[tuple[int, Event]] = deque(maxlen=KEPT_MAX)

    @property
    def count(self) -> int:
        """How many events there were of kinds that do not come again by themselves."""
        return self._count

    @property
    def subscribers_count(self) -> int:
        """How many look now."""
        return len(self._subscriptions)

    def publish(self, kind: EventKind, payload: Mapping[str, object] | None = None) -> None:
        """Tell everybody."""
        event = Event(kind, payload or {})
        with self._lock:
            if kind not in REPEATING:
                self._count += 1
                self._kept.append((self._count, event))
            hearing = self._subscriptions
        for subscription in hearing:
            subscription.put(event)

    def subscribe(self, since: int | None = None) -> Subscription:
        """Hear everything from now on, and what came after the first `since` of `count`, as far as it is kept.

        A page reads, and listens a moment later: what happens between is told by this. Raises `Busy` where
        `SUBSCRIBERS_MAX` do already, or the server is ending.
        """
        made = Subscription(self)
        with self._lock:
            if self._is_closed:
                raise Busy("the server is stopping")
            if len(self._subscriptions) >= SUBSCRIBERS_MAX:
                raise Busy(f"{SUBSCRIBERS_MAX} event streams are open already", limit=SUBSCRIBERS_MAX)
            self._subscriptions |= {made}
            missed = [event for number, event in self._kept if since is not None and number > since]
        for event in missed:
            made.put(event)
        return made

    def forget(self, subscription: Subscription) -> None:
        """For `Subscription.close`."""
        with self._lock:
            self._subscriptions -= {subscription}

    def close(self) -> None:
        """End every stream, so that a server that stops does not wait for them."""
        with self._lock:
            self._is_closed = True
            ending = self._subscriptions
        for subscription in ending:
            subscription.close()


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
