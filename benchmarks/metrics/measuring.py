"""One scale: fresh servers side by side, the same bodies in turns, the same queries in turns."""

from __future__ import annotations

import contextlib
import http.client
import math
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from benchmarks.metrics.queries import QUERIES, STEPS, Query
from benchmarks.metrics.samples import SCRAPE_MS, Plan, bodies
from benchmarks.metrics.servers import Server, prometheus, trimtab, victoria_metrics

MIB = 1024 * 1024
REPEAT_S = 0.25
"""A query is repeated within a round until this much processor time was used, or so often:"""
REPEATS_MAX = 20
TIMEOUT_S = 300.0
SETTLE_S = 95.0
"""So long it takes at most until trimtab has loaded the last samples (30 s) and rolled them up (once a minute): that is
part of writing. The others' processor time is read then, too."""
IDLE_S = 30.0
"""So long it is looked at what a server takes that nobody asks for anything. So much is taken off what it took while it
wrote, from all of them alike: in a run that lasts minutes it would otherwise count as writing. Both are printed."""
TABLES = {"samples": ("metric_samples",), "roll-ups": ("metric_minutes_5", "metric_hours")}
HOT, COLD = "trimtab", "trimtab, cold"
WRITE_HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


@dataclass(slots=True)
class Report:
    """Everything that was measured at one scale."""

    series: int
    scrapes: int
    load_before: float
    load_after: float = 0.0
    names: list[str] = field(default_factory=list)
    hot_mib: int = 0
    idle_cores: dict[str, float] = field(default_factory=dict)
    """What each takes before it gets anything, as a share of one core."""
    ingest_cpu_s_per_million: dict[str, float] = field(default_factory=dict)
    """Of writing alone: less what it would have taken without, in the same time."""
    ingest_all_cpu_s_per_million: dict[str, float] = field(default_factory=dict)
    """With it."""
    empty_bytes: dict[str, int] = field(default_factory=dict)
    """What a store takes before it has a sample: tables without rows, the state of the program."""
    bytes_per_sample: dict[str, float] = field(default_factory=dict)
    """By how much it grew, from them to the end, queries and what the program notes of itself included."""
    all_bytes_per_sample: dict[str, float] = field(default_factory=dict)
    """With what the empty one took: of few samples that is much of it."""
    bytes_of: dict[str, dict[str, float]] = field(default_factory=dict)
    """Of these, what samples take, and what their roll-ups take."""
    memory_mib: dict[str, float] = field(default_factory=dict)
    queries: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    not_measured: list[str] = field(default_factory=list)
    """For want of time."""
    rounds_count: dict[str, int] = field(default_factory=dict)
    """Of queries that were asked in fewer rounds than wanted."""

    @property
    def samples(self) -> int:
        """How many were written."""
        return self.series * self.scrapes


