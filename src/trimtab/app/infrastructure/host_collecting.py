"""Looks at this machine again and again, on a thread of its own, and keeps what it saw: as series, and the last looks.

The thread sleeps on a clock that does not jump; a look that took longer than the interval is followed by the next at
once, and those that were left out are counted.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import structlog

from trimtab.app.infrastructure.writer import Group, SeriesWriter
from trimtab.app.own.metrics import Number
from trimtab.model.errors import InputError, SpoolFull, StoreError
from trimtab.observe.host.files import HostPaths
from trimtab.observe.host.host import Host
from trimtab.observe.host.now import HostNow
from trimtab.observe.host.series import HostSeries

if TYPE_CHECKING:
    from trimtab.model.infrastructure_settings import HostPolicy
    from trimtab.store.metrics.contract import MetricStore

SWITCH = "TRIMTAB_COLLECT"
"""Environment: `off` means that neither the host nor containers are collected."""
log = structlog.get_logger()


class HostCollecting:
    """Thread-safe to read. `look` is for one thread at a time."""

    def __init__(
        self,
        policy: Callable[[], HostPolicy],
        metrics: Callable[[], MetricStore | None],
        now_ms: Callable[[], int],
        on_look: Callable[[HostNow], None] | None = None,
    ) -> None:
        self._policy, self._metrics, self._now_ms, self._on_look = policy, metrics, now_ms, on_look
        self._host: Host | None = None
        self._writer: SeriesWriter | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._went_series: tuple[HostSeries, ...] = ()
        self.labels = ("", "")
        """`job` and `instance` of its series; empty before the first look."""
        self.now = HostNow("")
        self.looks_count = 0
        self.late_count = 0
        self.look_cpu_s = 0.0
        self.store_cpu_s = 0.0
        self.failures: dict[str, int] = {}
        self.store_failures_count = 0
        self.problem: str | None = None

    # --- life

    def start(self) -> None:
        """Begin, on a thread. Where collecting is switched off it waits to be switched on."""
        self._thread = threading.Thread(target=self._run, name="host", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, before the store is closed."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        next_s = time.monotonic()
        while not self._stop.wait(max(0.0, next_s - time.monotonic())):
            policy = self._policy()
            now_s = time.monotonic()
            if is_on(collect=policy.collect):
                self._guarded_look()
            else:
                self.now = HostNow(self.now.name, why=why_off(collect=policy.collect, section="host"))
            next_s += policy.interval_s
            if next_s < now_s:
                self.late_count += int((now_s - next_s) // policy.interval_s) + 1
                next_s = now_s

    def _guarded_look(self) -> None:
        try:
            self.look()
        except Exception as error:  # a fault of ours must not end the collecting; it is logged, counted and shown
            log.exception("host_look_broke")
            self.failures["look"] = self.failures.get("look", 0) + 1
            self.problem = f"internal error: {type(error).__name__}: {error}"

    # --- one look

    def look(self) -> HostNow:
        """Look, store, and keep."""
        if self._host is None or self._writer is None:
            self._host, self._writer = self._made()
        host, writer = self._host, self._writer
        at_ms = self._now_ms()
        began_s, wall_s = time.thread_time(), time.perf_counter()
        look = host.look(at_ms)
        self.look_cpu_s += time.thread_time() - began_s
        self.looks_count += 1
        took_s = time.perf_counter() - wall_s
        asked = [name for name, went in look.went.items() if went.at_ms == at_ms]
        for name in asked:
            if look.went[name].why and not look.went[name].is_absent:
                self.failures[name] = self.failures.get(name, 0) + 1
        self.now = self.now.after(look, host.name, host.busiest)
        began_s = time.thread_time()
        self._store(writer, [(told.collector, told.series, told.numbers) for told in look.told], took_s, at_ms)
        self.store_cpu_s += time.thread_time() - began_s
        if self._on_look is not None:
            self._on_look(self.now)
        return self.now

    def _made(self) -> tuple[Host, SeriesWriter]:
        policy = self._policy()
        paths = HostPaths(policy.proc_path, policy.sys_path, policy.root_path)
        host = Host(paths, left_out=policy.collectors_off, also=policy.collectors_on, slow_s=policy.slow_interval_s)
        self.labels = (policy.job, policy.instance or host.name)
        return host, SeriesWriter(self._metrics, {"job": self.labels[0], "instance": self.labels[1]})

    def _store(self, writer: SeriesWriter, groups: list[Group], took_s: float, at_ms: int) -> None:
        went = self.now.went
        if tuple(one.labels[0][1] for one in self._went_series[3::2]) != tuple(went):
            self._went_series = (
                HostSeries("up"),
                HostSeries("scrape_duration_seconds"),
                HostSeries("scrape_samples_scraped"),
                *(
                    HostSeries(f"node_scrape_collector_{what}", (("collector", name),))
                    for name in went
                    for what in ("success", "duration_seconds")
                ),
            )
        numbers = [1.0, took_s, float(sum(len(series) for _, series, _ in groups))]
        for one in went.values():
            numbers += (float(one.is_ok), one.duration_s)
        failed = [name for name, one in went.items() if not one.is_ok]
        try:
            writer.write([*groups, ("", self._went_series, numbers)], at_ms, failed)
        except (StoreError, SpoolFull, InputError) as error:
            self.store_failures_count += 1
            self.problem = f"what was seen of the host could not be stored: {error.message}"
            log.warning("host_not_stored", reason=error.message)
        else:
            self.problem = f"series of the host were refused: {writer.refusals[0]}" if writer.refusals else None

    # --- numbers of its own

    def numbers(self) -> Iterator[Number]:
        """What collecting costs, and how it went."""
        yield Number("trimtab_host_looks_total", self.looks_count)
        yield Number("trimtab_host_looks_late_total", self.late_count)
        yield Number("trimtab_host_look_cpu_seconds_total", self.look_cpu_s)
        yield Number("trimtab_host_store_cpu_seconds_total", self.store_cpu_s)
        yield Number("trimtab_host_store_failures_total", self.store_failures_count)
        yield Number("trimtab_host_series", 0 if self._writer is None else self._writer.series_count)
        for name, count in list(self.failures.items()):
            yield Number("trimtab_host_collector_failures_total", count, {"collector": name})


def is_on(*, collect: bool) -> bool:
    """Whether to collect: by the setting, unless the environment says no."""
    return collect and os.environ.get(SWITCH, "").lower() != "off"


def why_off(*, collect: bool, section: str) -> str:
    """Why nothing is collected."""
    if not collect:
        return f"collecting is switched off ({section}.collect = false)"
    return f"collecting is switched off ({SWITCH}=off in the environment of the server)"
