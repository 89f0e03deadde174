"""The engine's grid functions against our cold path: the same leaf of a query, answered in two ways.

    python -m benchmarks.metrics.grids [--series 10000] [--scrapes 1000] [--data DIRECTORY]

`kernels` is what is shipped: raw rows are read from the engine, and kernels walk over them. `grid` has the engine make
an array for each series (`timeSeriesRateToGrid` and its like), and puts the arrays in their places. `grid, summed` has
the engine add up the arrays by job, too. Runs take turns; each number is the median of several. Processor time is the
whole process', the engine's threads with it; memory is by how much the process grew at most. docs/adr/0017 has the
numbers, and what follows from them.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute
from chdb.session import Session

from benchmarks.metrics.samples import SCRAPE_MS, Plan, bodies
from trimtab.model.retention import RetentionPolicy
from trimtab.observe.metrics.receivers import MetricsIn
from trimtab.observe.metrics.snappy import unpacked
from trimtab.store.engine_embedded import EmbeddedEngine, _answer
from trimtab.store.metrics.limits import MetricLimits
from trimtab.store.metrics.store import EmbeddedMetrics
from trimtab.store.promql.evaluate import evaluate_range
from trimtab.store.promql.evaluation import Evaluation
from trimtab.store.promql.options import Options
from trimtab.store.promql.parse import parse
from trimtab.store.promql.syntax import Call, Matrix, Selector
from trimtab.store.promql.vector import Steps
from trimtab.store.promql.walks import walk_of
from trimtab.store.telemetry import EmbeddedTelemetry

STALE = 9218868437227405314
MINUTE_MS = 60_000
Grid = tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]


@dataclass(frozen=True)
class Leaf:
    """What is asked: PromQL, the engine's function, its window."""

    name: str
    query: str
    function: str
    window_ms: int
    takes_stale: bool = False


def leaves(selector: str) -> tuple[Leaf, ...]:
    """Of one selection, as on a dashboard."""
    return (
        Leaf("rate 5m", f"rate({selector}[5m])", "timeSeriesRateToGrid", 5 * MINUTE_MS),
        Leaf("increase 5m", f"increase({selector}[5m])", "timeSeriesIncreaseToGrid", 5 * MINUTE_MS),
        Leaf("delta 5m", f"delta({selector}[5m])", "timeSeriesDeltaToGrid", 5 * MINUTE_MS),
        Leaf("irate 5m", f"irate({selector}[5m])", "timeSeriesInstantRateToGrid", 5 * MINUTE_MS),
        Leaf("selector", selector, "timeSeriesResampleToGridWithStaleness", 5 * MINUTE_MS, takes_stale=True),
        Leaf("last_over_time 5m", f"last_over_time({selector}[5m])", "timeSeriesLastToGrid", 5 * MINUTE_MS),
        Leaf("avg_over_time 30m", f"avg_over_time({selector}[30m])", "timeSeriesAvgToGrid", 30 * MINUTE_MS),
    )


def long_leaves(selector: str) -> tuple[Leaf, ...]:
    """Of one selection, with all samples in one window: an array is as small as it can be."""
    return (
        Leaf("rate 4h", f"rate({selector}[4h])", "timeSeriesRateToGrid", 240 * MINUTE_MS),
        Leaf("avg_over_time 4h", f"avg_over_time({selector}[4h])", "timeSeriesAvgToGrid", 240 * MINUTE_MS),
        Leaf("max_over_time 4h", f"max_over_time({selector}[4h])", "timeSeriesMaxToGrid", 240 * MINUTE_MS),
    )


STEPS = {240: (SCRAPE_MS, leaves), 1000: (14_000, leaves), 10: (60_000, long_leaves), 1: (60_000, long_leaves)}
"""By their number: how long each is, and what is asked."""

SELECTIONS = {
    "5000 series": "bench_requests_total",
    "500 series": 'bench_requests_total{job="job-3"}',
    "10 series": 'bench_requests_total{path=~"/api/v1/thing/[0-9]"}',
}


class Ways:
    """The ways of one leaf."""

    def __init__(self, telemetry: EmbeddedTelemetry, session: Session, leaf: Leaf, steps: Steps) -> None:
        self._session = session
        self.metrics = telemetry.metrics
        self.leaf, self.steps = leaf, steps

    def kernels(self) -> Grid:
        """As it is shipped."""
        evaluation = Evaluation(self.metrics, self.leaf.query, Options(), self.steps, int(self.steps.times_ms[-1]))
        walk = walk_of(evaluation, parse(self.leaf.query), self.steps)
        if walk is None:
            raise TypeError("the leaf is no walk")
        return walk.whole(evaluation)

    def _sql(self) -> tuple[str, npt.NDArray[np.uint64]]:
        metrics = self.metrics
        if not isinstance(metrics, EmbeddedMetrics):
            raise TypeError("the store has no metrics")
        node = parse(self.leaf.query)
        if isinstance(node, Call):
            node = node.arguments[0]
        selector = node.selector if isinstance(node, Matrix) else node
        if not isinstance(selector, Selector):
            raise TypeError("the leaf is of no selector")
        reader = metrics._reader
        slots = reader.slots(selector.alternatives)
        ids = metrics._parts.registry.ids[slots]
        times = self.steps.times_ms
        since, until = int(times[0]) - self.leaf.window_ms, int(times[-1])
        kept = "" if self.leaf.takes_stale else f" AND reinterpretAsUInt64(number) != {STALE}"
        grid = (
            f"{self.leaf.function}(fromUnixTimestamp64Milli({times[0]}), fromUnixTimestamp64Milli({until}),"
            f" {self.steps.step_ms / 1000}, {self.leaf.window_ms // 1000})(fromUnixTimestamp64Milli(at_ms), number)"
        )
        sql = (
            f"SELECT id, {grid} AS grid FROM metric_samples WHERE {reader._where(slots, ids)}"
            f" AND at_ms > {since} AND at_ms <= {until}{kept} GROUP BY id"
        )
        return sql, ids

    def grid(self) -> Grid:
        """By the engine."""
        sql, ids = self._sql()
        table = _answer(self._session, sql, None)
        count = self.steps.count
        values, present = np.zeros((len(ids), count)), np.zeros((len(ids), count), np.bool_)
        for batch in table.to_batches():
            rows = np.searchsorted(ids, batch.column("id").to_numpy())
            flat = batch.column("grid").flatten()
            values[rows] = flat.fill_null(0.0).to_numpy().reshape(-1, count)
            present[rows] = ~pa.compute.is_null(flat).to_numpy(zero_copy_only=False).reshape(-1, count)
        if self.leaf.takes_stale:
            present &= values.view(np.int64) != STALE
        return values, present

    def grid_summed(self) -> pa.Table:
        """By the engine, and added up there: ten groups, which cost nothing to find."""
        sql, _ = self._sql()
        summed = f"SELECT id % 10 AS part, sumForEach(grid) AS total FROM ({sql}) GROUP BY part"
        return _answer(self._session, summed, None)


