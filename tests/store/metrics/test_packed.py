"""Values of samples in little room come back to the bit, whatever they are and whichever version wrote them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.empty_store import make_tables
from tests.store.metrics.scrapes import now_ms
from trimtab.store import migrate as migrating
from trimtab.store.engine_embedded import EmbeddedEngine
from trimtab.store.limits import TelemetryLimits
from trimtab.store.metrics.block import STALE_BITS
from trimtab.store.metrics.contract import Samples
from trimtab.store.metrics.limits import MetricLimits
from trimtab.store.metrics.packed import bits_of, packed_of
from trimtab.store.telemetry import EmbeddedTelemetry

STALE = np.array([STALE_BITS], np.uint64).view(np.float64)[0]
ODD = np.array(
    [
        *(0.0, -0.0, 1.0, -1.0, 0.1, -0.1, 1 / 3, 1e-300, 5e-324, 2.0**46, 2.0**46 - 1, -(2.0**46), 2.0**53 + 2),
        *(1e300, np.inf, -np.inf, np.nan, STALE, 0.29, 1.005, 123456.7, 7e-7, 1e-8, 99999999.9999999),
    ]
)


def back(values: np.ndarray[tuple[int], np.dtype[np.float64]], offsets: list[int]) -> list[int]:
    """The bits of values that were packed and unpacked."""
    stored = packed_of(np.array(offsets, np.int64), values.view(np.int64))
    return [int(bits) for bits in bits_of(stored)]


def test_every_value_comes_back_to_the_bit() -> None:
    draw = np.random.default_rng(7)
    for one in ODD:  # alone, as one among many whole ones, and many of it
        assert back(np.array([one]), [0, 1]) == [np.array([one]).view(np.int64)[0]], one
        many = draw.integers(-1000, 1000, 100).astype(np.float64)
        many[draw.integers(0, 100, 5)] = one
        assert back(many, [0, 40, 100]) == many.view(np.int64).tolist(), one
    for decimals in range(10):
        values = np.round(draw.normal(0, 10.0 ** draw.integers(0, 7), 5000), decimals)
        assert back(values, [0, 1, 1, 17, 5000]) == values.view(np.int64).tolist(), decimals
    noise = draw.integers(-(1 << 63), 1 << 63, 20_000, np.int64)
    noise = noise[~np.isnan(noise.view(np.float64))]
    assert back(noise.view(np.float64), [0, len(noise)]) == noise.tolist()


def test_a_nan_that_would_look_like_a_whole_number_is_the_ordinary_one() -> None:
    taken = np.array([-1, -(1 << 50), -(1 << 47) - 5], np.int64)
    assert np.isnan(taken.view(np.float64)).all()
    assert back(taken.view(np.float64), [0, 3]) == [0x7FF8_0000_0000_0001] * 3
    free = np.array([-(1 << 50) - 1, 0x7FF8_0000_0000_0001], np.int64)
    assert back(free.view(np.float64), [0, 2]) == free.tolist()


def test_decimals_are_those_of_the_series_not_of_each_value() -> None:
    values = np.array([20.0, 20.5, 20.25, 7.0, 8.0])
    stored = packed_of(np.array([0, 3, 5], np.int64), values.view(np.int64))
    assert np.diff(stored).tolist()[:2] == [50, -25]
    assert int(stored[4] - stored[3]) == 1
    mostly = np.arange(32.0)
    mostly[5] = 1 / 3
    stored = packed_of(np.array([0, 32], np.int64), mostly.view(np.int64))
    assert (np.diff(stored)[6:] == 1).all()


@pytest.mark.store
def test_rows_of_an_older_version_and_new_ones_are_read_alike_and_merged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = now_ms()
    limits = TelemetryLimits(load_interval_s=0.05)
    with EmbeddedTelemetry.open(make_tables(tmp_path), limits, metric_limits=MetricLimits()) as telemetry:
        (slot,) = telemetry.metrics.register([(("__name__", "m"), ("n", "1"))]).slots.tolist()
        (series,) = telemetry.metrics._parts.registry.ids[[slot]].tolist()
        rows = [row["name"] for row in telemetry.query("DESCRIBE metric_samples").to_pylist()]
    assert rows[-2:] == ["packed", "number"]
    old_path = tmp_path / "old"
    (old_path / "telemetry").mkdir(parents=True)
    engine = EmbeddedEngine(old_path / "telemetry" / "engine", limits)
    with monkeypatch.context() as patched:
        older = [one for one in migrating.migrations() if one[0] <= 16]
        patched.setattr(migrating, "migrations", lambda: older)
        assert migrating.migrate(engine) == 16
    engine.write(
        "INSERT INTO metric_series (id, metric, labels, seen_at_ms) VALUES"
        f" ({series}, 'm', map('__name__', 'm', 'n', '1'), {now})"
    )
    engine.write(
        f"INSERT INTO metric_samples (id, at_ms, value, spool_segment) SELECT {series}, {now} - 600000 + number * 1000,"
        " number / 4, 7 FROM numbers(300)"
    )
    engine.close()
    with EmbeddedTelemetry.open(old_path, limits, metric_limits=MetricLimits()) as telemetry:
        (slot,) = telemetry.metrics.register([(("__name__", "m"), ("n", "1"))]).slots.tolist()
        at_ms = now - 300_000 + np.arange(100) * 1000
        values = np.where(np.arange(100) % 50 == 49, 1 / 3, np.arange(100) / 10)
        telemetry.metrics.append(Samples(np.full(100, slot, np.int32), at_ms, values))
        telemetry.flush(30)
        wanted = np.concatenate([np.arange(300) / 4, values]).view(np.int64).tolist()
        asked = "SELECT at_ms, number, packed < 0 AS is_whole FROM metric_samples ORDER BY at_ms"
        for _ in range(2):
            answer = telemetry.query(asked)
            assert answer["number"].to_numpy().view(np.int64).tolist() == wanted
            cold = telemetry.metrics._parts.cold.samples(np.array([series], np.uint64), f"id = {series}", 0, now)
            assert cold.bits.tolist() == wanted
            assert sum(answer["is_whole"].to_pylist()) == 98
            telemetry._engine.write("OPTIMIZE TABLE metric_samples FINAL")
        parts = "SELECT count() AS n FROM system.parts WHERE active AND table = 'metric_samples' AND rows > 300"
        assert telemetry.query(parts)["n"].to_pylist() == [1]
    with EmbeddedTelemetry.open(old_path, limits, metric_limits=MetricLimits()) as telemetry:
        assert telemetry.metrics.wait_until_read_back(30)
        _, found = telemetry.metrics._parts.hot.gather(np.array([slot], np.int32), 0, now)
        bits = np.concatenate([part.bits[part.first[0] : part.end[0]] for part in found])
        assert bits.tolist() == wanted
