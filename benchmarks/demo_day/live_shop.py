"""The shop of a day: database, application, who wants the same disk, and trimtab beside it. Nothing is left running."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.demo_day.clock import MINUTES, DayClock
from benchmarks.demo_day.injectors.stage import Stage
from demo.database import DATABASE, start_database
from demo.keep.kept import ROOT, Kept
from demo.load.telemetry import ENDPOINT_VARIABLE
from demo.shop.fill import fill
from demo.trimtab_server import TrimtabServer, start_trimtab, watch_shop

SETTINGS = {
    "shared_buffers": "64MB",
    "synchronous_commit": "on",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "5min",
    "effective_cache_size": "256MB",
}
"""Unlike the demo's: a server that is smaller than its data and waits for its disk."""

POLICY = """
[watch]
slice_s = {slice_s}
slow_s = {slow_s}
cost_share_max = {cost_share_max}

[anomalies]
interval_s = {interval_s}
false_per_day = {false_per_day}
quiet_s = {quiet_s}
incident_s = {incident_s}
cycle_s = {cycle_s}

[host]
collect = {host}
interval_s = 1
slow_interval_s = 1

[containers]
collect = false
"""
RUN_S_MAX = 900.0
SLICE_S_MIN, SLOW_S_MIN, INTERVAL_S_MIN = 0.5, 1.0, 1.0
"""The shortest that the server takes."""
FALSE_PER_DAY, QUIET_MINUTES, INCIDENT_MINUTES, COST_SHARE_MAX = 1.0, 5.0, 30.0, 0.005
"""The server's defaults."""


def policy_of(minute_s: float, *, with_host: bool) -> str:
    """How often to look, and what the server counts by the day or by the minute: those are that much shorter here."""
    return POLICY.format(
        host=str(with_host).lower(),
        slice_s=max(minute_s, SLICE_S_MIN),
        slow_s=max(minute_s, SLOW_S_MIN),
        cost_share_max=min(1.0, COST_SHARE_MAX * 60.0 / minute_s),
        interval_s=max(minute_s, INTERVAL_S_MIN),
        false_per_day=min(1000.0, FALSE_PER_DAY * 60.0 / minute_s),
        quiet_s=max(1.0, QUIET_MINUTES * minute_s),
        incident_s=max(1.0, INCIDENT_MINUTES * minute_s),
        cycle_s=max(60.0, MINUTES * minute_s),
    )


@dataclass(frozen=True, slots=True)
class LiveShop:
    """What runs. `server` is None where trimtab was not wanted."""

    stage: Stage
    clock: DayClock
    server: TrimtabServer | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """How it is to be. `minute_s`: how long a minute takes; `begins_minute`: of the first day, where the clock begins.

    `is_watched` False leaves trimtab out, `with_host` False the machine's own numbers.
    """

    seed: int
    minute_s: float
    scale: float = 1.0
    begins_minute: float = 0.0
    is_watched: bool = True
    with_host: bool = True


@contextmanager
def live_shop(wanted: Wanted) -> Iterator[LiveShop]:
    """Fill, start everything, yield, stop everything."""
    seed, minute_s, scale = wanted.seed, wanted.minute_s, wanted.scale
    kept = Kept()
    try:
        _run(kept, "compile", [sys.executable, "-m", "trimtab.store.compiled"])
        cluster = start_database(kept, SETTINGS)
        filled = fill(cluster.dsn(DATABASE), seed, scale=scale)
        print(f"# shop: {filled.rows_total:,} rows in {filled.seconds:.0f} s, seed {seed}", flush=True)
        cluster.execute("CHECKPOINT")
        neighbour = [sys.executable, "-m", "benchmarks.demo_day.neighbour"]
        _run(kept, "prepare", [*neighbour, "prepare", str(kept.folder)])
        kept.start(
            "evict", [*neighbour, "evict", str(cluster.data / "base")], log=kept.folder / "evict.log", cwd=ROOT, stage=3
        )
        server = None
        if wanted.is_watched:
            file = kept.folder / "policy.toml"
            file.write_text(policy_of(minute_s, with_host=wanted.with_host))
            server = start_trimtab(kept, None, file)
            watch_shop(kept, server, cluster)
        folder = kept.folder / "application"
        folder.mkdir()
        clock = DayClock(_on_the_hour(minute_s) - round(wanted.begins_minute * minute_s * 1000), minute_s)
        command = [sys.executable, "-m", "benchmarks.demo_day.application", "--dsn", cluster.dsn(DATABASE, "shop_app")]
        command += ["--seed", str(seed), "--folder", str(folder), "--scale", str(scale)]
        command += ["--server", server.url if server else "http://127.0.0.1:9"]
        command += ["--began-ms", str(clock.began_ms), "--minute-s", str(minute_s)]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("OTEL_")}
        if server is not None:
            environment[ENDPOINT_VARIABLE] = f"{server.url}/v1/traces"
        kept.start("load", command, log=kept.folder / "load.log", env=environment, cwd=ROOT, stage=3, stop_s=3.0)
        yield LiveShop(Stage(kept, cluster, folder, minute_s), clock, server)
    finally:
        kept.close()


def _on_the_hour(minute_s: float) -> int:
    """Wait until an hour of the clock begins, as trimtab counts them from the epoch; its Unix ms."""
    hour_ms = round(60_000 * minute_s)
    now_ms = time.time_ns() // 1_000_000
    begins_ms = -(-now_ms // hour_ms) * hour_ms
    time.sleep((begins_ms - now_ms) / 1000)
    return begins_ms


def _run(kept: Kept, name: str, command: list[str]) -> None:
    """The keeper's `run` starts in its own folder, where our packages are not found."""
    kept.start(name, command, log=kept.folder / f"{name}.log", cwd=ROOT)
    deadline = time.monotonic() + RUN_S_MAX
    while name not in kept.ended():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{name} did not finish within {RUN_S_MAX:g} s")
        time.sleep(0.05)
    if kept.ended()[name] != 0:
        raise RuntimeError(f"{name} failed: {(kept.folder / f'{name}.log').read_text()[-1500:]}")


def check_alive(kept: Kept) -> None:
    """Raises where something has ended that should run all day."""
    for name, status in kept.ended().items():
        if name in ("postgres", "trimtab", "load", "evict"):
            log = kept.folder / f"{name}.log"
            raise RuntimeError(f"{name} ended (exit {status}): {log.read_text()[-1500:] if log.exists() else ''}")
