"""A database in memory with the habits that matter: invalid leftovers, builds that outlive their client, strangers.

`Fuse` kills the process at the n-th point between two writes; after that nothing of the process works any more.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from trimtab.model.change import Change, ChangeState, CheckResult, LedgerEntry
from trimtab.model.errors import ApplyFailed
from trimtab.model.policy import Policy
from trimtab.store.ledger import Event
from trimtab.store.state import State


class Crash(BaseException):
    """The process is dead."""


@dataclass
class Fuse:
    """Blows after `left` more points; None never."""

    left: int | None = None
    blown: bool = False
    points_count: int = 0

    def point(self) -> None:
        """A place between two writes."""
        self.points_count += 1
        if self.blown:
            raise Crash
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.blown = True
                raise Crash


class MortalState(State):
    """The real state, in a process that may die before and after each write. What it writes must be so."""

    fuse: Fuse
    target: Target

    def append(
        self,
        change_id: str,
        expected_seq: int,
        event: str,
        state: ChangeState,
        actor: str,
        detail: Mapping[str, object],
    ) -> LedgerEntry:
        self.fuse.point()
        index = self.target.of(change_id)
        if event in (Event.APPLIED, Event.KEPT):
            assert index is not None, f"{event}, and it is not there"
            assert index.is_valid, f"{event}, and it is not valid"
        if event in (Event.UNDONE, Event.FAILED):
            assert index is None, f"{event}, and it is still there"
        entry = super().append(change_id, expected_seq, event, state, actor, detail)
        self.fuse.point()
        return entry

    def acquire_lease(self, name: str, holder: str, ttl_ms: int) -> bool:
        self.fuse.point()
        return super().acquire_lease(name, holder, ttl_ms)

    def release_lease(self, name: str, holder: str) -> None:
        self.fuse.point()
        super().release_lease(name, holder)


@dataclass
class Index:
    """One index on the target."""

    oid: int
    name: str
    change_id: str
    is_valid: bool = False


@dataclass
class Target:
    """Survives crashes. `building` are changes whose build goes on without a client."""

    indexes: dict[int, Index] = field(default_factory=dict)
    building: dict[str, int] = field(default_factory=dict)
    fails_next: str | None = None
    drop_fails: int = 0
    oids: itertools.count[int] = field(default_factory=lambda: itertools.count(1000))

    def of(self, change_id: str) -> Index | None:
        """The index of a change."""
        return next((index for index in self.indexes.values() if index.change_id == change_id), None)


@dataclass(frozen=True)
class Seen:
    """What `inspect` saw."""

    presence: str


@dataclass
class FakeActuator:
    """Behaves like `CreateIndex` on `Target`, and checks the ledger before each effect."""

    target: Target
    state: MortalState
    fuse: Fuse
    kind: str = "create_index"
    note: Callable[[str, dict[str, object]], None] | None = None

    def report_to(self, note: Callable[[str, dict[str, object]], None], wanted: Callable[[str], bool]) -> None:
        self.note = note

    def checks(self, change: Change, policy: Policy) -> tuple[CheckResult, ...]:
        self.fuse.point()
        return (CheckResult("fake", True, "fine", "fine", "fine"),)

    def checkpoint(self, change: Change) -> dict[str, object]:
        self.fuse.point()
        return {"index_name": f"trimtab_{change.id}"}

    def inspect(self, change: Change, undo: dict[str, object]) -> Seen:
        self.fuse.point()
        if change.id in self.target.building:
            return Seen("building")
        index = self.target.of(change.id)
        return Seen("absent" if index is None else "present" if index.is_valid else "invalid")

    def apply(self, change: Change, undo: dict[str, object], policy: Policy) -> dict[str, object]:
        self._announced(change, Event.APPLY_INTENDED)
        assert undo["index_name"] == f"trimtab_{change.id}", "the undo was not written before the do"
        there = self.target.of(change.id)
        if there is not None and there.is_valid:
            return {"undo": {"index_oid": there.oid}, "already_there": True}
        if there is not None:
            del self.target.indexes[there.oid]
        self.fuse.point()
        index = Index(next(self.target.oids), str(undo["index_name"]), change.id)
        self.target.indexes[index.oid] = index
        self.target.building[change.id] = index.oid  # from here on the server goes on by itself
        self.fuse.point()
        assert self.note is not None
        self.note(change.id, {"undo": {"index_oid": index.oid}})
        self.fuse.point()
        del self.target.building[change.id]
        failure, self.target.fails_next = self.target.fails_next, None
        if failure is not None:
            raise ApplyFailed("the server broke off", transient=failure == "transient")
        index.is_valid = True
        self.fuse.point()
        return {"undo": {"index_oid": index.oid}, "already_there": False}

    def roll_back(self, change: Change, undo: dict[str, object], policy: Policy) -> dict[str, object]:
        self._announced(change, Event.ROLLBACK_INTENDED)
        self.target.building.pop(change.id, None)
        self.fuse.point()
        if self.target.drop_fails:
            self.target.drop_fails -= 1
            raise ApplyFailed("could not drop: a reader holds the table", transient=True)
        index = self.target.of(change.id)
        if index is None:
            return {"outcome": "absent"}
        del self.target.indexes[index.oid]
        self.fuse.point()
        return {"outcome": "removed"}

    def _announced(self, change: Change, event: str) -> None:
        """The effect that comes now is in the ledger."""
        last = self.state.last_entry(change.id, (event, Event.UNDONE, Event.APPLIED))
        if event == Event.ROLLBACK_INTENDED:
            last = self.state.last_entry(change.id, (event, Event.UNDONE))
        assert last is not None
        assert last.event == event, f"{event} was not announced"
