"""What is odd in a file's series: `trimtab detect`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from trimtab.analyze.detect import DetectSettings, Episode, detect_series
from trimtab.app.series_files.documents import moment, number
from trimtab.app.series_files.drawing import Panel
from trimtab.app.series_files.reading import SeriesFile
from trimtab.stats.time_series import F64, TimeSeries

USUAL_STEP_MS = 300_000
FALSE_PER_DAY_MIN = 1e-9


@dataclass(frozen=True)
class Detected:
    """Scores of all samples by series, and episodes in the order of their beginning."""

    scores: list[F64]
    episodes: list[Episode]
    short: tuple[str, ...]
    """Series that have too few numbers for a sample to be scored: nothing is known of them."""


def detect(file: SeriesFile, settings: DetectSettings) -> Detected:
    """Look at each series as if it came sample by sample."""
    scores, episodes, short = [], [], []
    for one in file.series:
        own, found = detect_series(one.series, rare(settings, one.series.step_ms, len(file.series)))
        scores.append(np.nan_to_num(own))
        episodes.extend(found)
        if np.isfinite(one.series.values).sum() <= settings.warm_up_points:
            short.append(one.series.name)
    return Detected(scores, sorted(episodes, key=lambda one: (one.start_ms, one.series)), tuple(short))


def rare(settings: DetectSettings, step_ms: int, series: int) -> DetectSettings:
    """Settings under which noise opens no more episodes where samples are far apart, or series are many.

    `false_per_day_alone` is meant for steps up to five minutes. A day that has fewer samples gets fewer false episodes
    in proportion: a year by the day would have 50 of them otherwise. And all series of a file together get at most
    `false_per_day`.

    >>> [round(rare(DetectSettings(), step, count).false_per_day_alone, 4)
    ...  for step, count in ((60_000, 1), (3_600_000, 1), (60_000, 100), (86_400_000, 5))]
    [0.15, 0.0125, 0.01, 0.0005]
    """
    share = min(1.0, USUAL_STEP_MS / max(step_ms, 1))
    alone = min(settings.false_per_day_alone, settings.false_per_day / max(series, 1)) * share
    return replace(settings, false_per_day_alone=max(alone, FALSE_PER_DAY_MIN))


def document(found: Detected) -> dict[str, Any]:
    """The JSON document."""
    return {
        "episodes": [
            {
                "series": one.series,
                "start": moment(one.start_ms),
                "end": moment(one.end_ms),
                "score": round(one.score, 6),
                "expected": number(one.expected),
                "observed": number(one.observed),
                "low": number(one.low),
                "high": number(one.high),
                "test": one.test.name.lower(),
            }
            for one in found.episodes
        ]
    }


def panels(file: SeriesFile, found: Detected) -> list[Panel]:
    """Series with their episodes, those that have some first."""
    by_series: dict[str, list[Episode]] = {}
    for one in found.episodes:
        by_series.setdefault(one.series, []).append(one)
    drawn = [_panel(one.series, by_series.get(one.series.name, [])) for one in file.series]
    return sorted(drawn, key=lambda panel: not panel.spans)


def _panel(series: TimeSeries, episodes: list[Episode]) -> Panel:
    note = f"{len(episodes)} episode{'s' if len(episodes) != 1 else ''}" if episodes else "nothing odd"
    return Panel(series, series.name, spans=[(one.start_ms, one.end_ms) for one in episodes], notes=(note,))
