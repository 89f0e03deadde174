"""Files whose samples are far apart: noise is as quiet as it is by the second, and what is odd is found."""

from __future__ import annotations

import numpy as np

from trimtab.analyze.detect import DetectSettings, detect_series
from trimtab.app.series_files.detecting import rare
from trimtab.stats.time_series import TimeSeries

MONTH_MS = 30 * 86_400_000


def test_forty_years_by_the_month() -> None:
    chance = np.random.default_rng(3)
    settings = rare(DetectSettings(), MONTH_MS, 5)
    at_ms = np.arange(540) * MONTH_MS
    for name in "abcde":
        values = chance.normal(10, 1, 540)
        assert detect_series(TimeSeries(name, at_ms, values), settings)[1] == []
        values[400] = 20
        _, (found,) = detect_series(TimeSeries(name, at_ms, values), settings)
        assert found.start_ms == 400 * MONTH_MS
