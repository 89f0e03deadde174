"""Looks at the indexes of all watched systems, keeps since when each is unread, and judges them together.

A standby that is watched is found by its cluster's number (the system identifier): its reads count for its primary.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import structlog

from trimtab.advise.drops.fresh import fresh_sizes
from trimtab.advise.drops.judge import IndexVerdict, JudgedIndex, Seen, Standbys, judge
from trimtab.app.watched import Watched
from trimtab.extend.contracts import Clock
from trimtab.model.errors import TrimtabError
from trimtab.model.policy import Policy
from trimtab.observe.postgres.indexes import IndexLook, look_at_indexes
from trimtab.store.index_reads import IndexReads, note_reads, reads_of
from trimtab.store.state import State

LOOK_S = 900.0
"""Between two looks that nobody asked for: so a read is seen even where counters begin anew between two visits."""
FRESH_MS = 60_000
"""Who asks gets a look that is no older than this."""
THREADS = 8

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SystemIndexes:
    """The indexes of one system; `problem` says why they could not be looked at (then `at_ms` is of an older look, or
    None)."""

    system: str
    at_ms: int | None
    counted_since_ms: int | None
    standbys: int
    standbys_watched: int
    in_recovery: bool
    indexes: tuple[JudgedIndex, ...]
    problem: str | None = None
    was_cut: bool = False


@dataclass(frozen=True, slots=True)
class _Look:
    look: IndexLook
    taken_ms: int
    fresh: Mapping[int, int]


class IndexKeeper:
    """Thread-safe. `watched` are the systems of now."""

    def __init__(
        self, state: State, watched: Mapping[str, Watched], policy_of: Callable[[str], Policy], clock: Clock
    ) -> None:
        self._state = state
        self._watched = watched
        self._policy_of = policy_of
        self._clock = clock
        self._looks: dict[str, _Look] = {}
        self._problems: dict[str, str] = {}
        self._tried_ms: dict[str, int] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="indexes", daemon=True)

    def start(self) -> None:
        """Begin to look, every quarter of an hour."""
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Stop; a look that is under way is waited for."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stop.wait(LOOK_S):
            try:
                self.look()
            except Exception:  # a fault of ours must not end the looks; it is logged
                log.exception("index_look_broke")

    def look(self, older_than_ms: int = 0) -> None:
        """Look at each system whose last look is older than this; at a few at a time."""
        now_ms = self._clock.now_ms()
        with self._lock:
            for gone in (set(self._looks) | set(self._tried_ms)) - set(self._watched):
                self._looks.pop(gone, None)
                self._tried_ms.pop(gone, None)
            due = [
                one
                for name, one in list(self._watched.items())
                if now_ms - self._tried_ms.get(name, -older_than_ms - 1) > older_than_ms
            ]
            if not due:
                return
            with ThreadPoolExecutor(THREADS, thread_name_prefix="indexes") as threads:
                list(threads.map(lambda one: self._look_at(one, now_ms), due))

    def _look_at(self, one: Watched, now_ms: int) -> None:
        name = one.system.name
        self._tried_ms[name] = now_ms  # one that does not answer is not asked again for each page
        try:
            with one.connect_to_advise() as connection:
                look = look_at_indexes(connection)
                fresh = fresh_sizes(connection, look)
        except TrimtabError as error:
            self._problems[name] = error.message
            return
        self._problems.pop(name, None)
        self._looks[name] = _Look(look, now_ms, fresh)
        note_reads(self._state.database, name, _server(look), {i.oid: i.scans for i in look.indexes}, now_ms)

    def all(self, system: str | None = None, *, fresh_ms: int = FRESH_MS) -> tuple[SystemIndexes, ...]:
        """Every watched system (or that one) with its indexes, looked at now where the last look is too old."""
        if system is not None:
            self._state.system(system)
        self.look(fresh_ms)
        names = [known.name for known in self._state.systems() if system is None or known.name == system]
        return tuple(self._answer(name) for name in names)

    def _answer(self, name: str) -> SystemIndexes:
        found = self._looks.get(name)
        problem = self._problems.get(name)
        if found is None:
            missing = problem or "it is not looked at yet"
            return SystemIndexes(name, None, None, 0, 0, in_recovery=False, indexes=(), problem=missing)
        standbys, others = self._standbys(name, found.look)
        cycle_days = self._policy_of(name).advise.cycle_days
        seen = self._seen(name, found.look, others)
        judged = judge(name, found.look, standbys, seen, cycle_days=cycle_days, fresh_bytes=found.fresh)
        if found.look.identity.in_recovery:
            judged = [_on_standby(one) for one in judged]
        return SystemIndexes(
            name,
            found.taken_ms,
            found.look.counted_since_ms,
            standbys.count,
            len(standbys.watched),
            found.look.identity.in_recovery,
            tuple(judged),
            problem,
            found.look.was_cut,
        )

    def _standbys(self, name: str, look: IndexLook) -> tuple[Standbys, list[str]]:
        """Who else has the same indexes, and the names of those systems."""
        mine = look.identity
        cluster = mine.target.system_identifier
        if cluster is None:
            return Standbys(look.standbys, primary_is_unwatched=mine.in_recovery), []
        same = {
            other: one.look
            for other, one in self._looks.items()
            if other != name
            and one.look.identity.target.system_identifier == cluster
            and one.look.identity.target.database_oid == mine.target.database_oid
            and one.look.identity.started_at_us != mine.started_at_us
        }
        following = {other: one for other, one in same.items() if one.identity.in_recovery}
        primary = [one for one in same.values() if not one.identity.in_recovery]
        count = look.standbys + sum(one.standbys for one in same.values())
        if mine.in_recovery:
            count = max(0, count - 1) if primary else count
            watched = tuple(same.values())
            return Standbys(count + len(primary), watched, not primary), list(same)
        return Standbys(max(count, len(following)), tuple(following.values())), list(following)

    def _seen(self, name: str, look: IndexLook, others: list[str]) -> dict[int, Seen]:
        """Our own looks at the system and its standbys, together: unread means unread everywhere."""
        mine = reads_of(self._state.database, name, _server(look))
        theirs: list[dict[int, IndexReads]] = [
            reads_of(self._state.database, other, _server(self._looks[other].look)) for other in others
        ]
        together: dict[int, Seen] = {}
        for oid, one in mine.items():
            every = [one, *(found[oid] for found in theirs if oid in found)]
            moved = [each.moved_ms for each in every if each.moved_ms is not None]
            together[oid] = Seen(max(each.first_ms for each in every), max(moved, default=None))
        return together


def _server(look: IndexLook) -> str:
    """Names what the numbers of indexes belong to."""
    target = look.identity.target
    return f"{target.system_identifier or target.database}/{target.database_oid}"


def _on_standby(one: JudgedIndex) -> JudgedIndex:
    """A standby's indexes are its primary's: nothing can be done there."""
    if one.verdict not in (IndexVerdict.DROP, IndexVerdict.REBUILD):
        return one
    return replace(one, reason=f"{one.reason}; on the primary, this is a standby", ddl="", undo="")
