"""Do others see what demo.json says? The application's own latency log and psql, each over the windows of the cases.

`python -m demo.crosscheck [demo.json] [--evidence FOLDER]` prints the disagreement in per cent and exits 1 when one is
over the limit. The evidence is what the demo leaves in `demo-logs/evidence`: `latency.jsonl` and `statements.json` by
the application, `counters.tsv` (pg_stat_statements once a second, by psql) and `queries.jsonl` (its texts).
"""

from __future__ import annotations

import argparse
import bisect
import json
import math
import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.latencies import p95, read_calls
from demo.shapes import shape_id

DISAGREEMENT_PERCENT_MAX = 10.0
EVIDENCE_FOLDER = Path("demo-logs/evidence")

Json = dict[str, Any]
Counter = tuple[int, int, float]
"""Moment (Unix ms), calls and total execution time (ms) since the start."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """One number of demo.json beside the same number from elsewhere; `other` is None when it could not be computed.

    A row that does not count is shown for comparison: it is not computed in the same way on both sides.
    """

    case_id: int
    what: str
    ours: float
    other: float | None
    source: str
    counts: bool = True

    @property
    def disagreement_percent(self) -> float | None:
        """How far demo.json is from the other source.

        >>> Agreement(1, "p95 before", 110.0, 100.0, "log").disagreement_percent
        10.0
        """
        return None if not self.other else 100.0 * abs(self.ours / self.other - 1.0)

    @property
    def passed(self) -> bool:
        """Within the limit, and known at all."""
        percent = self.disagreement_percent
        return not self.counts or (percent is not None and percent <= DISAGREEMENT_PERCENT_MAX)


def crosscheck(document: Json, evidence: Path) -> list[Agreement]:
    """Every changed case of demo.json against the evidence."""
    changed = [row for row in document["cases"] if row["windows"] is not None and row["statement"] is not None]
    wanted = {str(row["statement"]) for row in changed}
    texts: dict[str, str] = json.loads((evidence / "statements.json").read_text())
    calls: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for call in read_calls(evidence / "latency.jsonl"):
        if call.name in wanted and not call.failed:
            calls[call.name].append((call.at_ms, call.duration_ms))
    counters = read_counters(evidence)
    found: list[Agreement] = []
    for row in changed:
        found += _latency_rows(row, calls[str(row["statement"])])
        found += _ratio_rows(row, shape_id(texts[str(row["statement"])]) or "", counters)
    return found


def read_counters(evidence: Path) -> dict[str, list[list[Counter]]]:
    """What psql saw, by shape: one series for each query id of the shape."""
    shape_of: dict[str, str] = {}
    for line in (evidence / "queries.jsonl").read_text().splitlines():
        if line.strip():
            record = json.loads(line)
            shape_of[str(record["queryid"])] = shape_id(str(record["query"])) or ""
    series: dict[str, list[Counter]] = defaultdict(list)
    for line in (evidence / "counters.tsv").read_text().splitlines():
        fields = line.split("\t")
        if len(fields) == 4:
            series[fields[1]].append((int(fields[0]), int(fields[2]), float(fields[3])))
    by_shape: dict[str, list[list[Counter]]] = defaultdict(list)
    for query_id, counters in series.items():
        by_shape[shape_of.get(query_id, "")].append(counters)
    return dict(by_shape)


def mean_between(counters: list[Counter], start_ms: int, end_ms: int) -> tuple[int, float]:
    """Calls and execution time (ms) between the first look at or after `start_ms` and the last at or before `end_ms`.

    >>> mean_between([(0, 10, 100.0), (1000, 20, 300.0), (2000, 30, 500.0)], 500, 2000)
    (10, 200.0)
    """
    moments = [at_ms for at_ms, _, _ in counters]
    first = bisect.bisect_left(moments, start_ms)
    last = bisect.bisect_right(moments, end_ms) - 1
    if last <= first:
        return 0, 0.0
    return counters[last][1] - counters[first][1], counters[last][2] - counters[first][2]


def _latency_rows(row: Json, calls: list[tuple[int, float]]) -> list[Agreement]:
    windows = row["windows"]
    found = []
    for side in ("before", "after"):
        ours = row[f"p95_{side}_ms"]
        if ours is None:
            continue
        start_ms, end_ms = windows[f"{side}_start_ms"], windows[f"{side}_end_ms"]
        theirs = p95(duration for at_ms, duration in calls if start_ms <= at_ms < end_ms)
        found.append(Agreement(row["id"], f"p95 {side} (ms)", ours, theirs, "application's latency log"))
    return found


def _ratio_rows(row: Json, shape: str, counters: Mapping[str, list[list[Counter]]]) -> list[Agreement]:
    """The ratio of means as psql counted it; then with what the untouched shapes did meanwhile taken out of both."""
    source = "psql, pg_stat_statements"
    counted = _counted_ratio(row["windows"], counters.get(shape, []))
    drifts = [_counted_ratio(row["windows"], counters.get(str(control), [])) for control in row["controls"] or ()]
    logs = [math.log(drift) for drift in drifts if drift]
    corrected = counted / math.exp(sum(logs) / len(logs)) if counted and logs else None
    return [
        Agreement(row["id"], "mean ratio, as counted", row["raw_ratio"], counted, source),
        Agreement(row["id"], "mean ratio, drift taken out", row["measured_ratio"], corrected, source, counts=False),
    ]


def _counted_ratio(windows: Json, series: list[list[Counter]]) -> float | None:
    """Mean execution time after ÷ before of one shape, over all its query ids."""
    means = []
    for side in ("before", "after"):
        parts = [mean_between(c, windows[f"{side}_start_ms"], windows[f"{side}_end_ms"]) for c in series]
        calls = sum(count for count, _ in parts)
        means.append(sum(total for _, total in parts) / calls if calls else 0.0)
    before, after = means
    return after / before if before and after else None


def print_agreements(agreements: list[Agreement]) -> bool:
    """One line each; True when all are within the limit and there is at least one."""
    for a in agreements:
        percent = a.disagreement_percent
        off = "cannot be computed" if percent is None else f"{percent:.1f} % apart"
        other = "-" if a.other is None else f"{a.other:.4g}"
        mark = "FAR " if not a.passed else "ok  " if a.counts else "    "
        print(f"{mark} case {a.case_id}: {a.what} {a.ours:.4g}, {a.source} {other}: {off}", flush=True)
    return bool(agreements) and all(a.passed for a in agreements)


def main() -> None:
    """Check a demo.json that was written earlier."""
    parser = argparse.ArgumentParser(prog="python -m demo.crosscheck", description=__doc__.splitlines()[0])
    parser.add_argument("document", nargs="?", type=Path, default=Path("demo.json"))
    parser.add_argument("--evidence", type=Path, default=EVIDENCE_FOLDER)
    options = parser.parse_args()
    try:
        document = json.loads(options.document.read_text())
        agreements = crosscheck(document, options.evidence)
    except (OSError, ValueError, KeyError) as error:
        print(f"could not check {options.document}: {error}", file=sys.stderr)
        sys.exit(2)
    sys.exit(0 if print_agreements(agreements) else 1)


if __name__ == "__main__":
    main()
