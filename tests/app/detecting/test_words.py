"""What is said of an episode fits what is seen: a value within its band is not said to be on another level."""

from __future__ import annotations

import pytest

from trimtab.app.detecting.answers import episode_row
from trimtab.app.detecting.words import said_of
from trimtab.model.anomalies import AnomalyEpisode, SeriesMeasure, SeriesRef, Source, SpokenTest


def episode(
    test: SpokenTest,
    observed: float,
    low: float,
    *,
    measure: SeriesMeasure = SeriesMeasure.VALUE,
    name: str = "shop_queue_length",
    unit: str = "",
) -> AnomalyEpisode:
    series = SeriesRef(name, Source.METRIC, measure, name, {"__name__": name}, unit)
    return AnomalyEpisode(1, series, 0, 60_000, None, 0.6, test, observed, 5.0, low, 9.0)


def test_a_value_within_its_band_is_odd_only_together_with_those_before() -> None:
    assert said_of(episode(SpokenTest.SHIFT, 8.0, 2.0)).startswith(
        "8, the last values together (mean of 48) are on another level; this one alone is within its band; expected"
    )
    assert "this one alone is within its band" in said_of(episode(SpokenTest.SPREAD, 9.0, 2.0))
    assert said_of(episode(SpokenTest.SHIFT, 9.5, 2.0)).startswith("9.5, on another level than before; expected was 5")
    assert said_of(episode(SpokenTest.JUMP, 8.0, 2.0)).startswith("8, far from the value before")


@pytest.mark.parametrize(
    ("measure", "name", "unit", "low"),
    [
        (SeriesMeasure.RATE, "errors_total", "1/s", 0.0),
        (SeriesMeasure.CALLS_PER_S, "shop/1f", "1/s", 0.0),
        (SeriesMeasure.MEAN_MS, "shop/1f", "ms", 0.0),
        (SeriesMeasure.MEAN, "request_seconds", "s", 0.0),
        (SeriesMeasure.VALUE, "checkpoint_duration_seconds", "s", 0.0),
        (SeriesMeasure.VALUE, "node_timex_offset_seconds", "s", -3.0),
        (SeriesMeasure.VALUE, "temperature", "", -3.0),
    ],
)
def test_bands_of_durations_and_rates_are_never_below_0(
    measure: SeriesMeasure, name: str, unit: str, low: float
) -> None:
    one = episode(SpokenTest.RANGE, 20.0, -3.0, measure=measure, name=name, unit=unit)
    assert (episode_row(one).low, episode_row(one).high) == (low, 9.0)
    assert ("(-3" in said_of(one)) == (low < 0)


def test_what_was_below_0_has_the_band_that_it_had() -> None:
    assert episode_row(episode(SpokenTest.RANGE, -4.0, -3.0, measure=SeriesMeasure.RATE)).low == -3.0
