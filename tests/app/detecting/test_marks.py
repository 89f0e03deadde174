"""The chart of one query has the times in which it was not as expected as marks; other charts do not."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pyarrow as pa

from trimtab.app.reading.marks import marks_of
from trimtab.app.reading.ranges import Range
from trimtab.model.anomalies import AnomalyEpisode, SeriesMeasure, SeriesRef, Source, SpokenTest
from trimtab.store.anomaly_state import AnomalyState
from trimtab.store.state import State
from trimtab.store.telemetry import TelemetryStore


class Nothing:
    """A store in which nothing happened."""

    def query(self, _sql: str, _parameters: dict[str, object]) -> pa.Table:
        """No rows."""
        return pa.table({"name": [], "happened_at_ms": [], "message": []})


def test_the_marks_of_a_shape_tell_when_it_was_odd(tmp_path: Path) -> None:
    labels = {"system": "shop", "fingerprint": "ab"}
    series = SeriesRef("shop/ab/mean_ms", Source.QUERY, SeriesMeasure.MEAN_MS, "shop/ab", labels, "ms", 15_000)
    odd = AnomalyEpisode(0, series, 500, 600, 700, 0.6, SpokenTest.SHIFT, 80.0, 4.0, 3.0, 5.0)
    store = cast("TelemetryStore", Nothing())
    with State.open(tmp_path / "state.db") as state:
        AnomalyState(state.database).write([odd], [])
        within = Range(0, 100_000)
        [mark] = marks_of(store, state, ["shop"], within, ["ab"], is_of_shapes=True)
        assert (mark.at_ms, mark.kind, mark.system) == (500, "event", "shop")
        assert mark.label.startswith("anomaly: mean time of query ab on shop: 80 ms, on another level than before")
        assert marks_of(store, state, ["shop"], within, ["cd"], is_of_shapes=True) == ()
        assert marks_of(store, state, ["bank"], within, ["ab"], is_of_shapes=True) == ()
        assert marks_of(store, state, ["shop"], within) == ()
