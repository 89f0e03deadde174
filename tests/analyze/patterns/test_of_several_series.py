"""Knees, leads and the mix: found where they are, with intervals that hold the truth, and nothing in noise."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from tests.analyze.patterns.made import F64, HOUR_MS, MINUTE_MS, NOISES, day_wave, moments, noise, series
from trimtab.analyze.patterns.found import Answer, Knee, Lead, Mix, NoPattern, Why
from trimtab.analyze.patterns.hints import hint_of
from trimtab.analyze.patterns.knees import knee
from trimtab.analyze.patterns.lead_lag import SERIES_MAX, leads
from trimtab.analyze.patterns.mix import Loads, mix

STEP_MS = 5 * MINUTE_MS
COUNT = 7 * 288
LIMIT = 1000.0


def loads(rng: np.random.Generator, most: float = 950.0) -> F64:
    """A day's rhythm of calls a second, up to near the limit."""
    made = 500 + 250 * day_wave(moments(COUNT, STEP_MS), 14.0) + 100 * rng.normal(0, 1, COUNT)
    return np.clip(made * most / 950, 20, most)


def asked(x: F64, y: F64) -> Answer:
    return knee(series(x, STEP_MS, "calls", "/s"), series(y, STEP_MS, "latency", "ms"))


@pytest.mark.parametrize("kind", ["white", "ar 0.9"])
def test_a_queue_has_its_knee_at_half_of_its_limit(kind: str) -> None:
    rng = np.random.default_rng(1)
    x = loads(rng)
    found = asked(x, 5 / (1 - x / LIMIT) * np.exp(0.2 * noise(kind, COUNT, rng)))
    assert isinstance(found, Knee)
    assert found.model == "queue"
    assert found.knee == pytest.approx(LIMIT / 2, rel=0.1)
    assert found.knee_90[0] < found.knee < found.knee_90[1]
    assert found.limit == pytest.approx(LIMIT, rel=0.1)
    assert found.evidence.found_share == 1.0
    hint = hint_of(found)
    assert hint is not None
    assert not hint.is_verified
    assert "knee" in hint.action


def test_contention_has_the_knee_of_its_law() -> None:
    rng = np.random.default_rng(2)
    x = loads(rng)
    found = asked(x, 5 * (1 + 0.0005 * x + 2e-6 * x**2) * rng.lognormal(0, 0.1, COUNT))
    assert isinstance(found, Knee)
    truth = (np.sqrt(0.0005**2 + 4 * 2e-6) - 0.0005) / (2 * 2e-6)
    assert found.knee == pytest.approx(truth, rel=0.1)


def test_a_straight_line_noise_and_walks_have_no_knee() -> None:
    rng = np.random.default_rng(3)
    wrong = 0
    for _ in range(8):
        x = loads(rng)
        for y in (
            10 + noise("white", COUNT, rng),
            5 + x / 100 + noise("ar 0.9", COUNT, rng),
            10 + noise("walk", COUNT, rng),
        ):
            wrong += isinstance(asked(x, np.maximum(y, 0.1)), Knee)
        wrong += isinstance(asked(500 + 100 * noise("walk", COUNT, rng), 10 + noise("walk", COUNT, rng)), Knee)
    assert wrong <= 1  # of 32


def test_a_knee_that_the_data_do_not_reach_is_not_told() -> None:
    rng = np.random.default_rng(4)
    x = loads(rng, most=420.0)
    refused = asked(x, 5 / (1 - x / LIMIT) * rng.lognormal(0, 0.02, COUNT))
    assert isinstance(refused, NoPattern)
    assert refused.why is Why.NOT_REACHED
    flat = asked(np.full(COUNT, 400.0) + rng.normal(0, 5, COUNT), 5 + rng.normal(0, 1, COUNT))
    assert isinstance(flat, NoPattern)
    assert flat.why is Why.NOT_REACHED
    short = asked(x[:50], x[:50])
    assert isinstance(short, NoPattern)
    assert short.why is Why.TOO_SHORT


