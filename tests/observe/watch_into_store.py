"""A process of its own (the engine allows one store each): watches, runs statements, reads the slices back.

Arguments: DSN of the watching role, DSN of the application, data directory. Prints one JSON document.
"""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

import psycopg

from tests.observe.support import RealClock, until
from trimtab.observe.postgres.watcher import PostgresWatcher
from trimtab.sql.connect import Reference
from trimtab.sql.fingerprint import fingerprint
from trimtab.store.telemetry import EmbeddedTelemetry

STATEMENT = "SELECT count(*) FROM orders WHERE status = 'open'"


def main(watch_dsn: str, app_dsn: str, data_dir: str) -> None:
    with EmbeddedTelemetry.open(Path(data_dir)) as store:
        clock, stop = RealClock(), threading.Event()
        watcher = PostgresWatcher("shop", Reference.parse(watch_dsn), store, clock, slice_s=0.1, slow_looks_s=0.2)
        thread = threading.Thread(target=watcher.run, args=(stop,))
        started_ms = clock.now_ms()
        thread.start()
        until(lambda: watcher.status().slices_count >= 1, "a slice", shows=watcher.status)
        with psycopg.connect(app_dsn, autocommit=True) as app:
            for number in range(25):
                app.execute(STATEMENT.encode())
                app.execute(f"SELECT status FROM orders WHERE id = {number}".encode())
            count = watcher.status().slices_count
            until(lambda: watcher.status().slices_count >= count + 3, "three slices", shows=watcher.status)
        stop.set()
        thread.join(20)
        store.flush()
        wanted = fingerprint(STATEMENT) or ""
        slices = store.slices("shop", started_ms, clock.now_ms() + 1000, [wanted])
        tables = ("activity_samples", "table_statistics", "index_statistics", "server_statistics", "server_events")
        print(
            json.dumps(
                {
                    "slices": slices.slices_count,
                    "written": watcher.status().slices_count,
                    "calls": int(slices.calls.sum()),
                    "texts": [s.text for s in store.shapes("shop") if s.fingerprint == wanted],
                    "contiguous": bool((slices.started_at_ms[1:] == slices.ended_at_ms[:-1]).all()),
                    "rows": {t: store.query(f"SELECT count() AS n FROM {t}").to_pylist()[0]["n"] for t in tables},
                    "problems": watcher.status().problems,
                }
            )
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