def load(telemetry: EmbeddedTelemetry, plan: Plan) -> None:
    """Everything into the engine, nothing in memory."""
    metrics_in = MetricsIn(lambda: telemetry.metrics)
    for packed, _ in bodies(plan):
        metrics_in.remote_write.write(unpacked(packed, 1 << 26, lambda _: None), 1, "bench")
    telemetry.flush(600)


def cost(work: Callable[[], object]) -> tuple[float, float]:
    """CPU-ms, and MB by which the process grew at most."""
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1000, (_status("VmHWM") - before) / 1024


def _status(name: str) -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name + ":"))
    return int(line.split()[1])


def compacted(grid: Grid) -> Grid:
    """Without series that have nothing."""
    is_there = grid[1].any(axis=1)
    return grid[0][is_there], grid[1][is_there]


def same(one: Grid, other: Grid) -> str:
    """How far two answers are apart."""
    one, other = compacted(one), compacted(other)
    if one[1].shape != other[1].shape or (one[1] != other[1]).any():
        return f"DIFFERENT: {one[1].shape} {int(one[1].sum())} numbers, {other[1].shape} {int(other[1].sum())}"
    left, right = one[0][one[1]], other[0][one[1]]
    apart = np.abs(left - right) / np.maximum(np.abs(left), 1e-300)
    return f"{(left == right).mean():.1%} equal, at most {apart.max(initial=0.0):.1e} apart"


def session_of(telemetry: EmbeddedTelemetry) -> Session:
    """One that reads as the engine's own do, and may use the functions."""
    engine = telemetry._engine
    if not isinstance(engine, EmbeddedEngine):
        raise TypeError("the engine is not in this process")
    limits = engine._limits
    session = Session(str(engine.directory))
    session.query(
        f"SET max_threads={limits.threads_max}, max_memory_usage={limits.wide_query_memory_bytes_max},"
        " output_format_arrow_compression_method='none', enable_time_series_aggregate_functions=1"
    )
    return session


def compare(telemetry: EmbeddedTelemetry, plan: Plan, rounds: int) -> None:
    """All leaves, selections and steps."""
    session = session_of(telemetry)
    end_ms = plan.end_ms - 10 * SCRAPE_MS
    for steps_count, (step_ms, leaves_of) in STEPS.items():
        steps = Steps(end_ms - (steps_count - 1) * step_ms, step_ms, steps_count)
        for selection, selector in SELECTIONS.items():
            for leaf in leaves_of(selector):
                ways = Ways(telemetry, session, leaf, steps)
                told = same(ways.kernels(), ways.grid())
                names: Sequence[str] = ("kernels", "grid", "grid_summed")
                seen: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
                for _ in range(rounds):
                    for name in names:
                        seen[name].append(cost(getattr(ways, name)))
                medians = [statistics.median(cpu for cpu, _ in seen[name]) for name in names]
                grown = [max(size for _, size in seen[name]) for name in names]
                cells = [f"{cpu:7.0f} {size:5.0f}" for cpu, size in zip(medians, grown, strict=True)]
                sys.stdout.write(f"{steps_count:5} {selection:12} {leaf.name:18} {' | '.join(cells)} | {told}\n")
                sys.stdout.flush()


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=10_000)
    parser.add_argument("--scrapes", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        data = arguments.data or Path(directory)
        mark = data / "end_ms"
        is_there = mark.exists()
        end_ms = int(mark.read_text()) if is_there else time.time_ns() // 1_000_000 - MINUTE_MS
        plan = Plan(arguments.series, arguments.scrapes, end_ms)
        limits = MetricLimits(hot_bytes_max=1_500_000)
        with EmbeddedTelemetry.open(data, retention=RetentionPolicy(), metric_limits=limits) as telemetry:
            telemetry.metrics.wait_until_read_back(300)
            if not is_there:
                load(telemetry, plan)
                mark.write_text(str(end_ms))
            hot = telemetry.metrics.status().hot
            sys.stdout.write(f"in memory: {hot.samples_count} samples\n")
            hot_from_ms = max(0, hot.from_ms)
            telemetry.metrics._parts.hot._from_ms = max(hot_from_ms, end_ms + MINUTE_MS)  # as if it had none
            evaluate_range(telemetry.metrics, "vector(1)", 0, 1, 1)
            compare(telemetry, plan, arguments.rounds)


if __name__ == "__main__":
    main()
