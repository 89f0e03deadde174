"""The demo's private PostgreSQL: made, started and kept below the keeper."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

import psycopg

from demo.cluster import ROLE_STATEMENTS, Cluster, free_port, server_user
from demo.keep.kept import Kept, KeptError, tail

DATABASE = "shop"
PORT_ATTEMPTS = 5
READY_S = 60.0
SHARED_BUFFERS_MB = 512
MEMORY_SHARE_MAX = 0.25

AUDIT_STATEMENTS = ("CREATE ROLE shop_audit LOGIN IN ROLE pg_monitor",)
"""A reader of statistics that has nothing to do with trimtab: for the cross-check."""


def shared_buffers_mb() -> int:
    """512 MB, less on a small machine."""
    memory_mb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 1024**2
    return max(64, min(SHARED_BUFFERS_MB, int(memory_mb * MEMORY_SHARE_MAX)))


def start_database(kept: Kept, settings: Mapping[str, str] | None = None) -> Cluster:
    """initdb, a free port, roles, the empty database `shop` with its extensions. `settings` come before the demo's."""
    usual = {"shared_buffers": f"{shared_buffers_mb()}MB", "checkpoint_timeout": "30min", "max_connections": "80"}
    cluster = Cluster(kept.folder / "postgres", settings={**usual, **(settings or {})})
    cluster.prepare()
    kept.run(
        "initdb", cluster.initdb_command(), log=kept.folder / "initdb.log", timeout_s=READY_S * 2, user=server_user()
    )
    for attempt in range(1, PORT_ATTEMPTS + 1):
        cluster.port = free_port()
        cluster.configure()
        kept.start(
            "postgres",
            cluster.server_command(),
            log=kept.folder / "postgres.log",
            user=server_user(),
            stage=1,
            stop_signal="SIGINT",
            death_signal="SIGQUIT",
            stop_s=20.0,
        )
        if _answers(kept, cluster):
            break
        log = tail(kept.folder / "postgres.log")
        if "Address already in use" not in log or attempt == PORT_ATTEMPTS:
            raise KeptError(f"PostgreSQL did not start on port {cluster.port}: {log}")
    cluster.execute(*ROLE_STATEMENTS, *AUDIT_STATEMENTS)
    cluster.execute(f"CREATE DATABASE {DATABASE} TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'")
    cluster.execute(
        "CREATE EXTENSION pg_stat_statements",
        "CREATE EXTENSION hypopg",
        "ALTER SCHEMA public OWNER TO shop_owner",
        database=DATABASE,
    )
    return cluster


def _answers(kept: Kept, cluster: Cluster) -> bool:
    """True when the server answers, False when it has ended."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        if "postgres" in kept.ended():
            return False
        try:
            psycopg.connect(cluster.dsn(), connect_timeout=2).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return True
    raise KeptError(f"PostgreSQL does not answer after {READY_S:g} s: {tail(kept.folder / 'postgres.log')}")
