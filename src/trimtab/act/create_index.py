"""The action `create_index`: build an index without blocking anybody, and take it back without a trace.

What makes it hard, and what is done about it:

* A build that is cancelled, times out or deadlocks leaves an INVALID index, which every write maintains and no query
  uses. So: the undo is known before, the OID is recorded while it builds, and leftovers are dropped by that OID.
* `CREATE INDEX CONCURRENTLY IF NOT EXISTS` says "done" about an INVALID leftover. So: never used, validity is read.
* The server goes on building when trimtab is killed. So: the session holds an advisory lock named after the change;
  whoever comes later sees it, waits, or ends it.
* `DROP INDEX CONCURRENTLY` waits for other sessions, too. So: lock timeout, retries, and the truth in the error.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import msgspec
import psycopg

from trimtab.act.catalogue import (
    Builder,
    Connection,
    IndexFacts,
    builders,
    index_by_oid,
    indexes_of,
    table_facts,
    take_lock,
    terminate,
)
from trimtab.act.change_session import APPLICATION, LOOK_TIMEOUT_S, Connect, change_session, failed, set_timeouts
from trimtab.act.index_build import IndexBuild
from trimtab.act.index_checks import Measure, WhoIsWatched, compare_with_watched, nobody, run_checks
from trimtab.act.index_identity import (
    BUILDING_KEY,
    UndoRecord,
    check_target,
    find,
    lock_key,
    make_undo,
    read_undo,
    same_but_for_name,
)
from trimtab.model.change import Change, CheckResult
from trimtab.model.errors import ApplyFailed, OtherTarget, TrimtabError
from trimtab.model.policy import GuardPolicy, Policy
from trimtab.sql.allowlist import execute_change
from trimtab.sql.database_identity import identity_of
from trimtab.sql.identifiers import qualified

_DEPENDENT = "2BP01"
DROP_TIMEOUT_S = 60.0
DROP_TRIES = 4
DROP_BACK_OFF_S = 0.5
"""Before the second try; doubled after each."""
TERMINATE_WAIT_S = 10.0
LOOK_AGAIN_S = 0.05
LOOKS_MAX = 40
"""A session that was closed a moment ago still shows its lock: look this often before it counts as building."""

Note = Callable[[str, dict[str, object]], None]
"""Puts something about a change (its id, detail) into the ledger, now."""
Wanted = Callable[[str], bool]
"""Whether a change is still wanted: False once somebody asked to take it back."""


@dataclass(frozen=True, slots=True)
class IndexState:
    """What is on the server. `index` is ours; `stranger` says what stands in its place, or that it was renamed."""

    presence: str
    index: IndexFacts | None = None
    stranger: str | None = None
    builder_pid: int | None = None


def unknown(_system: str) -> int | None:
    """A measure that nobody has."""
    return None


def never() -> bool:
    """Not stopping."""
    return False


class CreateIndex:
    """Actuator for `kind = "create_index"` on PostgreSQL.

    `connect(system)` opens a session of the changing role (autocommit, not read-only). `free_bytes(system)` and
    `cpus_count(system)` are None where the server is on another machine. `watched(system)` asks the watched side which
    database it is. While `stopping()` is true, builds are cancelled and cleaned up.
    """

    kind = "create_index"

    def __init__(
        self,
        connect: Connect,
        *,
        free_bytes: Measure = unknown,
        cpus_count: Measure = unknown,
        watched: WhoIsWatched = nobody,
        stopping: Callable[[], bool] = never,
        drop_back_off_s: float = DROP_BACK_OFF_S,
    ) -> None:
        self._connect = connect
        self._free_bytes = free_bytes
        self._cpus_count = cpus_count
        self._watched = watched
        self._stopping = stopping
        self._drop_back_off_s = drop_back_off_s
        self._note: Note | None = None
        self._wanted: Wanted | None = None

    def report_to(self, note: Note, wanted: Wanted) -> None:
        """Whom to tell what must be in the ledger while `apply` is at work, and whom to ask whether to go on."""
        self._note, self._wanted = note, wanted

    def checks(self, change: Change, policy: Policy) -> tuple[CheckResult, ...]:
        """Look, touch nothing."""
        with self._session(change) as connection:
            made = run_checks(
                connection, change, policy.create_index, self._free_bytes, self._cpus_count, self._watched
            )
            return (*made, _nobody_builds(connection))

    def checkpoint(self, change: Change) -> dict[str, object]:
        """The undo record: table OID, our index's name and definition, every index that is there now."""
        definition = change.proposal.index
        with self._session(change) as connection:
            table = table_facts(connection, definition.schema, definition.table)
            if table is None:
                raise ApplyFailed(f"there is no table {definition.relation}", transient=False)
            undo = make_undo(change, table, indexes_of(connection, table.oid), identity_of(connection).target)
            return msgspec.convert(msgspec.to_builtins(undo), dict[str, object])

    def inspect(self, change: Change, undo: dict[str, object]) -> IndexState:
        """Absent, building (a session of this change is alive), invalid or present."""
        record = read_undo(undo, change.id)
        with self._session(change) as connection:
            check_target(connection, record)
            return _inspect(connection, change.id, record)

    def apply(self, change: Change, undo: dict[str, object], policy: Policy) -> dict[str, object]:
        """Build the index, or finish what is already there. On a failure one try is made to drop what is left."""
        record = read_undo(undo, change.id)
        started_s = time.monotonic()
        try:
            with self._session(change, policy.create_index) as connection:
                check_target(connection, record)
                compared = compare_with_watched(connection, change.system, self._watched)
                if compared.same is False:
                    raise OtherTarget(compared.message, transient=True)
                self._lock(connection, change)
                index, already = self._built(connection, change, record, policy.create_index)
                analyzed = any(key.is_expression for key in change.proposal.index.keys)
                if analyzed:
                    execute_change(connection, f"ANALYZE {qualified(record.schema, record.table)}")
        except ApplyFailed as error:
            raise self._cleaned_up(change, undo, policy, error) from None
        return {
            "index_oid": index.oid,
            "index_name": index.name,
            "definition": index.definition,
            "size_bytes": index.size_bytes,
            "build_s": round(time.monotonic() - started_s, 3),
            "already_there": already,
            "analyzed": analyzed,
            "undo": {"index_oid": index.oid},
        }

    def roll_back(self, change: Change, undo: dict[str, object], policy: Policy) -> dict[str, object]:
        """Drop our index if it is there. `outcome` is `removed`, `absent`, or `left` with the reason.

        Raises `ApplyFailed` when it is still there after all tries: call again later.
        """
        return self._roll_back(change, undo, policy, DROP_TRIES)

    def _roll_back(self, change: Change, undo: dict[str, object], policy: Policy, tries_max: int) -> dict[str, object]:
        record = read_undo(undo, change.id)
        with self._session(change, policy.create_index) as connection:
            check_target(connection, record)
            set_timeouts(
                connection,
                lock_timeout_s=policy.create_index.lock_timeout_s,
                statement_timeout_s=DROP_TIMEOUT_S,
            )
            ended = self._take_over(connection, change)
            found = find(connection, record)
            facts: dict[str, object] = {"index_oid": record.index_oid, "index_name": record.index_name, **ended}
            if found.index is None:
                if found.stranger is not None and record.index_oid is not None:
                    gone = index_by_oid(connection, record.index_oid) is None
                    return {**facts, "outcome": "absent" if gone else "left", "reason": found.stranger}
                return {**facts, "outcome": "absent", "reason": found.stranger or "it was not there"}
            facts["index_oid"] = found.index.oid
            try:
                tries = self._drop(connection, record, found.index, tries_max)
            except ApplyFailed as error:
                if error.facts.get("sqlstate") != _DEPENDENT:
                    raise
                return {**facts, "outcome": "left", "reason": f"somebody made something depend on it: {error.message}"}
            return {**facts, "outcome": "removed", "tries": tries}

    @contextmanager
    def _session(self, change: Change, limits: GuardPolicy | None = None) -> Iterator[Connection]:
        """A session for looking (short timeouts), or with the limits of a build."""
        with change_session(
            self._connect,
            change.system,
            change.id,
            lock_timeout_s=LOOK_TIMEOUT_S if limits is None else limits.lock_timeout_s,
            statement_timeout_s=LOOK_TIMEOUT_S if limits is None else limits.build_timeout_s,
        ) as connection:
            yield connection

    def _lock(self, connection: Connection, change: Change) -> None:
        if not take_lock(connection, lock_key(change.id)):
            raise ApplyFailed("another session is at work on this change", transient=True, busy=True)
        if not take_lock(connection, BUILDING_KEY):
            raise ApplyFailed(_nobody_builds(connection).message, transient=True, busy=True)

    def _take_over(self, connection: Connection, change: Change) -> dict[str, object]:
        """Take the change's lock; a session that a dead trimtab left behind is ended first."""
        key, ended = lock_key(change.id), False
        deadline_s = time.monotonic() + TERMINATE_WAIT_S
        while not take_lock(connection, key):
            for other in builders(connection, key):
                if not other.is_ours or other.application_name != f"{APPLICATION}{change.id}":
                    raise ApplyFailed(f"process {other.pid} holds this change's lock and is not ours", transient=True)
                ended = terminate(connection, other.pid) or ended
            if time.monotonic() > deadline_s:
                raise ApplyFailed("a session that builds for this change does not end", transient=True)
            time.sleep(LOOK_AGAIN_S)
        return {"ended_a_build": True} if ended else {}

    def _built(
        self, connection: Connection, change: Change, record: UndoRecord, limits: GuardPolicy
    ) -> tuple[IndexFacts, bool]:
        """The valid index, and whether it was there before."""
        definition = change.proposal.index
        table = table_facts(connection, definition.schema, definition.table)
        if table is None or table.oid != record.table_oid:
            what = "was dropped" if table is None else "was dropped and made anew"
            raise ApplyFailed(f"{definition.relation} {what} since it was checked", transient=False)
        found = find(connection, record)
        if found.stranger is not None:
            raise ApplyFailed(found.stranger, transient=False)
        if found.index is not None and found.index.usable:
            return found.index, True
        if found.index is not None:
            self._drop(connection, record, found.index, DROP_TRIES)
        oids: list[int] = []

        def note(oid: int) -> None:
            oids.append(oid)
            if self._note is not None:
                self._note(change.id, {"undo": {"index_oid": oid}})

        with self._session(change) as looking:
            build = IndexBuild(connection, looking, record.schema, record.index_name)
            build.run(record.statement, limits.build_timeout_s, note, lambda: self._unwanted(change.id))
        index = index_by_oid(connection, oids[0]) if oids else find(connection, record).index
        if index is None or not index.usable or not record.matches(index):
            state = "gone" if index is None else "not valid" if not index.usable else "not as asked for"
            raise ApplyFailed(f"{record.index_name} is {state} after the build", transient=False)
        others = [other for other in indexes_of(connection, record.table_oid) if other.oid != index.oid]
        equal = [other.name for other in others if other.usable and same_but_for_name(other, index)]
        if equal:
            raise ApplyFailed(f"index {equal[0]} turned out to be the same", transient=False)
        return index, False

    def _cleaned_up(self, change: Change, undo: dict[str, object], policy: Policy, error: ApplyFailed) -> ApplyFailed:
        """The error with what became of the leftover; nothing is hidden when cleaning up fails, too."""
        if error.facts.get("busy"):
            return error
        try:
            left = self._roll_back(change, undo, policy, tries_max=1)
        except TrimtabError as second:
            left = {"outcome": "left", "reason": second.message}
        return ApplyFailed(error.message, **{**error.facts, "cleaned_up": left})

    def _drop(self, connection: Connection, record: UndoRecord, index: IndexFacts, tries_max: int) -> int:
        """Drop and make sure; how many tries it took."""
        statement = f"DROP INDEX CONCURRENTLY {qualified(index.schema, index.name)}"
        problem: ApplyFailed | None = None
        for attempt in range(1, tries_max + 1):
            problem = _try_drop(connection, statement)
            if index_by_oid(connection, index.oid) is None:
                return attempt
            if problem is not None and not problem.facts["transient"]:
                break
            if attempt < tries_max:
                time.sleep(self._drop_back_off_s * 2 ** (attempt - 1))
        why = "the server did not say why" if problem is None else problem.message
        raise ApplyFailed(
            f"could not drop {record.schema}.{index.name} (OID {index.oid}): {why}",
            transient=True,
            oid=index.oid,
            sqlstate=None if problem is None else problem.facts["sqlstate"],
        )

    def _unwanted(self, change_id: str) -> bool:
        return self._stopping() or (self._wanted is not None and not self._wanted(change_id))


