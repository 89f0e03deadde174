"""What the tests of `observe` share: a recorder of facts, a clock, psql, and waiting for a condition."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from demo.cluster import Cluster, server_dir
from trimtab.model.query import QueryShape
from trimtab.store.engine import Gathered, Merge
from trimtab.store.facts import LatencySummary, OtlpAck, SliceTable, TelemetryStatus
from trimtab.store.logs.contract import LogStore
from trimtab.store.tables import conform


class Recorder:
    """A telemetry store in memory: keeps what is written, checked against the tables' schemas."""

    def __init__(self) -> None:
        self.written: list[tuple[str, pa.Table]] = []
        self.refuse: Exception | None = None

    def write(self, table_name: str, table: pa.Table) -> None:
        if self.refuse is not None:
            raise self.refuse
        self.written.append((table_name, conform(table_name, table)))

    def rows(self, table_name: str) -> list[dict[str, Any]]:
        return [row for name, table in self.written if name == table_name for row in table.to_pylist()]

    def events(self, kind: str) -> list[str]:
        return [str(row["message"]) for row in self.rows("server_events") if row["kind"] == kind]

    def append_otlp_traces(self, body: bytes | bytearray) -> OtlpAck:
        raise NotImplementedError

    def stored_to(self, table_name: str) -> int:
        raise NotImplementedError

    def flush(self, timeout_s: float = 30.0) -> None:
        return None

    def slices(self, system: str, start_ms: int, end_ms: int, fingerprints: Sequence[str] | None = None) -> SliceTable:
        raise NotImplementedError

    def latency(
        self, fingerprint: str, start_ms: int, end_ms: int, quantiles: Sequence[float] = (0.5,)
    ) -> LatencySummary:
        raise NotImplementedError

    def shapes(self, system: str) -> tuple[QueryShape, ...]:
        raise NotImplementedError

    def query(self, sql: str, parameters: Mapping[str, object] | None = None) -> pa.Table:
        raise NotImplementedError

    def gather(self, sql: str, parameters: Mapping[str, object] | None = None, merge: Merge | None = None) -> Gathered:
        raise NotImplementedError

    @property
    def logs(self) -> LogStore:
        raise NotImplementedError

    @property
    def is_spread(self) -> bool:
        return False

    def marks(self) -> Mapping[str, int]:
        return {}

    def listen(self, table_name: str, heard: Callable[[pa.Table], None]) -> None:
        return None

    def status(self) -> TelemetryStatus:
        raise NotImplementedError

    def close(self) -> None:
        return None


class RealClock:
    """The machine's clock."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def until(
    condition: Callable[[], object], what: str, deadline_s: float = 20.0, shows: Callable[[], object] | None = None
) -> None:
    """Poll until the condition holds; after the deadline fail with `what` and what `shows` returns."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, f"not within {deadline_s} s: {what}; {shows() if shows else ''}"
        time.sleep(0.02)


def psql(cluster: Cluster, database: str, script: str, user: str = "postgres") -> None:
    """Run a script as a DBA would."""
    subprocess.run(
        [str(server_dir() / "psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", cluster.dsn(database, user), "-f", "-"],
        input=script.encode(),
        check=True,
        timeout=60,
        capture_output=True,
    )
