"""Airflow's StatsD: lines of UDP packets, plain (names with dots) or with tags (`|#dag_id:load`); it sends both.

Of all that Airflow sends, two names say how a run of a DAG ended and how long it took:

    airflow.dagrun.duration.success.DAG:1234.5|ms      airflow.dagrun.duration.success:1234.5|ms|#dag_id:DAG
    airflow.dagrun.duration.failed.DAG:1234.5|ms       the same

Airflow may send both forms of one run (its own default); the same end of the same DAG with the same duration within two
seconds is one run.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass

from trimtab.model.pipelines import NAME_CHARS_MAX, PipelineRun, RunSource, RunStatus

PACKET_BYTES_MAX = 65_535
SAME_MS = 2_000
REMEMBERED_MAX = 10_000
_ENDED = re.compile(r"(?:[\w.-]+\.)?dagrun\.duration\.(success|failed)(?:\.(?P<dag>.+))?")
_STATUS = {"success": RunStatus.SUCCESS, "failed": RunStatus.FAILED}


@dataclass(frozen=True, slots=True)
class Ended:
    """A run of a DAG that ended, as a line tells it."""

    dag: str
    status: RunStatus
    duration_ms: float


class StatsdRuns:
    """Makes runs of packets. Counts what it saw; not thread-safe."""

    def __init__(self) -> None:
        self.lines_count = 0
        self.broken_count = 0
        self.runs_count = 0
        self._seen: OrderedDict[Ended, int] = OrderedDict()

    def take(self, packet: bytes, now_ms: int) -> list[PipelineRun]:
        """The runs that a packet tells of; what else is in it is left alone."""
        runs = []
        for line in packet.split(b"\n"):
            if not line.strip():
                continue
            self.lines_count += 1
            try:
                ended = ended_of(line.decode())
            except ValueError:
                self.broken_count += 1
                continue
            if ended is None or self._is_known(ended, now_ms):
                continue
            self.runs_count += 1
            runs.append(
                PipelineRun(
                    source=RunSource.AIRFLOW_STATSD,
                    pipeline=ended.dag,
                    run_id=f"{now_ms}-{self.runs_count}",
                    status=ended.status,
                    started_at_ms=round(now_ms - ended.duration_ms),
                    ended_at_ms=now_ms,
                    duration_ms=ended.duration_ms,
                )
            )
        return runs

    def _is_known(self, ended: Ended, now_ms: int) -> bool:
        before = self._seen.pop(ended, None)
        self._seen[ended] = now_ms
        while len(self._seen) > REMEMBERED_MAX:
            self._seen.popitem(last=False)
        return before is not None and now_ms - before <= SAME_MS


def ended_of(line: str) -> Ended | None:
    """What a line says of the end of a run; None where it is about something else. ValueError: it is no StatsD.

    >>> ended_of("airflow.dagrun.duration.success.load_orders:1500.5|ms")
    Ended(dag='load_orders', status=<RunStatus.SUCCESS: 'success'>, duration_ms=1500.5)
    >>> ended_of("airflow.dagrun.duration.failed:2|ms|#dag_id:load,run_type:manual").dag
    'load'
    >>> ended_of("airflow.scheduler_heartbeat:1|c") is None
    True
    """
    name, colon, rest = line.partition(":")
    value, *parts = rest.split("|")
    if not colon or not parts:
        raise ValueError("no StatsD line")
    number = float(value)
    found = _ENDED.fullmatch(name.partition(",")[0])
    if found is None or parts[0] not in ("ms", "h", "d"):
        return None
    dag = found["dag"] or _tag(name, parts[1:])
    if not dag or not 0 <= number < 1e12:
        return None
    return Ended(dag[:NAME_CHARS_MAX], _STATUS[found[1]], number)


def _tag(name: str, parts: list[str]) -> str:
    """The DAG in tags: DogStatsD's (`|#dag_id:x`) or Telegraf's (`name,dag_id=x`)."""
    for part in parts:
        if part.startswith("#"):
            for pair in part[1:].split(","):
                key, _, value = pair.partition(":")
                if key == "dag_id":
                    return value
    for pair in name.split(",")[1:]:
        key, _, value = pair.partition("=")
        if key == "dag_id":
            return value
    return ""
