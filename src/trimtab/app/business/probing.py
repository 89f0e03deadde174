"""Runs probes when they are due: a few at a time on each system and in all, spread in time, never into a change.

A probe is due once in its interval, at a moment of its own in it (by its name), so that many with the same interval do
not come at once. It waits while as many of its system run as may, and begins as soon as one of them ends; it is
skipped, with the reason kept, while the system is frozen or a change of it is in flight, and made up for once when that
is over.
"""

from __future__ import annotations

import threading
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import sha256

import msgspec
import psycopg
import structlog

from trimtab.model.errors import InputError
from trimtab.model.probes import REFUSED, Measured, Probe
from trimtab.observe.probes.running import measure
from trimtab.sql.connect import Connection, Reference
from trimtab.store.business_state import ProbeState

FIRST_MS_MAX = 3_000
"""A probe that never ran is due at the latest this long after it is known, spread by its name."""
STALE_INTERVALS = 3
"""A result that is older than so many intervals (and a minute) does not count any more."""
HISTORY_MAX = 50
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ProbeNow:
    """A probe as it stands. `measured` None: it never ran. `held` says why it does not run now ('': nothing)."""

    probe: Probe
    measured: Measured | None
    due_at_ms: int
    is_running: bool = False
    held: str = ""
    runs_count: int = 0
    skipped_count: int = 0

    def current(self, now_ms: int) -> Measured | None:
        """The result as it stands now (see `Measured.at`), as long as it counts."""
        if self.measured is None:
            return None
        age_ms = now_ms - self.measured.at_ms
        counts = age_ms <= STALE_INTERVALS * self.probe.interval_ms + 60_000
        return self.measured.at(self.probe, now_ms) if counts else None


