"""Looks at clouds: every account, region and thing by itself on a few threads, so that one that hangs or refuses holds
up no other, and what was read of one is there at once.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TYPE_CHECKING

import structlog

from trimtab.app.clouds.accounts import Kinds, accounts_of, installed, opened
from trimtab.app.clouds.changes import changes
from trimtab.app.clouds.parts import ASKED, Answer, Aspect, CloudsNow, Key, Of, Part
from trimtab.app.clouds.schedule import Schedule
from trimtab.app.clouds.series import JOB, PartSeries, about
from trimtab.app.infrastructure.writer import SeriesWriter
from trimtab.app.own.metrics import Number
from trimtab.extend.clouds import Account, Cloud, CloudError, Deadline, Scaling, ScalingEvent, Trouble
from trimtab.model.clouds import CloudsPolicy
from trimtab.model.errors import InputError, MissingError, SpoolFull, StoreError, TrimtabError

if TYPE_CHECKING:
    from trimtab.store.metrics.contract import MetricStore

THREADS_MAX = 24
CHANGES_MAX = 500
"""Changes of sizes that are remembered, where a cloud keeps no list of them."""
STOP_S = 5.0
NAP_S = 0.5
"""How late a part may be asked at most."""

log = structlog.get_logger()
Asking = tuple[Key, "Future[None]"]


class Clouds:
    """Thread-safe. Nothing is asked before `start` or `look`, and nothing at all where no account is configured."""

    def __init__(
        self,
        policy: CloudsPolicy,
        now_ms: Callable[[], int],
        *,
        metrics: Callable[[], MetricStore | None] = lambda: None,
        on_look: Callable[[frozenset[Key]], None] = lambda _keys: None,
        kinds: Kinds = installed,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._policy, self._now_ms, self._on_look, self._kinds, self._clock = policy, now_ms, on_look, kinds, clock
        self._accounts = {account.name: account for account in accounts_of(policy)}
        self._lock = threading.Lock()
        self._opening = threading.Lock()
        self._clouds: dict[str, Cloud] = {}
        self._parts: dict[Key, Part] = {}
        self._changes: dict[str, deque[ScalingEvent]] = {}
        self._schedule = Schedule(policy.interval_s)
        self._queue: SimpleQueue[Asking | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._stop = threading.Event()
        self._writing = threading.Lock()
        self._series = PartSeries()
        self._writer = SeriesWriter(metrics, {"job": JOB}, about)
        self._asked_count: Counter[str] = Counter()
        self._failed_count: Counter[tuple[str, str]] = Counter()
        self._store_problem = ""
        self._news: set[Key] = set()
        """What was looked at since somebody was told: together, since hundreds of parts come at once."""
        self._is_logged = False
        """Who asks once is answered; only a server writes down what went wrong."""
        for name in self._accounts:
            self._schedule.add(Key(name, "", Aspect.REGIONS), clock())

    # --- life

    def start(self) -> None:
        """Look on a schedule from now on."""
        self._is_logged = True
        if self._accounts:
            self._crew()
            self._spawn("clouds", self._run)

    def stop(self) -> None:
        """Ask nothing more. Who hangs in a request is left behind: it ends by itself, and stores nothing."""
        self._stop.set()
        for _ in self._threads:
            self._queue.put(None)
        ends_s = time.monotonic() + STOP_S
        for thread in self._threads:
            thread.join(max(0.0, ends_s - time.monotonic()))
        with self._opening:
            clouds, self._clouds = list(self._clouds.values()), {}
        for cloud in clouds:
            cloud.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            now_s = self._clock()
            with self._lock:
                due = self._schedule.due(now_s)
                next_s = self._schedule.next_s()
                news, self._news = frozenset(self._news), set()
            if news:
                self._on_look(news)
            for key in due:
                self._queue.put((key, Future()))
            self._stop.wait(min(NAP_S, max(0.01, next_s - now_s)))

    def _crew(self) -> None:
        with self._lock:
            if any(thread.name.startswith("cloud-") for thread in self._threads):
                return
            count = min(THREADS_MAX, 4 * sum(max(1, len(one.regions)) for one in self._accounts.values()))
            for number in range(count):
                self._spawn(f"cloud-{number}", self._work)

    def _spawn(self, name: str, run: Callable[[], None]) -> None:
        thread = threading.Thread(target=run, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    # --- looking

    def look(self, wait_s: float) -> CloudsNow:
        """Ask everything once, now; what has not answered by then says so."""
        if not self._accounts:
            return self.latest()
        self._crew()
        ends_s = time.monotonic() + wait_s
        with self._lock:
            first = [Key(name, "", Aspect.REGIONS) for name in self._accounts]
        self._ask_all(first, ends_s)
        with self._lock:
            rest = [key for key in self._schedule.known if key.aspect is not Aspect.REGIONS]
        self._ask_all(rest, ends_s)
        return self.latest()

    def _ask_all(self, keys: list[Key], ends_s: float) -> None:
        with self._lock:
            mine = self._schedule.all_of(keys)
        asked: list[Asking] = [(key, Future()) for key in mine]
        for one in asked:
            self._queue.put(one)
        for key, done in asked:
            try:
                done.result(max(0.0, ends_s - time.monotonic()))
            except TimeoutError:
                self._keep(self._failed(key, self._now_ms(), 0.0, "it has not answered yet", Trouble.SLOW))

    def latest(self) -> CloudsNow:
        """All that is known now."""
        with self._lock:
            parts = dict(self._parts)
            known = self._schedule.known
            made = tuple(
                Of(name, self._accounts[name].kind, False, event)
                for name, events in self._changes.items()
                for event in events
            )
        told = tuple(parts[key] for key in sorted(parts) if key.aspect is not Aspect.REGIONS or parts[key].problem)
        accounts = tuple((one.name, one.kind) for one in self._accounts.values())
        return CloudsNow(self._now_ms(), accounts, told, made, sum(key not in parts for key in known))

    def _work(self) -> None:
        while True:
            asking = self._queue.get()
            if asking is None or self._stop.is_set():
                return
            key, done = asking
            began_s, trouble = self._clock(), Trouble.OWN
            try:
                trouble_now = self._ask(key)
            except Exception:  # a fault of ours must not end the looking; it is logged, and said of this part
                log.exception("cloud_look_broke", account=key.account, region=key.region, what=key.aspect.value)
                trouble_now = trouble
                self._keep(self._failed(key, self._now_ms(), 0.0, "internal error: see the log", trouble))
            with self._lock:
                self._schedule.done(key, began_s, trouble_now)
                if key.aspect is Aspect.REGIONS and trouble_now is None:
                    self._schedule.never_again(key)
            done.set_result(None)

    def _ask(self, key: Key) -> Trouble | None:
        """One question; what went wrong, None where nothing did."""
        account = self._accounts[key.account]
        at_ms, began_s = self._now_ms(), time.monotonic()
        self._asked_count[key.account] += 1
        try:
            answer = self._answer(key, account, Deadline(self._policy.look_s_max), at_ms)
        except TrimtabError as error:
            trouble = trouble_of(error)
            self._keep(self._failed(key, at_ms, time.monotonic() - began_s, error.message, trouble))
            return trouble
        took_s = time.monotonic() - began_s
        self._keep(Part(key, account.kind, answer, at_ms, at_ms, took_s))
        return None

    def _answer(self, key: Key, account: Account, ends: Deadline, at_ms: int) -> Answer | None:
        cloud = self._opened(account)
        if key.aspect is Aspect.INSTANCES:
            return cloud.instances(key.region, ends)
        if key.aspect is Aspect.SCALING:
            return cloud.scaling(key.region, ends, at_ms - int(self._policy.event_hours * 3_600_000))
        if key.aspect is Aspect.BALANCERS:
            return cloud.balancers(key.region, ends)
        if key.aspect is Aspect.DATABASES:
            return cloud.databases(key.region, ends)
        regions = cloud.regions(ends)
        with self._lock:
            for region in regions:
                for aspect in ASKED:
                    self._schedule.add(Key(key.account, region, aspect), self._clock())
        return None

    def _opened(self, account: Account) -> Cloud:
        with self._opening:
            cloud = self._clouds.get(account.name)
            if cloud is None:
                cloud = self._clouds[account.name] = opened(account, self._kinds())
            return cloud

    def _failed(self, key: Key, at_ms: int, took_s: float, problem: str, trouble: Trouble) -> Part:
        """What was read last stays, with what went wrong now, in one line."""
        problem = " ".join(problem.split())
        self._failed_count[key.account, trouble.value] += 1
        with self._lock:
            last = self._parts.get(key)
        since_ms = last.failing_since_ms if last is not None and last.problem else at_ms
        kind = self._accounts[key.account].kind
        if last is None:
            return Part(key, kind, None, 0, at_ms, took_s, problem, trouble, since_ms)
        return Part(key, kind, last.answer, last.read_at_ms, at_ms, took_s, problem, trouble, since_ms)

    def _keep(self, part: Part) -> None:
        with self._lock:
            before = self._parts.get(part.key)
            self._parts[part.key] = part
            self._news.add(part.key)
            if part.is_fresh and isinstance(part.answer, Scaling) and not part.answer.tells_events:
                old = before.answer.groups.items if before and isinstance(before.answer, Scaling) else ()
                known = self._changes.setdefault(part.key.account, deque(maxlen=CHANGES_MAX))
                known.extend(changes(old, part.answer.groups.items))
        is_new = bool(part.problem) and (before is None or before.problem != part.problem)
        if is_new and self._is_logged and not self._stop.is_set():
            trouble = None if part.trouble is None else part.trouble.value
            log.warning("cloud_not_read", place=part.key.place, what=part.key.aspect.value, trouble=trouble)
        if part.key.aspect is not Aspect.REGIONS and not self._stop.is_set():
            self._store(part)

    def _store(self, part: Part) -> None:
        with self._writing:
            groups, ended = self._series.groups(part)
            try:
                self._writer.write(groups, self._now_ms(), ended)
            except (StoreError, SpoolFull, InputError) as error:
                self._store_problem = f"what was seen of clouds could not be stored: {error.message}"
                log.warning("clouds_not_stored", reason=error.message)
            else:
                refused = self._writer.refusals
                self._store_problem = f"series of clouds were refused: {refused[0]}" if refused else ""

    # --- what it tells of itself

    def numbers(self) -> Iterator[Number]:
        """How often it asked, and how often in vain."""
        for name in self._accounts:
            yield Number("trimtab_cloud_questions_total", self._asked_count[name], {"account": name})
        for (name, trouble), count in list(self._failed_count.items()):
            yield Number("trimtab_cloud_failures_total", count, {"account": name, "trouble": trouble})

    def warnings(self) -> Iterator[str]:
        """What a person should mend: wrong accounts, credentials and rights; not what mends itself."""
        wrong: dict[tuple[str, Trouble], list[Part]] = {}
        for part in self.latest().failing:
            if part.trouble in TO_MEND:
                wrong.setdefault((part.key.account, part.trouble), []).append(part)
        for (name, trouble), parts in wrong.items():
            first, more = parts[0], len(parts) - 1
            where = (
                f"{first.key.region or 'all regions'}, {first.key.aspect.value}{f' and {more} more' if more else ''}"
            )
            yield f"cloud account {name} is not read ({trouble.value}; {where}): {first.problem}"
        if self._store_problem:
            yield self._store_problem


TO_MEND = frozenset({Trouble.CREDENTIALS, Trouble.DENIED, Trouble.MISSING, Trouble.OWN})


def trouble_of(error: TrimtabError) -> Trouble:
    """What kind of trouble an error is.

    >>> trouble_of(MissingError("no client")).value
    'missing'
    """
    if isinstance(error, CloudError):
        return error.trouble
    return Trouble.MISSING if isinstance(error, MissingError | InputError) else Trouble.OWN
