"""Query shapes become rows: mean time as a logarithm and calls per second, slot by slot; idle is not unobserved."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.app.watched_series.test_series import execution
from trimtab.analyze.detect import Detector, DetectSettings
from trimtab.app.detecting.looking import Looking
from trimtab.app.detecting.query_rows import TABLES_MAX, QueryRows
from trimtab.app.detecting.rows import Rows
from trimtab.model.anomalies import SeriesMeasure, Source
from trimtab.store.metrics.arrays import I32, I64
from trimtab.store.tables import table_of

STEP_MS = 15_000
AT_MS = 1_800_000_000_000


class Places:
    """Gives places one after the other, up to a limit."""

    def __init__(self, most: int = 1000) -> None:
        self.most, self.count = most, 0
        self.removed: list[int] = []

    def add(self, steps_ms: I64) -> I32:
        count = min(len(steps_ms), self.most - self.count)
        self.count += count
        return np.arange(self.count - count, self.count, dtype=np.int32)

    def remove(self, places: I32) -> None:
        self.removed += places.tolist()


def look(rows: QueryRows, at_ms: int, *calls: tuple[str, int, float], system: str = "shop") -> None:
    """A look at a system: what each shape did in the five seconds before."""
    made = [execution(system, count, count * mean_ms, at_ms) | {"fingerprint": name} for name, count, mean_ms in calls]
    if made:
        rows.statements(table_of("query_executions", made))
    slice_ = {"system": system, "started_at_ms": at_ms - 5000, "ended_at_ms": at_ms, "shapes_count": len(calls)}
    rows.looks(table_of("query_slices", [slice_]))


def taken(rows: QueryRows) -> dict[str, list[float]]:
    """Values by measure, of shape ab."""
    found = rows.take()
    made: dict[str, list[float]] = {}
    for place, value in zip(found.places.tolist(), found.values.tolist(), strict=True):
        ref = rows.ref(place)
        assert ref is not None
        if ref.labels.get("fingerprint") == "ab":
            made.setdefault(ref.measure.value, []).append(value)
    return made


def test_a_slot_is_told_once_a_later_one_began_and_sums_its_looks() -> None:
    rows = QueryRows(STEP_MS, Places().add, Places().remove)
    for number in range(3):
        look(rows, AT_MS + 1000 + number * 5000, ("ab", 10 + number, 4.0), ("cd", 1, 1.0))
    assert taken(rows) == {}
    look(rows, AT_MS + 16_000, ("ab", 5, 8.0))
    assert taken(rows) == {"calls_per_s": [33 / 15], "mean_ms": [pytest.approx(math.log(4.0))]}
    assert rows.count == 6  # both shapes, and all statements together


def test_all_statements_of_a_system_together() -> None:
    rows = QueryRows(STEP_MS, Places().add, Places().remove)
    look(rows, AT_MS + 1000, ("ab", 10, 4.0), ("cd", 30, 8.0))
    look(rows, AT_MS + 1000, ("ef", 5, 1.0), system="other")
    look(rows, AT_MS + 16_000, ("cd", 15, 2.0))
    before = rows.take()
    look(rows, AT_MS + 1000 + 5 * STEP_MS)
    found = Rows.together([before, rows.take()])
    made: dict[SeriesMeasure, list[float]] = {}
    for place, value in zip(found.places.tolist(), found.values.tolist(), strict=True):
        ref = rows.ref(place)
        assert ref is not None
        if ref.source is Source.SYSTEM and ref.labels == {"system": "shop"}:
            assert rows.place_of(ref.key) == place
            made.setdefault(ref.measure, []).append(value)
    assert made[SeriesMeasure.CALLS_PER_S] == [40 / 15, 1.0, 0.0]
    assert made[SeriesMeasure.MEAN_MS] == [pytest.approx(math.log(7.0)), pytest.approx(math.log(2.0))]


def test_a_shape_that_is_not_called_has_no_calls_and_no_mean_and_one_that_is_not_looked_at_has_nothing() -> None:
    rows = QueryRows(STEP_MS, Places().add, Places().remove)
    look(rows, AT_MS + 1000, ("ab", 10, 4.0))
    look(rows, AT_MS + 16_000, ("cd", 1, 1.0))
    assert taken(rows)["calls_per_s"] == [10 / 15]
    for number in range(2, 8):
        look(rows, AT_MS + 1000 + number * STEP_MS)
    assert taken(rows) == {"calls_per_s": [0.0] * 4}
    assert taken(rows) == {}


def test_shapes_go_after_a_while_and_there_is_a_bound_on_all() -> None:
    places = Places(6)
    rows = QueryRows(STEP_MS, places.add, places.remove)
    look(rows, AT_MS + 1000, *((f"s{number}", 1, 1.0) for number in range(5)))
    look(rows, AT_MS + 16_000, ("s0", 1, 1.0))
    rows.take()
    assert (rows.count, rows.full_count) == (6, 3)  # all statements together come first
    gone = rows.forget(AT_MS + 20_000)
    assert sorted(gone.tolist()) == sorted(places.removed)
    assert rows.count == 0
    for _ in range(TABLES_MAX + 3):
        rows.statements(table_of("query_executions", []))
    assert rows.left_out_count == 3


def test_keys_lead_to_places_and_what_is_kept_goes_on() -> None:
    rows = QueryRows(STEP_MS, Places().add, Places().remove)
    look(rows, AT_MS + 1000, ("ab", 10, 4.0), system="db/shop")
    look(rows, AT_MS + 16_000, ("ab", 10, 4.0), system="db/shop")
    rows.take()
    other = QueryRows(STEP_MS, Places().add, Places().remove)
    other.restore(rows.kept())
    for place in (0, 1):
        ref = rows.ref(place)
        assert ref is not None
        assert other.ref(place) == ref
        assert other.place_of(ref.key) == place
        assert other.is_logarithm(place) is (ref.measure is SeriesMeasure.MEAN_MS)
    assert other.place_of("db/shop/zz/mean_ms") is None
    assert other.place_of("nothing") is None
    assert other.ref(7) is None


@pytest.mark.slow
def test_a_query_that_gets_slow_is_told_in_milliseconds() -> None:
    settings = DetectSettings()
    detector = Detector(settings)
    looking: Looking

    def add(steps_ms: I64) -> I32:
        return looking.add(steps_ms)

    rows = QueryRows(STEP_MS, add, detector.remove)
    looking = Looking(detector, settings, rows.ref, rows.is_logarithm, lambda *_: False)
    random = np.random.default_rng(4)
    opened = []
    for number in range(1200):
        slow = 20.0 if number >= 1190 else 1.0
        look(rows, AT_MS + 1000 + number * STEP_MS, ("ab", 100, slow * 4.0 * float(np.exp(random.normal(0, 0.1)))))
        found = looking.look([rows.take()], AT_MS + number * STEP_MS)
        opened += [one for _, one in found.opened]
        looking.keep((place, replace(one, id=len(opened))) for place, one in found.opened)
    [one] = [one for one in looking.open if one.series.source is Source.QUERY]
    assert {one.series.source for one in looking.open} == {Source.QUERY, Source.SYSTEM}
    assert (one.series.source, one.series.measure, one.series.unit) == (Source.QUERY, SeriesMeasure.MEAN_MS, "ms")
    assert one.observed > 50
    assert one.expected == pytest.approx(4.0, rel=0.3)
    assert one.series.name == "shop/ab"
