"""One run: quiet days first, then a day with five faults for each seed; what was true, told and measured."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from benchmarks.demo_day import recording
from benchmarks.demo_day.alarms import Alarm
from benchmarks.demo_day.clock import MINUTES, DayClock, said
from benchmarks.demo_day.injectors import INJECTORS
from benchmarks.demo_day.judging import judge
from benchmarks.demo_day.live_shop import LiveShop, Wanted, check_alive, live_shop
from benchmarks.demo_day.recording import Recording
from benchmarks.demo_day.telling import told
from benchmarks.demo_day.truth import Injected, Planned, draw_day
from benchmarks.demo_day.watching import Watching
from demo.trimtab_server import SYSTEM_NAME

TOLD_LATE_S = 5.0
"""So long after the last minute, what was seen in it may still be told."""
SAID_EVERY_MINUTES = 180


@dataclass(frozen=True, slots=True)
class Day:
    """One day with faults: `minutes` is from which to which minute of the run."""

    seed: int
    minutes: tuple[float, float]
    faults: tuple[Injected, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a run."""

    clock: DayClock
    days: tuple[Day, ...]
    alarms: tuple[Alarm, ...]
    recorded: Recording


EVENING_MINUTE = 20 * 60.0
"""Of day 1, where the clock begins: series are some hours old when the first night's reports run."""


def run(wanted: Wanted, seeds: Sequence[int], warm_up_days: float, day_minutes: float = MINUTES) -> Run:
    """Takes `(240 + warm_up_days * 1440 + len(seeds) * day_minutes) * wanted.minute_s` seconds and a few minutes."""
    with live_shop(replace(wanted, begins_minute=EVENING_MINUTE)) as shop:
        if shop.server is None:
            raise RuntimeError("a day without trimtab has nothing to tell")
        watching = Watching(shop.server.url, SYSTEM_NAME)
        watching.start()
        try:
            first = (1 + warm_up_days) * MINUTES
            _until(shop, watching, first)
            days = []
            for number, seed in enumerate(seeds):
                begins = first + number * day_minutes
                ends = begins + day_minutes
                days.append(Day(seed, (begins, ends), _day(shop, watching, draw_day(seed, day_minutes), begins, ends)))
                so_far = judge(days[-1].faults, watching.alarms(), shop.clock, days[-1].minutes, watching.series_count)
                print(f"\nseed {seed}, so far: trimtab\n{told(so_far, shop.clock)}\n", flush=True)
            ends = first + len(seeds) * day_minutes
            _until(shop, watching, ends + TOLD_LATE_S / wanted.minute_s)
        finally:
            watching.stop()
        alarms = watching.alarms()
        parts = [recording.metrics(shop.server.url, shop.clock, ends)]
        shop.stage.kept.stop("load")
        shop.stage.kept.stop("trimtab")
        parts.append(recording.shapes(shop.stage.kept.folder / "trimtab", shop.clock, ends))
        return Run(shop.clock, tuple(days), tuple(alarms), recording.joined(parts))


def _day(
    shop: LiveShop, watching: Watching, faults: Sequence[Planned], begins: float, ends: float
) -> tuple[Injected, ...]:
    injected = []
    for planned in faults:
        _until(shop, watching, begins + planned.begins)
        began_ms = time.time_ns() // 1_000_000
        with INJECTORS[planned.kind](shop.stage, planned.chance) as did:
            print(f"# {shop.clock.said(began_ms)}: {planned.kind.value}: {did.about}", flush=True)
            _until(shop, watching, begins + planned.ends)
        ended_ms = time.time_ns() // 1_000_000
        injected.append(Injected(planned.kind, began_ms, ended_ms, did.about, did.table))
    _until(shop, watching, ends)
    return tuple(injected)


def _until(shop: LiveShop, watching: Watching, minute: float) -> None:
    """Wait for a minute of the run; raises where something has ended that should not."""
    while (now := shop.clock.minute(time.time() * 1000)) < minute:
        check_alive(shop.stage.kept)
        if watching.problem is not None:
            raise RuntimeError(watching.problem)
        step_s = min(1.0, (minute - now) * shop.clock.minute_s)
        if int(now // SAID_EVERY_MINUTES) != int((now + step_s / shop.clock.minute_s) // SAID_EVERY_MINUTES):
            print(f"# {said(now + step_s / shop.clock.minute_s)}, {len(watching.told_ms)} episodes told", flush=True)
        time.sleep(step_s)