class Client:
    """One connection to each server, as thin as can be: what it takes is part of the wall time."""

    def __init__(self) -> None:
        self._connections: dict[str, http.client.HTTPConnection] = {}

    def post(self, base: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str | None, bytes]:
        """Status, `Retry-After`, and the whole answer."""
        connection = self._connections.get(base)
        if connection is None:
            connection = self._connections[base] = http.client.HTTPConnection(urlsplit(base).netloc, timeout=TIMEOUT_S)
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Retry-After"), answer.read()
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            del self._connections[base]  # it had closed a connection that was idle
            return self.post(base, path, body, headers)

    def ask(self, server: Server, path: str, form: dict[str, str]) -> bytes:
        """The answer to a question; RuntimeError where it is none."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        status, _, answer = self.post(server.base, path, urlencode(form).encode(), headers)
        if status != 200:
            raise RuntimeError(f"{server.name}: {form}: {status} {answer[:300]!r}")
        return answer


def send(client: Client, server: Server, body: bytes) -> None:
    """Write a body, again and again where the server has no room yet."""
    while True:
        status, retry_after, answer = client.post(server.base, urlsplit(server.write).path, body, WRITE_HEADERS)
        if status in (429, 503) and retry_after is not None:
            time.sleep(float(retry_after))
            continue
        if status not in (200, 204):
            raise RuntimeError(f"{server.name}: {status} {answer[:300]!r}")
        return


def limits_for(series: int) -> str:
    """Settings of trimtab under which so many series fit, and under which it does what the others do: they collect
    nothing of the machine they are on."""
    alone = "[host]\ncollect = false\n[containers]\ncollect = false\n"
    return f"{alone}[metrics]\nseries_max = {max(1_000_000, 2 * series)}\nseries_of_a_metric_max = {2 * series}\n"


@contextlib.contextmanager
def _all_servers(folder: Path, plan: Plan, hot_mib: int) -> Iterator[list[Server]]:
    limits = limits_for(plan.series)
    with contextlib.ExitStack() as stack:
        hot = stack.enter_context(trimtab(folder / "hot", HOT, f"{limits}hot_mb = {hot_mib}\n"))
        cold = stack.enter_context(trimtab(folder / "cold", COLD, f"{limits}hot_mb = 8\n"))
        others = [
            stack.enter_context(prometheus(folder / "prometheus")),
            stack.enter_context(victoria_metrics(folder / "victoria")),
        ]
        yield [hot, cold, *(one for one in others if one is not None)]


def _ingest(servers: Sequence[Server], plan: Plan, report: Report, client: Client) -> None:
    for server in servers:
        server.settle()  # what a server does when it starts is not writing
    report.idle_cores = _idle_cores(servers)
    report.empty_bytes = {server.name: server.disk_bytes() for server in servers}
    begun_s = time.monotonic()
    before = {server.name: server.cpu_s() for server in servers}
    for body, _samples in bodies(plan):
        for server in servers:
            send(client, server, body)
    time.sleep(SETTLE_S)
    for server in servers:
        server.settle()
    millions = report.samples / 1e6
    for server in servers:
        cpu_s, idle_s = server.cpu_s() - before[server.name], time.monotonic() - begun_s
        report.ingest_all_cpu_s_per_million[server.name] = cpu_s / millions
        report.ingest_cpu_s_per_million[server.name] = (cpu_s - report.idle_cores[server.name] * idle_s) / millions


def _idle_cores(servers: Sequence[Server]) -> dict[str, float]:
    before = {server.name: server.cpu_s() for server in servers}
    begun_s = time.monotonic()
    time.sleep(IDLE_S)
    return {server.name: (server.cpu_s() - before[server.name]) / (time.monotonic() - begun_s) for server in servers}


def form_of(query: Query, plan: Plan, steps: int) -> dict[str, str]:
    """Parameters of a range query that ends with the last scrape."""
    return {
        "query": query.text,
        "start": f"{(plan.end_ms - (steps - 1) * SCRAPE_MS) / 1000:.3f}",
        "end": f"{plan.end_ms / 1000:.3f}",
        "step": "15",
    }


def _ask(client: Client, server: Server, form: dict[str, str]) -> tuple[float, float]:
    """Processor time of one asking, and the median of the wall times, in ms."""
    begun_cpu_s = server.cpu_s()
    walls_s: list[float] = []
    while True:
        begun_s = time.perf_counter()
        client.ask(server, "/api/v1/query_range", form)
        walls_s.append(time.perf_counter() - begun_s)
        times = len(walls_s)
        if times == 1 or times % 5 == 0 or walls_s[-1] > 0.05:  # looking takes a while itself
            cpu_s = server.cpu_s() - begun_cpu_s
            if cpu_s >= REPEAT_S or times >= REPEATS_MAX:
                return cpu_s * 1000 / times, statistics.median(walls_s) * 1000


def _ask_all(
    servers: Sequence[Server], plan: Plan, rounds: int, until_s: float, report: Report, client: Client
) -> None:
    """Each query in so many rounds; in fewer (one at least) where others would have no time left, and not at all after
    `until_s`."""
    wanted = [(query, steps) for steps in STEPS if steps <= plan.scrapes for query in QUERIES]
    for number, (query, steps) in enumerate(wanted):
        name = f"{query.name}, {steps} steps"
        begun_s = time.monotonic()
        if begun_s >= until_s:
            report.not_measured.append(name)
            continue
        share_s = (until_s - begun_s) / (len(wanted) - number)
        form = form_of(query, plan, steps)
        asked: dict[str, list[tuple[float, float]]] = {server.name: [] for server in servers}
        done = 0
        while done < rounds and (not done or (time.monotonic() - begun_s) * (done + 1) / done <= share_s):
            for server in servers:
                asked[server.name].append(_ask(client, server, form))
            done += 1
        if done < rounds:
            report.rounds_count[name] = done
        report.queries[name] = {
            server_name: {
                "cpu_ms": statistics.median(cpu_ms for cpu_ms, _ in times),
                "wall_ms": statistics.median(wall_ms for _, wall_ms in times),
            }
            for server_name, times in asked.items()
        }


def measured(series: int, scrapes: int, rounds: int, until_s: float = math.inf) -> Report:
    """Everything at one scale, but for the judgement. No query is begun after `until_s` of the monotonic clock."""
    plan = Plan(series, scrapes, time.time_ns() // 1_000_000 - 60_000)
    report = Report(series, scrapes, os.getloadavg()[0])
    report.hot_mib = max(64, int(report.samples * 16 * 1.5 / MIB) + 32)
    with (
        tempfile.TemporaryDirectory(prefix="trimtab-bench-metrics-") as folder,
        _all_servers(Path(folder), plan, report.hot_mib) as servers,
    ):
        client = Client()
        report.names = [server.name for server in servers]
        _ingest(servers, plan, report, client)
        _ask_all(servers, plan, rounds, until_s, report, client)
        for server in servers:
            on_disk = server.disk_bytes()
            report.bytes_per_sample[server.name] = (on_disk - report.empty_bytes[server.name]) / report.samples
            report.all_bytes_per_sample[server.name] = on_disk / report.samples
            if server.name in (HOT, COLD):
                for what, tables in TABLES.items():
                    of_it = report.bytes_of.setdefault(what, {})
                    of_it[server.name] = server.table_bytes(*tables) / report.samples
            report.memory_mib[server.name] = server.memory_bytes_max() / MIB
    report.load_after = os.getloadavg()[0]
    return report
