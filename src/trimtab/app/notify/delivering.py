"""Sends what waits for one receiver, one after the other, and tries again where that does not work.

At least once: who is killed between an answer and writing it down sends the same again, with the same id; PagerDuty
and mailboxes know it again by that, the others may show it twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from trimtab.app.notify.dispatch import Books
from trimtab.app.notify.grouping import Snapshot, snapshot_of, told_after
from trimtab.app.notify.muting import Muting
from trimtab.app.notify.routes_file import Target
from trimtab.extend.receivers import Notification, Receipt, Receiver, ReceiverError
from trimtab.model.errors import TrimtabError
from trimtab.store.notify_codec import Group, Waiting, mark_of

FIRST_RETRY_MS = 1_000
RETRY_MS_MAX = 60_000
IDLE_MS = 1_000
_CLOCK_MS = 3_600_000
"""A next try that is later than this was written before the clock was put back."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Ways:
    """What deliveries share."""

    books: Books
    muting: Muting
    now_ms: Callable[[], int]
    give_up_ms: Callable[[], int]
    page_url: str


class Delivery:
    """Of one receiver; one thread at a time."""

    def __init__(self, target: Target, receiver: Receiver, ways: Ways) -> None:
        self.target = target
        self._receiver = receiver
        self._ways = ways

    def step(self) -> int:
        """Send what is due, at most one. Milliseconds until there may be something to do again."""
        waiting = self._ways.books.groups.next_waiting(self.target.key)
        at_ms = self._ways.now_ms()
        if waiting is None:
            return IDLE_MS
        if waiting.next_try_at_ms > at_ms + RETRY_MS_MAX + _CLOCK_MS:
            self._ways.books.groups.hurry((self.target.key,), at_ms)
        elif waiting.next_try_at_ms > at_ms:
            return min(waiting.next_try_at_ms - at_ms, IDLE_MS)
        self._one(waiting, at_ms)
        return 0

    def close(self) -> None:
        """Let connections go."""
        self._receiver.close()

    def _one(self, waiting: Waiting, at_ms: int) -> None:
        books = self._ways.books
        group = books.groups.group(waiting.receiver, waiting.group_key)
        if group is None:
            books.groups.settle(waiting, "moot", at_ms, "its group is over", is_try=False)
            return
        now = self._snapshot(waiting, group, at_ms)
        if now.is_empty:
            books.groups.settle(waiting, "moot", at_ms, "silenced or over before it could be told", is_try=False)
            return
        try:
            receipt = self._receiver.send(self._notification(waiting, group, now))
        except ReceiverError as error:
            self._failed(waiting, error.message, is_final=error.is_final, after_s=error.retry_after_s)
        except TrimtabError as error:
            self._failed(waiting, error.message, is_final=False, after_s=None)
        except Exception as error:  # noqa: BLE001 - a plug-in's fault must not end the thread; its text may be secret
            log.error("notification_broke", receiver=self.target.key, error=type(error).__name__)
            self._failed(waiting, f"internal error ({type(error).__name__})", is_final=False, after_s=None)
        else:
            self._done(waiting, now, receipt)

    def _snapshot(self, waiting: Waiting, group: Group, at_ms: int) -> Snapshot:
        members = self._ways.books.groups.members(group.receiver, group.group_key)
        why = self._ways.muting.at(at_ms).why
        return snapshot_of(members, group.told, waiting.promised, why, sends_resolved=self.target.sends_resolved)

    def _notification(self, waiting: Waiting, group: Group, now: Snapshot) -> Notification:
        return Notification(
            id=f"{waiting.id}-{_digest(now)}",
            receiver=self.target.receiver,
            group_key=group.group_key,
            group_labels=group.labels,
            alerts=now.alerts,
            page_url=self._ways.page_url,
            at_ms=waiting.made_at_ms,
            is_repeat=waiting.is_repeat,
            handle=group.handle,
        )

    def _done(self, waiting: Waiting, told: Snapshot, receipt: Receipt) -> None:
        books, at_ms = self._ways.books, self._ways.now_ms()
        with books.database.transaction():
            state = "confirmed" if receipt.is_confirmed else "delivered"
            books.groups.settle(waiting, state, at_ms, receipt.note)
            group = books.groups.group(waiting.receiver, waiting.group_key)
            if group is None:
                return
            members = books.groups.members(group.receiver, group.group_key)
            ended = {**told.resolved, **{key: members[key] for key in told.over if key in members}}
            gone = [key for key, alert in ended.items() if key in members and mark_of(members[key]) == mark_of(alert)]
            books.groups.told(group, told_after(told, group.told), at_ms, receipt.handle, gone)
            if len(gone) == len(members):
                books.groups.drop(group)

    def _failed(self, waiting: Waiting, message: str, *, is_final: bool, after_s: float | None) -> None:
        groups, at_ms = self._ways.books.groups, self._ways.now_ms()
        groups.count(waiting.receiver, ("failures",))
        is_over = at_ms - waiting.made_at_ms >= self._ways.give_up_ms()
        if is_final or is_over:
            note = message if is_final else f"given up: {message}"
            log.error("notification_lost", receiver=waiting.receiver, error=note)
            groups.settle(waiting, "lost", at_ms, note)
            return
        wait_ms = min(FIRST_RETRY_MS * 2 ** min(waiting.tries_count, 10), RETRY_MS_MAX)
        wait_ms = max(wait_ms, int((after_s or 0) * 1000))
        log.warning("notification_waits", receiver=waiting.receiver, error=message, wait_s=round(wait_ms / 1000, 1))
        groups.try_later(waiting.id, at_ms + wait_ms, message)


def _digest(now: Snapshot) -> str:
    """Of what is told: a second try with more alerts in it is another message."""
    text = "\n".join(f"{name} {mark}" for name, mark in sorted(now.promised().items()))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
