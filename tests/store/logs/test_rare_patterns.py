"""Of one roll-up only so many patterns have rows of their own: the rest is counted in the total."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.empty_store import make_tables
from tests.store.logs.test_minutes import HOUR_MS, LIMITS, lines
from tests.store.traces.test_calls import roll
from trimtab.store import rollup
from trimtab.store.logs.answers import LogQuery
from trimtab.store.logs.drain import normal_form
from trimtab.store.logs.reads import LogReads
from trimtab.store.rollup import Rollup
from trimtab.store.telemetry import EmbeddedTelemetry

pytestmark = pytest.mark.store


def test_rare_patterns_of_a_roll_up_are_told_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [logs_rollup] = [one for one in rollup.ROLLUPS if one.target == "log_minutes"]
    few = replace(logs_rollup, select=logs_rollup.select.replace(f"LIMIT {rollup.LOG_PATTERNS_MAX}", "LIMIT 1"))
    changed: tuple[Rollup, ...] = tuple(few if one is logs_rollup else one for one in rollup.ROLLUPS)
    monkeypatch.setattr(rollup, "ROLLUPS", changed)
    now_ms = time.time_ns() // 60_000_000_000 * 60_000  # edges of minutes are counted from records
    rows = lines(now_ms, 0, 500)
    with EmbeddedTelemetry.open(make_tables(tmp_path), LIMITS) as telemetry:
        telemetry.logs.append_rows(rows)
        telemetry.flush(60)
        roll(telemetry)
        found = LogReads(telemetry).patterns(LogQuery(now_ms - 9 * HOUR_MS, now_ms + 60_000))
        wanted = Counter(normal_form(str(row.body)) for row in rows).most_common(1)
        assert [(one.template, one.count) for one in found.patterns] == wanted
        assert (found.lines_count, found.total_count) == (wanted[0][1], 500)