@pytest.mark.parametrize("kind", ["white", "ar 0.9", "walk"])
def test_the_one_that_leads_is_found_with_its_lag(kind: str) -> None:
    rng = np.random.default_rng(5)
    cause = noise(kind, 1500, rng)
    effect = np.concatenate([np.zeros(7), cause[:-7]]) + noise(kind, 1500, rng)
    other = noise(kind, 1500, rng)
    answers = leads(
        [series(effect, MINUTE_MS, "latency"), series(cause, MINUTE_MS, "queue"), series(other, MINUTE_MS, "disk")]
    )
    assert len(answers) == 1
    found = answers[0]
    assert isinstance(found, Lead)
    assert (found.leader, found.follower, found.lag_ms) == ("queue", "latency", 7 * MINUTE_MS)
    assert found.correlation > 0.3
    assert found.lag_ms_90[0] <= found.lag_ms <= found.lag_ms_90[1]


@pytest.mark.parametrize("kind", NOISES)
def test_series_that_know_nothing_of_each_other_do_not_lead_even_by_a_common_day(kind: str) -> None:
    rng = np.random.default_rng(6)
    at = moments(COUNT, STEP_MS)
    made = [series(noise(kind, COUNT, rng) + day_wave(at, 12.0), STEP_MS, f"{number}") for number in range(8)]
    assert [one for one in leads(made) if isinstance(one, Lead)] == []


def test_pairs_are_bounded_and_what_cannot_be_compared_says_so() -> None:
    flat = series(np.ones(500), MINUTE_MS, "flat")
    answers = leads([flat, series(np.arange(20.0), MINUTE_MS, "short")])
    assert {one.why for one in answers if isinstance(one, NoPattern)} == {Why.CONSTANT, Why.TOO_SHORT}
    with pytest.raises(ValueError, match=f"the limit is {SERIES_MAX}"):
        leads([flat] * (SERIES_MAX + 1))


def templates(rng: np.random.Generator, days: int, moved: float = 0.0) -> Loads:
    """Two that go with the day, one of the night, one that is always there and may grow."""
    hours = np.arange(days * 24)
    day = 10 + 8 * np.sin(hours / 24 * 2 * np.pi)
    grows = 10 * (1 + moved * hours / hours.size)
    values = np.stack([day, 2 * day, 20 - day, grows]) * rng.lognormal(0, 0.05, (4, hours.size))
    return Loads(["select", "join", "batch", "new"], 0, HOUR_MS, values)


def test_the_mix_has_clusters_and_depends_on_the_hour() -> None:
    found = mix("shop", templates(np.random.default_rng(7), 10))
    assert isinstance(found, Mix)
    assert found.clusters[0].templates == ("join", "select")
    assert sum(one.share for one in found.clusters) == pytest.approx(1)
    assert found.by_hour_p_value is not None
    assert found.by_hour_p_value <= 0.01
    assert not found.moves
    assert all(len(one.share_by_hour) == 24 for one in found.clusters)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Mix) == found


def test_a_mix_that_moves_says_which_cluster_grows() -> None:
    found = mix("shop", templates(np.random.default_rng(8), 10, moved=4.0))
    assert isinstance(found, Mix)
    assert found.moves
    most = max(found.clusters, key=lambda one: one.moved)
    assert most.templates == ("new",)
    hint = hint_of(found)
    assert hint is not None


def test_a_mix_of_noise_neither_moves_nor_knows_the_hour() -> None:
    rng = np.random.default_rng(9)
    wrong = 0
    for _ in range(12):
        values = np.exp(np.stack([noise("ar 0.9", 240, rng) for _ in range(3)]) * 0.5)
        found = mix("shop", Loads(["a", "b", "c"], 0, HOUR_MS, values))
        assert isinstance(found, Mix)
        assert found.by_hour_p_value is not None
        wrong += found.by_hour_p_value <= 0.01 or found.moves
    assert wrong <= 1


def test_a_mix_needs_two_days_and_two_templates() -> None:
    short = mix("shop", templates(np.random.default_rng(10), 1))
    assert isinstance(short, NoPattern)
    assert short.why is Why.TOO_SHORT
    one = mix("shop", Loads(["a"], 0, HOUR_MS, np.ones((1, 100))))
    assert isinstance(one, NoPattern)
    assert one.why is Why.CONSTANT
