"""Takes plans of query shapes and keeps them: when advice is asked for, when a change is watched, and when asked.

The same plan is not kept again and again: a plan with the same steps as the one before it is that one, seen once more.
Another one begins a new time, and its beginning is the date of a change of plan. Whatever goes wrong here disturbs
nothing else: it is said in `problem`, and in the status.
"""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import structlog

from trimtab.model.errors import Busy, NotFound, TrimtabError
from trimtab.model.query import SlowQuery
from trimtab.observe.postgres.facts import EventKind
from trimtab.sql.literals import seen
from trimtab.store.tables import table_of

if TYPE_CHECKING:
    from trimtab.app.watched import Watched
    from trimtab.extend.contracts import Clock
    from trimtab.model.change import Change
    from trimtab.model.policy import PlansPolicy
    from trimtab.store.telemetry import TelemetryStore

SHAPES_MAX = 500
"""Shapes whose newest plan, and the statement it was taken of, are remembered."""
REMEMBERED_CHARS_MAX = 50_000
"""A longer plan or statement is not remembered."""
CHANGE_TRIES_MAX = 3
RETRY_MS = 30_000
WAIT_S = 10.0
"""How long a person waits while another plan of the same system is taken."""
QUERYABLE_S = 5.0
LOGGED_EVERY_MS = 60_000
FLAPPING_MS = 600_000
"""Plans of the log that go to and fro are told at most this often."""

log = structlog.get_logger()
Key = TypeVar("Key")
Value = TypeVar("Value")


class Origin(StrEnum):
    """Why a plan was taken."""

    ADVICE = "advice"
    WATCHING = "watching"
    ASKED = "asked"
    LOGGED = "logged"


@dataclass(frozen=True, slots=True)
class _Kept:
    """The newest plan of a shape, as its row tells it, without the plan's own text where it is not needed."""

    since_ms: int
    plan_id: str
    structure: str
    origin: str
    change_id: str
    taken_at_ms: int
    seen_count: int
    has_actuals: bool
    source: str
    why_no_actuals: str
    settings: tuple[tuple[str, str], ...]
    plan: str


@dataclass(frozen=True, slots=True)
class TakenPlan:
    """What came of taking a plan. `is_new`: it does other steps than the one before."""

    plan_id: str
    is_new: bool
    has_actuals: bool
    why_no_actuals: str


@dataclass
class _Tries:
    """How often the plan after a change was tried to be taken."""

    count: int = 0
    not_before_ms: int = 0
    is_done: bool = False
    thread: threading.Thread | None = None


