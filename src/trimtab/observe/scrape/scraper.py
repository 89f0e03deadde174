"""Asks all targets, each in its own time: one thread that keeps the clock, a few that ask.

The file with `scrape_configs` is read again when it changes; one that is wrong is said in the log, and the last good
one stays in use.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import httpx2
import structlog

from trimtab.model.errors import ConfigError, InputError, TrimtabError
from trimtab.observe.scrape.asking import Answer, ask, client_of
from trimtab.observe.scrape.config import Job, load
from trimtab.observe.scrape.scraping import Health, Scraping
from trimtab.observe.scrape.targets import Discovery, Target
from trimtab.store.metrics.block import Labels
from trimtab.store.metrics.contract import MetricStore

WORKERS_COUNT = 8
LOOK_EVERY_S = 5.0
"""How often files and discovery are looked at."""
TICK_S = 0.1

log = structlog.get_logger()

Key = tuple[str, Labels]


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """For `/api/v1/targets`."""

    target: Target
    health: Health


class _Asked:
    """A target with its next time."""

    def __init__(self, scraping: Scraping, next_s: float) -> None:
        self.scraping = scraping
        self.next_s = next_s
        self.running: Future[None] | None = None


class Scraper:
    """Start it, stop it. `now_s` is the wall clock."""

    def __init__(
        self, file: Path, store: MetricStore, user_agent: str = "trimtab", now_s: Callable[[], float] = time.time
    ) -> None:
        """ConfigError where the file is wrong."""
        self._file = file
        self._store = store
        self._user_agent = user_agent
        self._now_s = now_s
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._asked: dict[Key, _Asked] = {}
        self._clients: dict[str, httpx2.Client] = {}
        self._discoveries: list[Discovery] = []
        self._read_stamp: tuple[int, int] | None = None
        self._pool = ThreadPoolExecutor(WORKERS_COUNT, "scrape")
        self._thread = threading.Thread(target=self._run, name="scraper", daemon=True)
        self._take(load(file))

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """No further scrape; wait for those that are under way."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        self._pool.shutdown(wait=True, cancel_futures=True)
        for client in self._clients.values():
            client.close()

    def status(self) -> list[TargetStatus]:
        """All targets, by job and address."""
        with self._lock:
            found = [TargetStatus(one.scraping.target, one.scraping.health) for one in self._asked.values()]
        return sorted(found, key=lambda one: (one.target.job.name, one.target.url))

    def _run(self) -> None:
        next_look_s = 0.0
        while not self._stop.wait(TICK_S):
            now_s = self._now_s()
            try:
                if now_s >= next_look_s:
                    next_look_s = now_s + LOOK_EVERY_S
                    self._look(now_s)
                self._ask_due(now_s)
            except TrimtabError as error:
                log.warning("scraper_failed", reason=error.message)

    def _look(self, now_s: float) -> None:
        """Read what changed, and find the targets of now."""
        try:
            facts = self._file.stat()
            if (facts.st_mtime_ns, facts.st_size) != self._read_stamp:
                self._take(load(self._file))
        except (ConfigError, InputError) as error:
            log.warning("scrape_config_wrong", reason=error.message)
        except OSError as error:
            log.warning("scrape_config_wrong", reason=str(error))
        wanted: dict[Key, Target] = {}
        for discovery in self._discoveries:
            for target in discovery.targets(now_s):
                wanted[target.url, target.labels] = target
        for key in [key for key in self._asked if key not in wanted]:
            with self._lock:
                gone = self._asked.pop(key)
            self._pool.submit(_ended, gone, round(now_s * 1000))
        for key, target in wanted.items():
            known = self._asked.get(key)
            if known is None:
                scraping = Scraping(target, self._store, self._answer)
                with self._lock:
                    self._asked[key] = _Asked(scraping, next_time_s(key, target.interval_s, now_s))
            else:
                known.scraping.moved_to(target)

    def _take(self, jobs: list[Job]) -> None:
        facts = self._file.stat()
        clients = {job.name: client_of(job) for job in jobs}
        old, self._clients = self._clients, clients
        for client in old.values():
            client.close()
        self._discoveries = [Discovery(job) for job in jobs]
        self._read_stamp = (facts.st_mtime_ns, facts.st_size)

    def _answer(self, target: Target) -> Answer:
        client = self._clients.get(target.job.name)
        if client is None:
            raise InputError(f"job {target.job.name} is gone")
        return ask(client, target, self._user_agent)

    def _ask_due(self, now_s: float) -> None:
        """A target that is still being asked is not asked again: its turn is left out."""
        for one in self._asked.values():
            if now_s < one.next_s:
                continue
            at_s = one.next_s
            interval_s = one.scraping.target.interval_s
            one.next_s += interval_s * (1 + (now_s - one.next_s) // interval_s)
            if one.running is None or one.running.done():
                one.running = self._pool.submit(_scraped, one.scraping, round(at_s * 1000))


def _scraped(scraping: Scraping, at_ms: int) -> None:
    """On a thread of the pool: whatever happens is said."""
    try:
        scraping.scrape(at_ms)
    except TrimtabError as error:
        log.warning("scrape_not_stored", target=scraping.target.url, reason=error.message)
    except Exception:
        log.exception("scrape_broke", target=scraping.target.url)


def _ended(gone: _Asked, at_ms: int) -> None:
    """The same for a target that is not there any more, after its last scrape."""
    try:
        if gone.running is not None:
            gone.running.result()
        gone.scraping.end(at_ms)
    except TrimtabError as error:
        log.warning("scrape_not_stored", target=gone.scraping.target.url, reason=error.message)
    except Exception:
        log.exception("scrape_broke", target=gone.scraping.target.url)


def next_time_s(key: Key, interval_s: float, now_s: float) -> float:
    """The first time from now on: each target has its own place in the interval, the same after a restart.

    >>> 100.0 <= next_time_s(("http://a:1/metrics", ()), 15.0, 100.0) < 115.0
    True
    """
    digest = blake2b(repr(key).encode(), digest_size=8).digest()
    offset_s = int.from_bytes(digest, "big") / 2**64 * interval_s
    return now_s + (offset_s - now_s) % interval_s
