"""What trimtab must never forget: systems, cases, changes and the ledger. See `State`."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

import msgspec

from trimtab.model.case import Case, CaseState, Verdict
from trimtab.model.change import FINAL_STATES, IN_FLIGHT_STATES, Change, ChangeState, LedgerEntry, Proposal
from trimtab.model.errors import ConflictError, InputError, NotFound
from trimtab.model.finding import Finding
from trimtab.model.system import System
from trimtab.sql.connect import Reference
from trimtab.store.chain import ChainWatch, all_entries, folded_of, is_stored, not_the_sum
from trimtab.store.ledger import (
    GENESIS_HASH,
    ChainReport,
    Event,
    check_move,
    entry_hash,
    fold,
    verify_entries,
)
from trimtab.store.news import Listener
from trimtab.store.state_codec import (
    CASE_COLUMNS,
    CHANGE_COLUMNS,
    LEDGER_COLUMNS,
    case_of,
    change_of,
    change_values,
    encode,
    entry_of,
    stored_case_state,
    system_of,
)
from trimtab.store.state_database import StateDatabase

LIMIT_MAX = 10_000
"""No read gives more rows than this."""

_KILL_SWITCH = "kill_switch"
_VERDICTS = {
    ChangeState.KEPT: Verdict.KEPT,
    ChangeState.ROLLED_BACK: Verdict.ROLLED_BACK,
    ChangeState.INCONCLUSIVE: Verdict.INCONCLUSIVE,
    ChangeState.FAILED: Verdict.FAILED,
    ChangeState.REJECTED: Verdict.REJECTED,
}


def wall_clock_ms() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000


class State:
    """The state database. Safe to use from many threads of one process; a second process gets `StoreLocked`.

    Every write is durable when the method returns. A change moves only by `append`, which writes the ledger
    entry, the change and its case in one transaction, and only if the writer names the newest entry it saw.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as d, State.open(Path(d) / "state.db", now_ms=lambda: 1000) as state:
    ...     state.add_system(System("shop", "service=shop", None, 1000))
    ...     [s.name for s in state.systems()], state.verify_chain().intact
    (['shop'], True)
    """

    def __init__(self, database: StateDatabase, now_ms: Callable[[], int]) -> None:
        self._db = database
        self._now_ms = now_ms
        self.chain = ChainWatch(self, database.transaction, now_ms)

    @classmethod
    def open(cls, path: Path, *, now_ms: Callable[[], int] = wall_clock_ms) -> Self:
        """Open or create the file; raises `StoreLocked` (with `facts["holder"]`, a process id) when it is in use."""
        return cls(StateDatabase(path), now_ms)

    @property
    def session(self) -> str:
        """New with every open; leases of other sessions belong to dead processes."""
        return self._db.session

    @property
    def database(self) -> StateDatabase:
        """The file underneath, for what is kept and looked up in files of its own."""
        return self._db

    def listen(self, listener: Listener) -> None:
        """Whom to tell what was written; see `trimtab.store.news`."""
        self._db.listener = listener

    def close(self) -> None:
        """Close; again is no error."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- systems -----------------------------------------------------------------------------------------------

    def add_system(self, system: System) -> None:
        """Add a system, or change the references of the one with this name; `DsnError` for one with a secret.

        `ConflictError` for another `change_reference` while a change is in flight: its work would not be found again.
        """
        for reference in (system.watch_reference, system.change_reference):
            if reference is not None:
                Reference.parse(reference)
        with self._db.transaction() as db:
            busy = self.changes(in_flight=True, system=system.name, limit=1)
            if busy and any(
                s.change_reference != system.change_reference for s in self.systems() if s.name == system.name
            ):
                raise ConflictError(
                    f"system {system.name!r} has change {busy[0].id} in flight ({busy[0].state}): its connection for "
                    "changes stays until that has ended",
                    change_id=busy[0].id,
                )
            db.execute(
                "INSERT INTO systems (name, watch_reference, change_reference, added_at_ms) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (name) DO UPDATE SET watch_reference = excluded.watch_reference,"
                " change_reference = excluded.change_reference",
                (system.name, system.watch_reference, system.change_reference, system.added_at_ms),
            )
            self._db.tell("system", name=system.name)

    def systems(self) -> tuple[System, ...]:
        """All systems, by name."""
        rows = self._db.rows(
            "SELECT name, watch_reference, change_reference, added_at_ms FROM systems ORDER BY name LIMIT ?",
            (LIMIT_MAX,),
        )
        return tuple(system_of(row) for row in rows)

    def system(self, name: str) -> System:
        """One system; `NotFound` when there is none with this name."""
        for system in self.systems():
            if system.name == name:
                return system
        raise NotFound(f"there is no system named {name!r}", system=name)

    def remove_system(self, name: str) -> None:
        """Forget a system (its cases and ledger stay); `ConflictError` while one of its changes is in flight."""
        with self._db.transaction() as db:
            busy = self.changes(in_flight=True, system=name, limit=1)
            if busy:
                raise ConflictError(
                    f"system {name!r} has change {busy[0].id} in flight ({busy[0].state})", change_id=busy[0].id
                )
            if db.execute("DELETE FROM systems WHERE name = ?", (name,)).rowcount == 0:
                raise NotFound(f"there is no system named {name!r}", system=name)
            self._db.tell("system", name=name)

    # --- cases -------------------------------------------------------------------------------------------------

    def open_case(self, finding: Finding, query_text: str) -> Case:
        """A case for this finding. One that is not closed yet for the same system and fingerprint is refreshed.

        `query_text` is the shape's text, with `$n` for literals.
        """
        now_ms = self._now_ms()
        found = encode(finding, Finding)
        with self._db.transaction() as db:
            known = self.case_of_shape(finding.system, finding.fingerprint)
            if known is not None and known.state is not CaseState.CLOSED:
                db.execute("UPDATE cases SET finding = ?, updated_at_ms = ? WHERE id = ?", (found, now_ms, known.id))
                self._db.tell("case", id=known.id)
                return self.case(known.id)
            made = db.execute(
                "INSERT INTO cases (system, fingerprint, kind, state, opened_at_ms, updated_at_ms, finding,"
                " query_text, proposals) VALUES (?, ?, ?, 'open', ?, ?, ?, ?, '[]') RETURNING id",
                (finding.system, finding.fingerprint, finding.kind.value, now_ms, now_ms, found, query_text),
            ).fetchone()
            self._db.tell("case", id=made["id"])
            return self.case(made["id"])

    def case(self, case_id: int) -> Case:
        """One case; `NotFound` when there is none with this number."""
        rows = self._db.rows(f"SELECT {CASE_COLUMNS} FROM cases WHERE id = ?", (case_id,))
        if not rows:
            raise NotFound(f"there is no case {case_id}", case_id=case_id)
        return case_of(rows[0])

    def case_of_shape(self, system: str, fingerprint: str) -> Case | None:
        """The newest case of a query shape, closed or not; None when there never was one."""
        rows = self._db.rows(
            f"SELECT {CASE_COLUMNS} FROM cases WHERE system = ? AND fingerprint = ? ORDER BY id DESC LIMIT 1",
            (system, fingerprint),
        )
        return case_of(rows[0]) if rows else None

    def cases(
        self, *, states: Iterable[CaseState] | None = None, system: str | None = None, limit: int = 200
    ) -> tuple[Case, ...]:
        """Cases, newest number first; only those in `states` and of `system` when given."""
        stored = None if states is None else [stored_case_state(state) for state in states]
        where, values = _where({"system": system}, "state", stored)
        rows = self._db.rows(
            f"SELECT {CASE_COLUMNS} FROM cases{where} ORDER BY id DESC LIMIT ?", (*values, _cap(limit))
        )
        return tuple(case_of(row) for row in rows)

    def update_case(
        self,
        case_id: int,
        *,
        state: CaseState | None = None,
        proposals: Sequence[Proposal] | None = None,
        verdict: Verdict | None = None,
        reason: str | None = None,
    ) -> Case:
        """Set what is given, leave the rest. With a `verdict` the case is closed.

        While a change is alive its case follows the change: closing it by hand is a `ConflictError`.
        """
        with self._db.transaction() as db:
            case = self.case(case_id)
            closing = verdict is not None or state is CaseState.CLOSED
            if closing and case.change_id is not None and not self.change(case.change_id).state.is_final:
                raise ConflictError(f"case {case_id} has change {case.change_id} under way", case_id=case_id)
            if case.state is CaseState.CLOSED:
                raise ConflictError(f"case {case_id} is closed", case_id=case_id)
            new_state = CaseState.CLOSED if closing else state or case.state
            new_proposals = case.proposals if proposals is None else tuple(proposals)
            db.execute(
                "UPDATE cases SET state = ?, proposals = ?, verdict = ?, reason = ?, updated_at_ms = ? WHERE id = ?",
                (
                    stored_case_state(new_state),
                    encode(new_proposals, tuple[Proposal, ...]),
                    None if verdict is None else verdict.value,
                    case.reason if reason is None else reason,
                    self._now_ms(),
                    case_id,
                ),
            )
            self._db.tell("case", id=case_id)
            return self.case(case_id)

    # --- changes and the ledger --------------------------------------------------------------------------------

    def create_change(self, case_id: int, proposal: Proposal, *, actor: str = "trimtab") -> Change:
        """A new change in state `proposed`, with its first ledger entry.

        Its id is `c<case>-<10 hex>`: unlike any other on this target, whoever else runs trimtab there.
        `ConflictError` when the case is closed or has a change that is not final.
        """
        with self._db.transaction() as db:
            case = self.case(case_id)
            if case.state is CaseState.CLOSED:
                raise ConflictError(f"case {case_id} is closed", case_id=case_id)
            if proposal.system != case.system:
                raise InputError(f"the proposal is for {proposal.system!r}, case {case_id} for {case.system!r}")
            now_ms = self._now_ms()
            change_id = f"c{case_id}-{secrets.token_hex(5)}"
            blank = Change(change_id, case_id, case.system, proposal, ChangeState.PROPOSED, now_ms, now_ms)
            db.execute(f"INSERT INTO changes ({CHANGE_COLUMNS}) VALUES ({', '.join('?' * 17)})", change_values(blank))
            detail = {"proposal": msgspec.to_builtins(proposal)}
            self._append(blank, Event.PROPOSED, ChangeState.PROPOSED, actor, detail, now_ms)
            return self.change(change_id)

    def change(self, change_id: str) -> Change:
        """One change; `NotFound` when there is none with this id."""
        rows = self._db.rows(f"SELECT {CHANGE_COLUMNS} FROM changes WHERE id = ?", (change_id,))
        if not rows:
            raise NotFound(f"there is no change {change_id!r}", change_id=change_id)
        return change_of(rows[0])

    def changes(
        self,
        *,
        in_flight: bool | None = None,
        alive: bool | None = None,
        case_id: int | None = None,
        system: str | None = None,
        limit: int = 200,
    ) -> tuple[Change, ...]:
        """Changes, newest first. `in_flight`: the target may be touched; `alive`: not in a final state."""
        states: frozenset[ChangeState] | None = None
        if in_flight is not None:
            states = IN_FLIGHT_STATES if in_flight else frozenset(ChangeState) - IN_FLIGHT_STATES
        if alive is not None:
            wanted = frozenset(ChangeState) - FINAL_STATES if alive else FINAL_STATES
            states = wanted if states is None else states & wanted
        where, values = _where({"case_id": case_id, "system": system}, "state", states)
        rows = self._db.rows(
            f"SELECT {CHANGE_COLUMNS} FROM changes{where} ORDER BY created_at_ms DESC, rowid DESC LIMIT ?",
            (*values, _cap(limit)),
        )
        return tuple(change_of(row) for row in rows)

    def append(
        self,
        change_id: str,
        expected_seq: int,
        event: str,
        state: ChangeState,
        actor: str,
        detail: Mapping[str, object],
    ) -> LedgerEntry:
        """Move a change: one ledger entry, the change and its case, together or not at all.

        `expected_seq` is the change's `ledger_seq` as the writer read it. `ConflictError` when another entry came
        in between, when the move is not drawn in `ALLOWED_MOVES`, or when the system has another change in flight.
        """
        with self._db.transaction():
            change = self.change(change_id)
            if change.ledger_seq != expected_seq:
                raise ConflictError(
                    f"change {change_id} moved on: entry {change.ledger_seq} is newer than {expected_seq}",
                    change_id=change_id,
                    expected_seq=expected_seq,
                    ledger_seq=change.ledger_seq,
                )
            check_move(change_id, change.state, state)
            return self._append(change, event, state, actor, detail, self._now_ms())

    def _append(
        self, change: Change, event: str, state: ChangeState, actor: str, detail: Mapping[str, object], now_ms: int
    ) -> LedgerEntry:
        with self._db.transaction() as db:
            last = self._db.rows("SELECT seq, entry_hash, at_ms FROM ledger ORDER BY seq DESC LIMIT 1")
            plain = msgspec.convert(msgspec.to_builtins(dict(detail)), dict[str, object])
            text = encode(plain, dict[str, object])
            entry = LedgerEntry(
                seq=last[0]["seq"] + 1 if last else 1,
                change_id=change.id,
                case_id=change.case_id,
                at_ms=now_ms,
                state=state,
                event=event,
                actor=actor,
                detail=plain,
                previous_hash=last[0]["entry_hash"] if last else GENESIS_HASH,
            )
            entry = replace(entry, entry_hash=entry_hash(entry))
            db.execute(
                f"INSERT INTO ledger ({LEDGER_COLUMNS}) VALUES ({', '.join('?' * 10)})",
                (
                    entry.seq,
                    entry.change_id,
                    entry.case_id,
                    entry.at_ms,
                    entry.state.value,
                    entry.event,
                    entry.actor,
                    text,
                    entry.previous_hash,
                    entry.entry_hash,
                ),
            )
            moved = fold(change, entry)
            columns = ", ".join(f"{name} = ?" for name in CHANGE_COLUMNS.split(", "))
            db.execute(f"UPDATE changes SET {columns} WHERE id = ?", (*change_values(moved), moved.id))
            self._follow(moved, now_ms)
            self._db.tell("change", id=moved.id, case_id=moved.case_id, state=moved.state.value)
            self._db.tell("case", id=moved.case_id)
            return entry

    def _follow(self, change: Change, now_ms: int) -> None:
        """The case goes where its change went."""
        if change.state.is_final:
            case_state = CaseState.CLOSED
        else:
            case_state = CaseState.PROPOSED if change.state is ChangeState.PROPOSED else CaseState.CHANGING
        verdict = _VERDICTS.get(change.state)
        with self._db.transaction() as db:
            db.execute(
                "UPDATE cases SET state = ?, verdict = ?, reason = ?, change_id = ?, updated_at_ms = ? WHERE id = ?",
                (
                    stored_case_state(case_state),
                    verdict and verdict.value,
                    change.reason,
                    change.id,
                    now_ms,
                    change.case_id,
                ),
            )

    def ledger(self, change_id: str | None = None, *, after_seq: int = 0, limit: int = 1000) -> tuple[LedgerEntry, ...]:
        """Entries after `after_seq`, oldest first, of one change or of all."""
        where, values = _where({"change_id": change_id}, "event", None)
        joint = " AND" if where else " WHERE"
        rows = self._db.rows(
            f"SELECT {LEDGER_COLUMNS} FROM ledger{where}{joint} seq > ? ORDER BY seq LIMIT ?",
            (*values, after_seq, _cap(limit)),
        )
        return tuple(entry_of(row) for row in rows)

    def newest_entries(self, limit: int = 100, *, before_seq: int | None = None) -> tuple[LedgerEntry, ...]:
        """The newest entries of all changes, newest first; with `before_seq` only those that are older than it."""
        rows = self._db.rows(
            f"SELECT {LEDGER_COLUMNS} FROM ledger WHERE seq < ? ORDER BY seq DESC LIMIT ?",
            (2**62 if before_seq is None else before_seq, _cap(limit)),
        )
        return tuple(entry_of(row) for row in rows)

    def last_entry(self, change_id: str, events: Iterable[str] | None = None) -> LedgerEntry | None:
        """The newest entry of a change, or the newest whose event is one of `events`."""
        where, values = _where({"change_id": change_id}, "event", events)
        rows = self._db.rows(f"SELECT {LEDGER_COLUMNS} FROM ledger{where} ORDER BY seq DESC LIMIT 1", values)
        return entry_of(rows[0]) if rows else None

    def count_entries(
        self, event: str, *, change_id: str | None = None, system: str | None = None, since_ms: int = 0
    ) -> int:
        """How many entries of one event there are at or after `since_ms`, of one change or one system or all."""
        where, values = _where({"ledger.change_id": change_id, "changes.system": system, "event": event}, "event", None)
        rows = self._db.rows(
            f"SELECT count(*) AS n FROM ledger JOIN changes ON changes.id = ledger.change_id{where} AND at_ms >= ?",
            (*values, since_ms),
        )
        return int(rows[0]["n"])

    def finished_at_ms(self, system: str, excluding: str | None = None) -> int:
        """When another change of this system last ended after it had touched the target, 0 if none ever did."""
        rows = self._db.rows(
            "SELECT max(finished_at_ms) AS at_ms FROM changes"
            " WHERE system = ? AND id IS NOT ? AND apply_started_at_ms IS NOT NULL",
            (system, excluding),
        )
        return int(rows[0]["at_ms"] or 0)

    def verify_chain(self) -> ChainReport:
        """Walk the whole ledger: the hashes, and that each change is exactly what its entries add up to."""
        with self._db.transaction():  # nothing moves meanwhile
            report = verify_entries(all_entries(self))
            if not report.intact:
                return report
            folded = folded_of(all_entries(self))
            count = int(self._db.rows("SELECT count(*) AS n FROM changes")[0]["n"])
            if count != len(folded):
                return replace(
                    report,
                    broken_at_seq=report.entries_count,
                    problem=f"{count} changes are stored, the ledger tells of {len(folded)}",
                )
            return next((not_the_sum(report, one) for one in folded.values() if not is_stored(self, one)), report)

    # --- leases, kill switch, meta -----------------------------------------------------------------------------

    def acquire_lease(self, name: str, holder: str, ttl_ms: int) -> bool:
        """Take `name` for `ttl_ms`, or renew one's own; False while somebody else of this session holds it.

        What another session holds is free: that process is dead, or it would hold the file.
        """
        now_ms = self._now_ms()
        with self._db.transaction() as db:
            done = db.execute(
                "INSERT INTO leases (name, holder, session, expires_at_ms) VALUES (?, ?, ?, ?) ON CONFLICT (name)"
                " DO UPDATE SET holder = excluded.holder, session = excluded.session,"
                " expires_at_ms = excluded.expires_at_ms"
                " WHERE leases.holder = excluded.holder OR leases.session <> excluded.session"
                " OR leases.expires_at_ms <= ?",
                (name, holder, self.session, now_ms + ttl_ms, now_ms),
            )
            return done.rowcount > 0

    def release_lease(self, name: str, holder: str) -> None:
        """Give it back; no error when it is not ours."""
        with self._db.transaction() as db:
            db.execute("DELETE FROM leases WHERE name = ? AND holder = ?", (name, holder))

    def meta(self, name: str) -> str | None:
        """A small named text, None when it was never set."""
        rows = self._db.rows("SELECT value FROM meta WHERE name = ?", (name,))
        return str(rows[0]["value"]) if rows else None

    def set_meta(self, name: str, value: str | None) -> None:
        """Set a named text; None removes it."""
        with self._db.transaction() as db:
            if value is None:
                db.execute("DELETE FROM meta WHERE name = ?", (name,))
            else:
                db.execute(
                    "INSERT INTO meta (name, value) VALUES (?, ?)"
                    " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                    (name, value),
                )

    def kill_switch(self) -> str | None:
        """Who switched everything off and why, or None: nothing new is applied while it is on; undoing goes on."""
        return self.meta(_KILL_SWITCH)

    def set_kill_switch(self, reason: str | None) -> None:
        """Switch on with a reason, or off with None."""
        with self._db.transaction():
            self.set_meta(_KILL_SWITCH, reason)
            self._db.tell("status")


def _cap(limit: int) -> int:
    if limit < 1:
        raise InputError(f"limit must be at least 1, not {limit}", limit=limit)
    return min(limit, LIMIT_MAX)


def _where(
    equal: Mapping[str, object], among_column: str, among: Iterable[str] | None
) -> tuple[str, tuple[object, ...]]:
    """A WHERE clause from constants of this file; None means no condition."""
    terms = [f"{column} = ?" for column, value in equal.items() if value is not None]
    values = [value for value in equal.values() if value is not None]
    if among is not None:
        chosen = sorted(among)
        terms.append(f"{among_column} IN ({', '.join('?' * len(chosen))})")
        values.extend(str(value) for value in chosen)
    return (f" WHERE {' AND '.join(terms)}" if terms else "", tuple(values))