class PlanBook:
    """The plans of all systems. Thread-safe; one plan at a time of each system."""

    def __init__(self, telemetry: TelemetryStore, clock: Clock, policy_of: Callable[[str], PlansPolicy]) -> None:
        self._telemetry = telemetry
        self._clock = clock
        self._policy_of = policy_of
        self._lock = threading.Lock()
        self._taking: dict[str, threading.Lock] = {}
        self._newest: OrderedDict[tuple[str, str], _Kept] = OrderedDict()
        self._statements: OrderedDict[tuple[str, str], str] = OrderedDict()  # private data: in memory only
        self._tries: OrderedDict[str, _Tries] = OrderedDict()
        self._problems: dict[str, str] = {}

    def problem(self, system: str) -> str | None:
        """Why the last plan of a system could not be taken; None while all is well."""
        return self._problems.get(system)

    def forget(self, system: str) -> None:
        """A system is not watched any more."""
        self._problems.pop(system, None)

    def before(self, watched: Watched, fingerprint: str) -> None:
        """The plan when advice is asked for."""
        self._try(watched, fingerprint, Origin.ADVICE, "")

    def after(self, watched: Watched, change: Change) -> None:
        """The plan of a change that is watched, once: asked as often as one likes, and never waits for it.

        Whoever asks must go on watching: what the change does may be harm.
        """
        with self._lock:
            tries = self._tries.get(change.id) or _Tries()
            _remember(self._tries, change.id, tries, 0)
        now_ms = self._clock.now_ms()
        if tries.is_done or tries.count >= CHANGE_TRIES_MAX or now_ms < tries.not_before_ms:
            return
        if tries.thread is not None and tries.thread.is_alive():
            return
        tries.count, tries.not_before_ms = tries.count + 1, now_ms + RETRY_MS

        def take() -> None:
            tries.is_done = self._try(watched, change.proposal.fingerprint, Origin.WATCHING, change.id)

        tries.thread = threading.Thread(target=take, name=f"plan-{change.id}", daemon=True)
        tries.thread.start()

    def logged(self, watched: Watched, entries: Sequence[str]) -> None:
        """Plans that the server's log has: of one shape one in a minute, and a change in ten: plans go to and fro."""
        from trimtab.app.logged_plans import NOT_ANALYZED, SOURCE, logged_plans

        system = watched.system.name
        for one in logged_plans(entries, watched.shapes()):
            now_ms = self._clock.now_ms()
            before = self._newest_of(system, one.fingerprint)
            if before is not None and now_ms - before.taken_at_ms < LOGGED_EVERY_MS:
                continue
            if before is not None and one.structure != before.structure and now_ms - before.since_ms < FLAPPING_MS:
                continue
            fresh = _Kept(
                since_ms=now_ms,
                plan_id=secrets.token_hex(8),
                structure=one.structure,
                origin=Origin.LOGGED.value,
                change_id="" if before is None else before.change_id,
                taken_at_ms=now_ms,
                seen_count=1,
                has_actuals=one.has_actuals,
                source=SOURCE,
                why_no_actuals="" if one.has_actuals else NOT_ANALYZED,
                settings=tuple(one.settings.items()),
                plan=msgspec.json.encode(one.plan).decode(),
            )
            self._keep(system, one.fingerprint, fresh, now_ms)

    def settle(self, timeout_s: float) -> None:
        """Wait for plans that are being taken in the background, each at most so long."""
        with self._lock:
            threads = [tries.thread for tries in self._tries.values() if tries.thread is not None]
        for thread in threads:
            thread.join(timeout_s)

    def now(self, watched: Watched, fingerprint: str) -> TakenPlan:
        """A plan because somebody wants to see one; can be asked for when this returns.

        Raises NotFound (no such shape), Busy, or why it could not be taken.
        """
        taken = self._take(watched, fingerprint, Origin.ASKED, "")
        self._problems.pop(watched.system.name, None)
        self._telemetry.flush(QUERYABLE_S)
        return taken

    def _try(self, watched: Watched, fingerprint: str, origin: Origin, change_id: str) -> bool:
        """Take one; what goes wrong is said, and disturbs nobody."""
        system = watched.system.name
        try:
            if not change_id or not self._has_after(system, fingerprint, change_id):
                self._take(watched, fingerprint, origin, change_id)
        except TrimtabError as error:
            self._say(system, f"could not take the plan of {fingerprint}: {error.message}")
            return False
        except Exception as error:  # a fault of ours must not stop the loop; it is logged and shown
            log.exception("plan_broke", system=system, fingerprint=fingerprint)
            self._say(system, f"could not take the plan of {fingerprint}: internal error ({type(error).__name__})")
            return False
        self._problems.pop(system, None)
        return True

    def _say(self, system: str, problem: str) -> None:
        if self._problems.get(system) != problem:
            log.warning("no_plan", system=system, reason=problem)
        self._problems[system] = problem

    def _take(self, watched: Watched, fingerprint: str, origin: Origin, change_id: str) -> TakenPlan:
        from trimtab.app.plan_catalogue import BESIDE, catalogue_of, kept
        from trimtab.observe.postgres.plan_capture import capture

        system = watched.system.name
        shape = watched.shapes().get(fingerprint)
        if shape is None:
            raise NotFound(f"system {system!r} has no query {fingerprint}", system=system)
        policy = self._policy_of(system)
        with self._lock:
            taking = self._taking.setdefault(system, threading.Lock())
        if not taking.acquire(timeout=WAIT_S):
            raise Busy(f"a plan of {system!r} is being taken already", system=system)
        try:
            text, sample = self._statement(watched, fingerprint, shape.text, origin)
            with watched.connect_to_plan(policy.analyze_timeout_ms) as connection:
                captured = capture(
                    connection, text, sample, analyze=policy.analyze, analyze_timeout_ms=policy.analyze_timeout_ms
                )
                facts = kept(catalogue_of(connection, captured.plan), captured.plan)
            now_ms = self._clock.now_ms()
            fresh = _Kept(
                since_ms=now_ms,
                plan_id=secrets.token_hex(8),
                structure=captured.structure,
                origin=origin.value,
                change_id=change_id,
                taken_at_ms=now_ms,
                seen_count=1,
                has_actuals=captured.has_actuals,
                source=captured.source,
                why_no_actuals=captured.why_no_actuals,
                settings=tuple(captured.settings.items()),
                plan=msgspec.json.encode(captured.plan | {BESIDE: facts}).decode(),
            )
            return self._keep(system, fingerprint, fresh, now_ms)
        finally:
            taking.release()

    def _statement(self, watched: Watched, fingerprint: str, text: str, origin: Origin) -> tuple[str, str | None]:
        """The text to plan where no complete statement was seen, and a complete one.

        After a change it is the same statement as before it, so that the two plans can be compared.
        """
        key = (watched.system.name, fingerprint)
        with self._lock:
            known = self._statements.get(key)
        if origin is Origin.WATCHING and known is not None:
            return text, known
        found = seen(SlowQuery(text, name=fingerprint, samples=watched.watcher.samples(fingerprint)))
        if not found.complete:
            return (found.templates[0] if found.templates else text), None
        statement = found.complete[0]
        with self._lock:
            _remember(self._statements, key, statement, len(statement))
        return text, statement

    def _keep(self, system: str, fingerprint: str, fresh: _Kept, now_ms: int) -> TakenPlan:
        """Write the row: of the plan before, seen again, or of a new one."""
        before = self._newest_of(system, fingerprint)
        same_change = before is not None and fresh.change_id in ("", before.change_id)
        is_new = before is None or not same_change or before.structure != fresh.structure
        kept = fresh
        if before is not None and not is_new:
            figures = fresh if fresh.has_actuals or not before.has_actuals else before
            kept = replace(
                figures,
                since_ms=before.since_ms,
                plan_id=before.plan_id,
                origin=before.origin,
                change_id=before.change_id,
                seen_count=before.seen_count + 1,
            )
        row: dict[str, Any] = {name: getattr(kept, name) for name in _Kept.__dataclass_fields__}
        row |= {"system": system, "fingerprint": fingerprint, "seen_at_ms": now_ms}
        self._telemetry.write("query_plans", table_of("query_plans", [row]))
        if before is not None and before.structure != fresh.structure:
            self._tell_change(system, fingerprint, before, fresh, now_ms)
        with self._lock:
            _remember(self._newest, (system, fingerprint), kept, len(kept.plan))
        return TakenPlan(kept.plan_id, is_new, kept.has_actuals, kept.why_no_actuals)

    def _tell_change(self, system: str, fingerprint: str, before: _Kept, after: _Kept, now_ms: int) -> None:
        """A change of plan is an event of the server: a mark on charts, and a counter."""
        from trimtab.app.plan_words import change_of_plan

        message = change_of_plan(fingerprint, msgspec.json.decode(before.plan), msgspec.json.decode(after.plan))
        event = {"system": system, "happened_at_ms": now_ms, "kind": EventKind.PLAN_CHANGED.value, "message": message}
        self._telemetry.write("server_events", table_of("server_events", [event]))

    def _newest_of(self, system: str, fingerprint: str) -> _Kept | None:
        with self._lock:
            known = self._newest.get((system, fingerprint))
        if known is not None:
            return known
        rows = self._telemetry.query(_NEWEST, {"system": system, "fingerprint": fingerprint}).to_pylist()
        return _Kept(**{**rows[0], "settings": tuple(rows[0]["settings"])}) if rows else None

    def _has_after(self, system: str, fingerprint: str, change_id: str) -> bool:
        """Whether an earlier run of the server took it."""
        values = {"system": system, "fingerprint": fingerprint, "change": change_id}
        return self._telemetry.query(_AFTER, values).num_rows > 0


def _remember(memory: OrderedDict[Key, Value], key: Key, value: Value, chars: int) -> None:
    """Put the newest last; the oldest go, and so does what is too long."""
    memory.pop(key, None)
    if chars <= REMEMBERED_CHARS_MAX:
        memory[key] = value
    while len(memory) > SHAPES_MAX:
        memory.popitem(last=False)


_OF_SHAPE = "FROM query_plans FINAL WHERE system = {system:String} AND fingerprint = {fingerprint:String}"
_NEWEST = f"SELECT {', '.join(_Kept.__dataclass_fields__)} {_OF_SHAPE} ORDER BY since_ms DESC, plan_id LIMIT 1"
_AFTER = f"SELECT plan_id {_OF_SHAPE} AND change_id = {{change:String}} LIMIT 1"
