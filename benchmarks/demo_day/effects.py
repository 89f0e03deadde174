"""`python -m benchmarks.demo_day.effects`: what each fault moves, seen by PostgreSQL and /proc, without trimtab.

Each is measured at noon before, during and after. Printed are medians of seconds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import psycopg

from benchmarks.demo_day.injectors import INJECTORS
from benchmarks.demo_day.live_shop import LiveShop, Wanted, check_alive, live_shop
from benchmarks.demo_day.truth import Kind
from demo.database import DATABASE

SECONDS = 20
SETTLE_S = 4.0
BEGINS_MINUTE = 720.0
STATEMENTS = """
SELECT sum(calls), sum(total_exec_time), sum(blk_read_time), sum(shared_blks_read)
FROM pg_stat_statements JOIN pg_roles ON pg_roles.oid = userid WHERE rolname = 'shop_app' AND query NOT LIKE 'LOCK%'
"""
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = 'shop_app'"
SCANS = "SELECT sum(seq_scan) FROM pg_stat_user_tables"


@dataclass(frozen=True, slots=True)
class Second:
    """What one second had."""

    calls: float
    mean_ms: float
    read_ms: float
    waiting: float
    scans: float
    resident_mb: float


def look(connection: psycopg.Connection[tuple[float, ...]], pid: int) -> list[float]:
    """Counters now."""
    found: list[float] = []
    for query in (STATEMENTS, WAITING, SCANS):
        row = connection.execute(query.encode()).fetchone()
        found += [float(value or 0) for value in row or ()]
    return [*found, int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 1024**2]


def seconds(shop: LiveShop, count: int) -> list[Second]:
    """So many seconds, each from two looks."""
    pid = shop.stage.kept.pid("load") or 0
    found = []
    with psycopg.connect(shop.stage.cluster.dsn(DATABASE), autocommit=True) as connection:
        before = look(connection, pid)
        for _ in range(count):
            time.sleep(1.0)
            check_alive(shop.stage.kept)
            now = look(connection, pid)
            calls, spent, read, blocks = (b - a for a, b in zip(before[:4], now[:4], strict=True))
            found.append(
                Second(
                    calls,
                    spent / max(calls, 1),
                    read / max(blocks, 1),
                    now[4],
                    now[5] - before[5],
                    now[6],
                )
            )
            before = now
    return found


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--only", action="append", choices=[kind.value for kind in Kind])
    options = parser.parse_args()
    parts: dict[str, Callable[[Second], float]] = {
        "calls/s": lambda s: s.calls,
        "mean ms": lambda s: s.mean_ms,
        "read ms a block": lambda s: s.read_ms,
        "waiting": lambda s: s.waiting,
        "scans/s": lambda s: s.scans,
        "resident MB": lambda s: s.resident_mb,
    }
    print(f"{'':<42}" + "".join(f"{name:>17}" for name in parts))

    def tell(name: str, found: list[Second]) -> None:
        print(f"{name:<42}" + "".join(f"{median(map(of, found)):>17.2f}" for of in parts.values()), flush=True)

    # a minute that takes a quarter of an hour: the level hardly moves while this runs
    with live_shop(Wanted(options.seed, 1000.0, begins_minute=BEGINS_MINUTE, is_watched=False)) as shop:
        time.sleep(10.0)
        for kind, inject in INJECTORS.items():
            if options.only and kind.value not in options.only:
                continue
            tell(f"before {kind.value}", seconds(shop, options.seconds))
            with inject(replace(shop.stage, minute_s=1.0), options.seed) as did:
                time.sleep(SETTLE_S)
                tell(f"  {did.about}"[:42], seconds(shop, options.seconds))
            time.sleep(SETTLE_S)
            tell("  after", seconds(shop, options.seconds))


if __name__ == "__main__":
    main()