def _nobody_builds(connection: Connection) -> CheckResult:
    """Whether another trimtab builds in this database now; two that do would measure each other."""
    others = builders(connection, BUILDING_KEY)
    message = "no other trimtab is changing this database"
    if others:
        first = others[0]
        place = "the server's own machine" if first.address is None else first.address
        message = (
            f"another trimtab is changing this database (server process {first.pid}, from {place}): this one waits"
        )
    return CheckResult("other_trimtab", not others, f"{len(others)} at work", "none at work", message)


def _try_drop(connection: Connection, statement: str) -> ApplyFailed | None:
    try:
        execute_change(connection, statement)
    except psycopg.Error as error:
        if connection.closed:
            raise
        return failed("the server refused", error)
    return None


def _inspect(connection: Connection, change_id: str, record: UndoRecord) -> IndexState:
    at_work: tuple[Builder, ...] = ()
    for _ in range(LOOKS_MAX):
        at_work = builders(connection, lock_key(change_id))
        if not at_work or any(builder.state == "active" for builder in at_work):
            break
        time.sleep(LOOK_AGAIN_S)
    found = find(connection, record)
    if at_work:
        return IndexState("building", found.index, found.stranger, at_work[0].pid)
    if found.index is not None:
        return IndexState("present" if found.index.usable else "invalid", found.index)
    if found.stranger is not None and record.index_oid is not None:
        renamed = index_by_oid(connection, record.index_oid)
        if renamed is not None:  # it still works, under a name that is not ours any more
            return IndexState("present" if renamed.usable else "invalid", None, found.stranger)
    return IndexState("absent", None, found.stranger)