class Probing:
    """`tick` is for one thread; the rest may be called from any."""

    def __init__(
        self,
        state: ProbeState,
        reference_of: Callable[[str], Reference],
        holding: Callable[[str], str],
        now_ms: Callable[[], int],
        at_a_time: int = 4,
        per_system: int = 2,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        """`reference_of` raises InputError where a system is not watched. `holding`: why nothing may run on it now
        ('': it may). `ended` hears of each that ended: there is room for another."""
        self._state, self._reference_of, self._holding, self._now_ms = state, reference_of, holding, now_ms
        self._at_a_time, self._per_system, self._told_ended = at_a_time, min(per_system, at_a_time), ended
        self._pool = ThreadPoolExecutor(at_a_time, "probe")
        self._lock = threading.Lock()
        self._ended = threading.Condition(self._lock)
        self._probes: dict[str, ProbeNow] = {}
        self._busy: dict[str, str] = {}
        """Of each probe that runs, its system."""
        self._connections: dict[str, Connection] = {}
        self._rolled_back: Counter[str] = Counter()
        self._is_closed = False

    def define(self, probes: tuple[Probe, ...]) -> None:
        """These are probed from now on; what is known of those that are the same stays."""
        kept = self._state.results()
        now_ms = self._now_ms()
        with self._lock:
            before = self._probes
            self._probes = {}
            for probe in probes:
                old = before.get(probe.name)
                if old is not None and old.probe == probe:
                    self._probes[probe.name] = replace(old, probe=probe)
                    continue
                definition, measured = kept.get(probe.name, ("", None))
                known = measured if definition == definition_of(probe) else None
                self._probes[probe.name] = ProbeNow(probe, known, _first_due_ms(probe, known, now_ms))
        self._state.only(probe.name for probe in probes)

    def hasten(self, systems: Collection[str]) -> None:
        """What came to no number on these is due now: they can be reached otherwise than before."""
        now_ms = self._now_ms()
        with self._lock:
            for name, now in self._probes.items():
                if now.probe.system in systems and now.measured is not None and now.measured.value is None:
                    self._probes[name] = replace(now, due_at_ms=min(now.due_at_ms, now_ms))

    @property
    def now(self) -> Mapping[str, ProbeNow]:
        """All of them, by name."""
        with self._lock:
            return dict(self._probes)

    @property
    def rolled_back(self) -> Mapping[str, int]:
        """Of each system that is probed, how many transactions of probes it had to roll back since the start."""
        with self._lock:
            systems = {one.probe.system for one in self._probes.values()}
            return {system: self._rolled_back[system] for system in sorted(systems)}

    def tick(self) -> list[Future[Measured]]:
        """Begin what is due and may run; those that began."""
        now_ms = self._now_ms()
        with self._lock:
            due = [one for one in self._probes.values() if one.due_at_ms <= now_ms]
        begun: list[Future[Measured]] = []
        holding = {system: self._holding(system) for system in {one.probe.system for one in due}}
        for one in sorted(due, key=lambda one: one.due_at_ms):
            held = holding[one.probe.system]
            with self._lock:
                now = self._probes.get(one.probe.name)
                if now is None or now.probe != one.probe or self._is_closed:
                    continue
                if held:
                    skipped = now.skipped_count + (not now.held)
                    self._probes[one.probe.name] = replace(now, held=held, skipped_count=skipped)
                    continue
                if now.is_running:  # the one before still runs: this time is skipped
                    due_ms = next_due_ms(one.probe, now_ms)
                    self._probes[one.probe.name] = replace(now, due_at_ms=due_ms, skipped_count=now.skipped_count + 1)
                elif not self._why_full(one.probe):
                    begun.append(self._begin(now, now_ms))
        return begun

    def run_now(self, name: str, wait_s: float = 0.0) -> Future[Measured] | str:
        """Begin one whatever the clock says, waiting so long for others of its system; or why it cannot."""
        with self._lock:
            known = self._probes.get(name)
        if known is None:
            return f"there is no probe {name!r}"
        held = self._holding(known.probe.system)
        if held:
            return held
        with self._ended:
            self._ended.wait_for(lambda: self._is_closed or not self._why_full(known.probe), wait_s)
            now = self._probes.get(name)
            if now is None or self._is_closed:
                return f"there is no probe {name!r}"
            return self._why_full(now.probe) or self._begin(now, self._now_ms())

    def _why_full(self, probe: Probe) -> str:
        """Why it cannot begin beside those that run; '' where it can. Under the lock."""
        if probe.name in self._busy:
            return "it runs already"
        beside = [name for name, system in self._busy.items() if system == probe.system]
        if len(beside) >= self._per_system:
            return f"as many probes of {probe.system} run already as may ({', '.join(beside)})"
        if len(self._busy) >= self._at_a_time:
            return f"as many probes run already as may ({len(self._busy)})"
        return ""

    def _begin(self, now: ProbeNow, now_ms: int) -> Future[Measured]:
        """Under the lock."""
        probe = now.probe
        self._busy[probe.name] = probe.system
        self._probes[probe.name] = replace(now, is_running=True, held="", due_at_ms=next_due_ms(probe, now_ms))
        return self._pool.submit(self._run, probe)

    def _run(self, probe: Probe) -> Measured:
        measured = Measured(self._now_ms(), None, "internal error: see the log")
        try:
            reference = self._reference_of(probe.system)
            measured = measure(reference, probe, self._now_ms, lambda found: self._begun(probe.name, found))
        except InputError as error:
            measured = Measured(self._now_ms(), None, f"{REFUSED}{error.message}")
        except Exception:  # a fault of ours must not end the others; it is logged, and stands at the probe
            log.exception("probe_broke", probe=probe.name)
        finally:
            with self._lock:
                self._connections.pop(probe.name, None)
                self._busy.pop(probe.name, None)
                self._ended.notify_all()
                self._rolled_back[probe.system] += measured.rolled_back
                now = self._probes.get(probe.name)
                if now is not None and now.probe == probe:
                    self._probes[probe.name] = replace(
                        now, measured=measured, is_running=False, runs_count=now.runs_count + 1
                    )
                is_closed = self._is_closed
        if not is_closed:
            self._state.keep(probe.name, definition_of(probe), measured)
            self._told_ended()
        return measured

    def _begun(self, name: str, connection: Connection) -> None:
        with self._lock:
            if not self._is_closed:
                self._connections[name] = connection
                return
        connection.close()

    def close(self) -> None:
        """Cancel what runs, and wait for it."""
        with self._lock:
            self._is_closed = True
            self._ended.notify_all()
            running = list(self._connections.values())
        for connection in running:
            try:
                connection.cancel_safe(timeout=2.0)
            except psycopg.Error as error:
                log.warning("probe_not_cancelled", reason=type(error).__name__)
        self._pool.shutdown(wait=True, cancel_futures=True)


def definition_of(probe: Probe) -> str:
    """What tells one definition of a name from another: a result counts for the one that was asked."""
    facts = {name: getattr(probe, name) for name in Probe.__dataclass_fields__ if name not in ("origin", "line")}
    return sha256(msgspec.json.encode(facts)).hexdigest()[:16]


def next_due_ms(probe: Probe, now_ms: int) -> int:
    """The next moment of a probe after `now_ms`: once in each interval, at a place in it that its name says.

    >>> from trimtab.model.probes import Dimension, ProbeKind
    >>> probe = Probe("p", "shop", ProbeKind.VOLUME, Dimension.VOLUME, "t", interval_ms=60_000)
    >>> first = next_due_ms(probe, 1_000_000)
    >>> 1_000_000 < first <= 1_060_000, next_due_ms(probe, first) - first
    (True, 60000)
    """
    phase_ms = zlib.crc32(probe.name.encode()) % probe.interval_ms
    return (now_ms - phase_ms) // probe.interval_ms * probe.interval_ms + phase_ms + probe.interval_ms


def _first_due_ms(probe: Probe, known: Measured | None, now_ms: int) -> int:
    if known is not None:
        return min(max(next_due_ms(probe, known.at_ms), now_ms), next_due_ms(probe, now_ms))
    return now_ms + zlib.crc32(probe.name.encode()) % min(probe.interval_ms, FIRST_MS_MAX)
