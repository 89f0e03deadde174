"""The series of a day as arrays: for the baseline, and to try another detector on the same day.

Samples come from the server's own Prometheus API while it runs; query shapes from its store once it has stopped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx2
import numpy as np

from benchmarks.demo_day.alarms import ALL_STATEMENTS, CALLS, MEAN_MS
from benchmarks.demo_day.clock import DayClock
from benchmarks.demo_day.live_shop import INTERVAL_S_MIN
from demo.trimtab_server import SYSTEM_NAME
from trimtab.app.detecting.kinds import Kind, divisor_of, family_of, kind_of, left_out
from trimtab.model.anomaly_settings import LEFT_OUT

TIMEOUT_S = 120.0
CHUNK_ROWS = 600
"""Of one series in one answer."""


@dataclass(frozen=True, slots=True)
class Series:
    """One row of a recording; see `Alarm`."""

    name: str
    measure: str
    labels: Mapping[str, str]
    tables: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Recording:
    """`values` has shape [series, rows], float64, NaN where there was no sample; `at_ms` are the ends of rows."""

    series: tuple[Series, ...]
    at_ms: np.ndarray
    values: np.ndarray

    def write(self, folder: Path) -> None:
        """`series.json` and `values.npz`."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "series.json").write_text(json.dumps([asdict(one) for one in self.series]))
        np.savez_compressed(folder / "values.npz", at_ms=self.at_ms, values=self.values)

    @staticmethod
    def read(folder: Path) -> Recording:
        """What `write` wrote."""
        listed = json.loads((folder / "series.json").read_text())
        series = tuple(Series(**{**one, "tables": tuple(one["tables"])}) for one in listed)
        with np.load(folder / "values.npz") as arrays:
            return Recording(series, arrays["at_ms"], arrays["values"])


def grid(clock: DayClock, until_minute: float) -> tuple[np.ndarray, int]:
    """Ends of rows (Unix ms) and their length: a minute, or as long as the server's shortest interval."""
    step_ms = round(max(clock.minute_s, INTERVAL_S_MIN) * 1000)
    rows = int(until_minute * clock.minute_s * 1000 / step_ms)
    return clock.began_ms + step_ms * np.arange(1, rows + 1), step_ms


def metrics(url: str, clock: DayClock, until_minute: float) -> Recording:
    """All series of metrics that the detector looks at: gauges as they are, counters as rates, sums as means."""
    at_ms, step_ms = grid(clock, until_minute)
    out = left_out(LEFT_OUT)
    found: list[tuple[Series, np.ndarray]] = []
    with httpx2.Client(base_url=url, timeout=TIMEOUT_S, trust_env=False) as http:
        said = _data(http, "/api/v1/metadata", {})
        for name in _data(http, "/api/v1/label/__name__/values", {}):
            if out.fullmatch(name):
                continue
            kind = kind_of(name, str(said.get(family_of(name), [{}])[0].get("type", "")))
            rows = dict(_rows(http, name, at_ms, step_ms))
            below = dict(_rows(http, name.removesuffix("_sum") + "_count", at_ms, step_ms)) if kind >= Kind.MEAN else {}
            for labels, values in rows.items():
                match kind:
                    case Kind.GAUGE:
                        found.append((Series(name, "value", dict(labels)), values))
                    case Kind.COUNTER:
                        found.append((Series(name, "rate", dict(labels)), increase(values) * 1000 / step_ms))
                    case Kind.MEAN | Kind.DURATION:
                        counts = increase(below.get(divisor_of(labels), np.full_like(values, np.nan)))
                        sums = increase(values)
                        mean = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
                        found.append((Series(name, "mean", dict(labels)), mean))
    return Recording(tuple(one for one, _ in found), at_ms, np.array([values for _, values in found]))


