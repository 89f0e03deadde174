"""How long rows are kept: as the settings say, from the next opening on; what is older goes, and is refused."""

from __future__ import annotations

import time
from pathlib import Path

import pyarrow as pa
import pytest

from tests.store.facts_of_a_shop import trace_request
from trimtab.model.errors import InputError
from trimtab.model.retention import RetentionPolicy
from trimtab.store.retention import DAY_MS, RETENTION
from trimtab.store.telemetry import EmbeddedTelemetry, TelemetryLimits

pytestmark = pytest.mark.store
LIMITS = TelemetryLimits(load_interval_s=0.05, spans_load_interval_s=0.05, rollup_interval_s=0.1)


def event(days_ago: int) -> pa.Table:
    """An event of so many days ago, named after them."""
    at_ms = time.time_ns() // 1_000_000 - days_ago * DAY_MS
    return pa.table({"system": ["shop"], "happened_at_ms": [at_ms], "kind": ["k"], "message": [str(days_ago)]})


def kept(telemetry: EmbeddedTelemetry) -> set[str]:
    """The events that are there."""
    return set(telemetry.query("SELECT message FROM server_events")["message"].to_pylist())


def there_within(telemetry: EmbeddedTelemetry, wanted: set[str], seconds_max: float = 10.0) -> bool:
    """Whether the engine, which drops in the background, comes to that."""
    give_up_at_s = time.monotonic() + seconds_max
    while kept(telemetry) != wanted and time.monotonic() < give_up_at_s:
        time.sleep(0.05)
    return kept(telemetry) == wanted


def days(telemetry: EmbeddedTelemetry) -> dict[str, int]:
    """How long every table keeps its rows, by the engine's own word."""
    clauses = telemetry.query("SELECT name, extract(engine_full, 'toIntervalDay.([0-9]+)') AS days FROM system.tables")
    return {row["name"]: int(row["days"]) for row in clauses.to_pylist() if row["days"]}


def test_a_shorter_time_drops_what_is_older_and_a_longer_one_holds_from_then_on(tmp_path: Path) -> None:
    with EmbeddedTelemetry.open(tmp_path, LIMITS, RetentionPolicy()) as telemetry:
        for days_ago in (0, 5, 20, 50):
            telemetry.write("server_events", event(days_ago))
        telemetry.flush(10)
        assert kept(telemetry) == {"0", "5", "20", "50"}
        with pytest.raises(InputError, match="must lie in the last 90 days"):
            telemetry.write("server_events", event(91))
    shorter = RetentionPolicy(statements_days=10, minutes_days=10)
    with EmbeddedTelemetry.open(tmp_path, LIMITS, shorter) as telemetry:
        assert there_within(telemetry, {"0", "5"})
        with pytest.raises(InputError, match="must lie in the last 10 days"):
            telemetry.write("server_events", event(11))
    with EmbeddedTelemetry.open(tmp_path, LIMITS) as telemetry:  # who says nothing changes nothing
        assert days(telemetry)["server_events"] == 10
    with EmbeddedTelemetry.open(tmp_path, LIMITS, RetentionPolicy(minutes_days=400)) as telemetry:
        telemetry.write("server_events", event(399))
        telemetry.flush(10)
        time.sleep(0.5)
        assert kept(telemetry) == {"0", "5", "399"}


def test_every_table_keeps_as_long_as_its_setting_says(tmp_path: Path) -> None:
    names = sorted({kept.setting for kept in RETENTION.values()})
    policy = RetentionPolicy(**{name: 1000 + number for number, name in enumerate(names)})
    with EmbeddedTelemetry.open(tmp_path, LIMITS, policy) as telemetry:
        now = days(telemetry)
        assert {name: now[name] for name in RETENTION} == {
            name: getattr(policy, kept.setting) for name, kept in RETENTION.items()
        }
        assert RetentionPolicy() == RetentionPolicy(**{kept.setting: kept.days for kept in RETENTION.values()})


def test_spans_are_taken_as_long_as_they_are_kept(tmp_path: Path) -> None:
    with EmbeddedTelemetry.open(tmp_path, LIMITS, RetentionPolicy(spans_days=2)) as telemetry:
        for days_ago in (0, 1, 3, 6):
            telemetry.append_otlp_traces(trace_request(["q"], start_ns=time.time_ns() - days_ago * DAY_MS * 1_000_000))
        telemetry.flush(10)
        assert telemetry.query("SELECT count() AS n FROM spans")["n"].to_pylist() == [2]
        assert telemetry.status().outdated_spans_count == 2


def test_a_change_that_was_broken_off_is_finished_on_the_next_opening(tmp_path: Path) -> None:
    policy = RetentionPolicy(own_days=3, plans_days=5)
    with EmbeddedTelemetry.open(tmp_path, LIMITS, RetentionPolicy(own_days=3)):
        pass  # the other half was not reached
    with EmbeddedTelemetry.open(tmp_path, LIMITS, policy) as telemetry:
        now = days(telemetry)
        assert (now["own_logs"], now["own_metrics"], now["query_plans"]) == (3, 3, 5)
