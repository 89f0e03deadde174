"""Roll-ups come out of their small form as they went in, to the bit, and rows of the older form stay what they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.store.metrics.scrapes import now_ms, samples
from tests.store.metrics.test_rolling import check, rolled, some
from tests.store.metrics.test_store import SERIES, opened
from trimtab.store.metrics.rolled import HOURS_MS, MINUTES, MINUTES_MS, Column
from trimtab.store.metrics.rolled_form import needed, packed, unpacked
from trimtab.store.metrics.rolling_rows import RollingRows
from trimtab.store.metrics.unloaded import Unloaded

pytestmark = pytest.mark.store
NUMBERS: tuple[Column, ...] = ("value_sum", "value_min", "value_max", "first_value", "last_value", "increase")


def test_every_number_survives() -> None:
    draw = np.random.default_rng(1)
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, -np.nan, 5e-324, 1.7e308, -1.7e308, 0.1, 1e15])
    count = 4000
    columns: dict[Column, np.ndarray] = {"samples_count": draw.integers(1, 1 << 32, count).astype(np.uint32)}
    for name in NUMBERS:
        bits = draw.integers(0, 1 << 64, count, np.uint64).view(np.float64)
        columns[name] = np.where(draw.random(count) < 0.7, draw.choice(special, count), bits)
        decimal = draw.integers(-(10**6), 10**6, count // 2) / 10.0 ** draw.integers(0, 5, count // 2)
        columns[name][: count // 2] = decimal
    columns["samples_count"][: count // 3] = draw.integers(1, 100, count // 3)
    whole = slice(0, count // 4)
    for name in NUMBERS:  # what all have the same number of decimals of has the form of whole numbers
        columns[name][whole] = np.rint(columns[name][whole]) / 10.0 ** (np.arange(count // 4) % 5)
    stored, form = packed(columns)
    assert set(form.tolist()) == {1, 2, 3, 4, 5}
    form[draw.random(count) < 0.3] = 0
    mixed = {name: np.where(form > 0, stored[name], columns[name]) for name in columns}
    found = unpacked(mixed, form)
    for name in columns:
        assert found[name].tobytes() == columns[name].tobytes(), name
    for name in NUMBERS:  # each alone, with what its guess needs
        wanted = needed([name])
        assert unpacked({one: mixed[one] for one in wanted}, form)[name].tobytes() == columns[name].tobytes(), name


def test_memory_and_engine_give_the_same_rows_and_old_rows_stay_readable(tmp_path: Path) -> None:
    begin = now_ms() // HOURS_MS * HOURS_MS - 3 * HOURS_MS
    with opened(tmp_path) as telemetry:
        metrics = telemetry.metrics
        assert metrics.wait_until_read_back(30)
        slots = metrics.register(SERIES[:10]).slots
        for at_ms, values in some(np.random.default_rng(9), begin, 300):
            metrics.append(samples(slots, at_ms.tolist(), values))
        telemetry.flush(20)
        metrics.rollups.roller.roll(now_ms(), 0)
        assert check(telemetry) > 200
        warm = {width: rolled(telemetry, width) for width in (MINUTES_MS, HOURS_MS)}
        rows = RollingRows(telemetry._engine, metrics._parts, lambda: False)
        cold = [list(rows.of_samples(begin, now_ms())), list(rows.of_minutes(begin, begin + 3 * HOURS_MS))]
        for (width, known), pieces in zip(warm.items(), cold, strict=True):
            seen = {}
            names = dict(zip(metrics._parts.registry.ids[slots].tolist(), SERIES[:10], strict=True))
            for piece in pieces:
                for row, id_ in enumerate(piece.ids.tolist()):
                    key = (dict(names[id_])["name"], int(piece.end_ms[row]))
                    seen[key] = tuple(float(column[row]) for column in piece.columns.values())
            mark = metrics.rollups.roller.mark
            assert mark is not None
            to_ms = mark.minutes_to_ms if width == MINUTES_MS else mark.hours_to_ms
            seen = {key: row for key, row in seen.items() if key[1] <= to_ms}
            assert repr(sorted(seen.items())) == repr(sorted(known.items()))
        # as a version before this one wrote it
        telemetry._engine.write(
            f"INSERT INTO {MINUTES} (id, end_ms, samples_count, value_sum, value_min, value_max, first_at_ms,"
            " first_value, last_at_ms, last_value, increase, ended_at_ms, roll)"
            " SELECT {id:UInt64}, {end:Int64}, 2, 7, 3, 4, {end:Int64} - 20, 3, {end:Int64} - 10, 4, 1, 0, 1000000",
            {"id": int(metrics._parts.registry.ids[slots[0]]), "end": begin + MINUTES_MS},
        )
        end = begin + MINUTES_MS
        old = rolled(telemetry, MINUTES_MS)[dict(SERIES[0])["name"], end]
        assert old == (2, 7, 3, 4, end - 20, 3, end - 10, 4, 1, 0)


def test_what_is_under_way_is_waited_for(tmp_path: Path) -> None:
    with opened(tmp_path) as telemetry:
        unloaded = Unloaded(telemetry._spool, "metric_samples")
        assert unloaded.wait_until_seen(0.0)
        with unloaded.during(5):
            assert not unloaded.wait_until_seen(0.01)
        assert unloaded.wait_until_seen(0.0)