def shapes(data_dir: Path, clock: DayClock, until_minute: float) -> Recording:
    """Mean times and calls of query shapes, by row. The server has to be stopped."""
    from trimtab.store.telemetry import EmbeddedTelemetry

    at_ms, step_ms = grid(clock, until_minute)
    telemetry = EmbeddedTelemetry.open(data_dir)
    try:
        slices = telemetry.slices(SYSTEM_NAME, int(at_ms[0]) - step_ms, int(at_ms[-1]))
        known = {shape.fingerprint: shape for shape in telemetry.shapes(SYSTEM_NAME)}
    finally:
        telemetry.close()
    row = np.clip((slices.ended_at_ms - clock.began_ms) // step_ms, 0, len(at_ms) - 1)
    calls = np.zeros((len(slices.fingerprints), len(at_ms)))
    spent = np.zeros_like(calls)
    for slice_, at in enumerate(row.tolist()):
        calls[:, at] += slices.calls[:, slice_]
        spent[:, at] += slices.total_exec_time_ms[:, slice_]
    calls = np.concatenate([calls, calls.sum(axis=0, keepdims=True)])
    spent = np.concatenate([spent, spent.sum(axis=0, keepdims=True)])
    series: list[Series] = []
    for fingerprint in slices.fingerprints:
        shape = known.get(fingerprint)
        about = ({"fingerprint": fingerprint}, tuple(shape.tables) if shape else (), shape.text if shape else "")
        series.append(Series("", MEAN_MS, *about))
    series.append(Series("", MEAN_MS, {}, (), ALL_STATEMENTS))
    series += [Series("", CALLS, one.labels, one.tables, one.text) for one in series]
    mean = np.divide(spent, calls, out=np.full_like(spent, np.nan), where=calls > 0)
    is_known = np.cumsum(calls, axis=1) > 0  # a shape that was never called is no series yet
    return Recording(tuple(series), at_ms, np.concatenate([mean, np.where(is_known, calls * 1000 / step_ms, np.nan)]))


def joined(parts: Sequence[Recording]) -> Recording:
    """All series of recordings of the same time."""
    return Recording(
        tuple(series for one in parts for series in one.series),
        parts[0].at_ms,
        np.concatenate([one.values for one in parts if len(one.series)]),
    )


def _rows(
    http: httpx2.Client, name: str, at_ms: np.ndarray, step_ms: int
) -> Iterator[tuple[tuple[tuple[str, str], ...], np.ndarray]]:
    """Each series with its samples in the rows that they fell into, the last of each row; NaN where there is none."""
    made: dict[tuple[tuple[str, str], ...], np.ndarray] = {}
    for begin in range(0, len(at_ms), CHUNK_ROWS):
        some = at_ms[begin : begin + CHUNK_ROWS]
        asked = {"query": f'{{__name__="{name}"}}[{len(some) * step_ms}ms]', "time": some[-1] / 1000}
        for one in _data(http, "/api/v1/query", asked)["result"]:
            labels = tuple(sorted(one["metric"].items()))
            values = made.setdefault(labels, np.full(len(at_ms), np.nan))
            when_ms = np.array([sample[0] for sample in one["values"]]) * 1000
            row = np.ceil((when_ms - at_ms[0]) / step_ms).astype(np.int64)
            values[np.clip(row, 0, len(at_ms) - 1)] = [float(sample[1]) for sample in one["values"]]
    yield from made.items()


def _data(http: httpx2.Client, path: str, asked: Mapping[str, object]) -> Any:
    answer = http.get(path, params={key: str(value) for key, value in asked.items()})
    answer.raise_for_status()
    return answer.json()["data"]


def increase(values: np.ndarray) -> np.ndarray:
    """From each sample to the next one, by row that is between them; a counter that is less than before began anew."""
    found = np.full_like(values, np.nan)
    there = np.flatnonzero(np.isfinite(values))
    steps = np.diff(values[there])
    found[there[1:]] = np.where(steps < 0, values[there[1:]], steps) / np.diff(there)
    return found
