"""Episodes and what people said of them are kept, found again, and let go within bounds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from trimtab.model.anomalies import AnomalyEpisode, Mute, SeriesMeasure, SeriesRef, Source, SpokenTest
from trimtab.model.errors import NotFound
from trimtab.store.anomaly_state import AnomalyState, Sort, Wanted
from trimtab.store.state_database import StateDatabase

CPU = SeriesRef("01/value", Source.METRIC, SeriesMeasure.VALUE, 'cpu{host="a"}', {"host": "a"}, "", 15_000)
LOAD = SeriesRef(
    "shop/ab12/mean_ms", Source.QUERY, SeriesMeasure.MEAN_MS, "shop/ab12", {"system": "shop"}, "ms", 15_000
)


def episode(series: SeriesRef, start_ms: int, closed_at_ms: int | None = None, score: float = 0.6) -> AnomalyEpisode:
    end_ms = start_ms + 1000
    return AnomalyEpisode(
        0, series, start_ms, end_ms, closed_at_ms, score, SpokenTest.SHIFT, 9.0, 3.0, 2.5, float("nan")
    )


@pytest.fixture
def state(tmp_path: Path) -> Iterator[AnomalyState]:
    database = StateDatabase(tmp_path / "state.db")
    yield AnomalyState(database)
    database.close()


def test_an_episode_is_as_it_was_written_and_changes(state: AnomalyState) -> None:
    [made] = state.write([episode(CPU, 1000)], [])
    assert state.episode(made.id) == replace(made, high=None)
    assert state.open() == [state.episode(made.id)]
    state.write([], [replace(made, closed_at_ms=9000, end_ms=8000, score=0.9, test=SpokenTest.JUMP)])
    after = state.episode(made.id)
    assert (after.closed_at_ms, after.end_ms, after.score, after.test) == (9000, 8000, 0.9, SpokenTest.JUMP)
    assert state.open() == []
    with pytest.raises(NotFound):
        state.episode(99)


def test_episodes_are_found_by_time_words_source_and_score(state: AnomalyState) -> None:
    state.write([episode(CPU, 1000, 5000), episode(CPU, 20_000, score=0.8), episode(LOAD, 4000, 9000)], [])

    def starts(wanted: Wanted, sort: Sort = Sort.NEWEST, limit: int = 10, offset: int = 0) -> list[int]:
        return [one.start_ms for one in state.find(wanted, sort, 30_000, limit, offset)[1]]

    assert starts(Wanted()) == [20_000, 4000, 1000]
    assert starts(Wanted(), Sort.SCORE)[0] == 20_000
    assert starts(Wanted(), Sort.LONGEST) == [20_000, 4000, 1000]
    assert starts(Wanted(), Sort.NAME) == [20_000, 1000, 4000]
    assert starts(Wanted(from_ms=6000, to_ms=10_000)) == [4000]
    assert starts(Wanted(to_ms=4000)) == [1000]
    assert starts(Wanted(search="HOST cpu")) == [20_000, 1000]
    assert starts(Wanted(search="100%_")) == []
    assert starts(Wanted(is_open=True)) == [20_000]
    assert starts(Wanted(source=Source.QUERY)) == [4000]
    assert starts(Wanted(test=SpokenTest.JUMP)) == []
    assert starts(Wanted(score_min=0.7)) == [20_000]
    assert starts(Wanted(series_key=LOAD.key)) == [4000]
    assert state.find(Wanted(), Sort.NEWEST, 0, 1, 1)[0] == 3
    assert starts(Wanted(), limit=1, offset=1) == [4000]


def test_what_is_over_goes_in_its_time_and_the_oldest_where_there_are_too_many(state: AnomalyState) -> None:
    state.write([episode(CPU, start_ms, start_ms + 2000) for start_ms in range(0, 10_000, 1000)], [])
    state.write([episode(CPU, 0)], [])
    assert state.forget(before_ms=4000) == 2
    assert state.forget(before_ms=0, episodes_max=3) == 5
    left = state.find(Wanted(), Sort.NEWEST, 0, 100)[1]
    assert [one.start_ms for one in left] == [9000, 8000, 7000, 0]
    assert left[-1].is_open


def test_what_is_normal_is_in_force_until_its_time_or_until_somebody_takes_it_back(state: AnomalyState) -> None:
    for_good = state.mute(Mute(0, CPU.key, None, CPU.name, None, "batch", None, "ada", 100))
    a_day = state.mute(Mute(0, CPU.key, SpokenTest.JUMP, CPU.name, 7, "deploys", 200, "ada", 100))
    assert state.mutes(150) == [a_day, for_good]
    assert state.mutes(200) == [for_good]
    state.unmute(for_good.id, "bob", 160)
    assert state.mutes(170) == [a_day]
    with pytest.raises(NotFound):
        state.unmute(for_good.id, "bob", 170)
    state.forget(before_ms=165)
    assert state.mutes(170) == [a_day]
