"""Whether the ledger is what was written: a walk over all of it now and then, and over what is new whenever asked.

A walk over everything finds whatever was altered since the last one; a walk over the new entries costs next to nothing,
and finds that what is written now follows what was there. Both say when they were made, and up to which entry.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Protocol

import msgspec

from trimtab.model.change import Change, ChangeState, LedgerEntry, Proposal
from trimtab.store.ledger import GENESIS_HASH, ChainReport, Event, canonical_json, fold, verify_entries

WHOLE_EVERY_MS = 3_600_000
BROKEN_EVERY_MS = 60_000
"""What is broken is looked at again so often: somebody may have put a copy back."""
PAGE_ENTRIES = 10_000
TO_DO = (
    "nothing new is applied meanwhile. Stop trimtab and put a copy of the state back: 'Back up and restore' in the "
    "documentation says how"
)


class Entries(Protocol):
    """What the walk reads; `trimtab.store.state.State` has it."""

    def ledger(self, change_id: str | None = None, *, after_seq: int = 0, limit: int = 1000) -> tuple[LedgerEntry, ...]:
        """Entries after `after_seq`, oldest first."""
        ...

    def change(self, change_id: str) -> Change:
        """One change."""
        ...

    def verify_chain(self) -> ChainReport:
        """A walk over everything."""
        ...


@dataclass(frozen=True, slots=True)
class ChainStatus:
    """What is known of the chain. `whole_at_ms` is the last walk over everything, `checked_at_ms` the last look."""

    report: ChainReport
    whole_at_ms: int
    checked_at_ms: int

    @property
    def broken(self) -> str | None:
        """What is wrong, and what to do; None while every entry fits."""
        if self.report.intact:
            return None
        return f"the ledger is broken at entry {self.report.broken_at_seq} ({self.report.problem}): {TO_DO}"


class ChainWatch:
    """Asked by whoever shows the ledger, and before anything is applied. Thread-safe."""

    def __init__(
        self, entries: Entries, quiet: Callable[[], AbstractContextManager[object]], now_ms: Callable[[], int]
    ) -> None:
        """Nothing is written by anybody within `quiet()`."""
        self._entries = entries
        self._quiet = quiet
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._status: ChainStatus | None = None
        self._last_hash = GENESIS_HASH

    def now(self) -> ChainStatus:
        """What is new is walked over; all of it, where the last such walk is long ago."""
        now_ms = self._now_ms()
        known = self._status
        if known is not None and not _is_due(known, now_ms):
            news = known.report.intact and self._entries.ledger(after_seq=known.report.entries_count, limit=1)
            if not news:
                return replace(known, checked_at_ms=now_ms) if known.report.intact else known
        with self._quiet(), self._lock:
            known = self._status
            if known is None or _is_due(known, now_ms):
                made = self._walked(now_ms)
            else:
                made = replace(known, report=self._followed(known.report), checked_at_ms=now_ms)
            self._status = made
            return made

    def _walked(self, now_ms: int) -> ChainStatus:
        report = self._entries.verify_chain()
        last = self._entries.ledger(after_seq=report.entries_count - 1, limit=1) if report.intact else ()
        self._last_hash = last[0].entry_hash if last else GENESIS_HASH
        return ChainStatus(report, now_ms, now_ms)

    def _followed(self, report: ChainReport) -> ChainReport:
        """The report with the entries that came since."""
        while page := self._entries.ledger(after_seq=report.entries_count, limit=PAGE_ENTRIES):
            report = verify_entries(page, report.entries_count, self._last_hash)
            if not report.intact:
                return report
            self._last_hash = page[-1].entry_hash
            for change_id in {entry.change_id for entry in page}:
                folded = folded_of(self._entries.ledger(change_id, limit=PAGE_ENTRIES)).get(change_id)
                if folded is None:
                    first = min(entry.seq for entry in page if entry.change_id == change_id)
                    return replace(report, broken_at_seq=first, problem=f"what came before entry {first} is missing")
                if not is_stored(self._entries, folded):
                    return not_the_sum(report, folded)
        return report


def _is_due(known: ChainStatus, now_ms: int) -> bool:
    """Whether everything is to be walked over again."""
    wait_ms = WHOLE_EVERY_MS if known.report.intact else BROKEN_EVERY_MS
    return not 0 <= now_ms - known.whole_at_ms < wait_ms


def folded_of(entries: Iterable[LedgerEntry]) -> dict[str, Change]:
    """What the entries add up to, by change; one whose beginning is missing is not there."""
    folded: dict[str, Change] = {}
    for entry in entries:
        before = first_of(entry) if entry.event == Event.PROPOSED else folded.get(entry.change_id)
        if before is not None:
            folded[entry.change_id] = fold(before, entry)
    return folded


def first_of(entry: LedgerEntry) -> Change:
    """The blank change that a `proposed` entry starts from."""
    proposal = msgspec.convert(entry.detail["proposal"], Proposal)
    return Change(
        entry.change_id, entry.case_id, proposal.system, proposal, ChangeState.PROPOSED, entry.at_ms, entry.at_ms
    )


def is_stored(entries: Entries, folded: Change) -> bool:
    """Whether the change that is stored is what its entries add up to."""
    return canonical_json(entries.change(folded.id)) == canonical_json(folded)


def not_the_sum(report: ChainReport, folded: Change) -> ChainReport:
    """The report of a change that is stored otherwise than its entries say."""
    return replace(
        report,
        broken_at_seq=folded.ledger_seq,
        problem=f"change {folded.id} is not what its ledger entries add up to",
    )


def all_entries(entries: Entries) -> Iterator[LedgerEntry]:
    """The whole ledger, oldest first."""
    after = 0
    while page := entries.ledger(after_seq=after, limit=PAGE_ENTRIES):
        yield from page
        after = page[-1].seq
