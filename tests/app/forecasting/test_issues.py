"""When a forecast crosses a limit, what is an issue, and why one ends."""

from __future__ import annotations

import numpy as np
import pytest

from trimtab.app.forecasting.actions import Recommended
from trimtab.app.forecasting.crossing import cdf, crossing
from trimtab.app.forecasting.families import FAMILIES, LimitWish
from trimtab.app.forecasting.history import HOUR_MS
from trimtab.app.forecasting.issues import HERE, NOT_ANY_MORE, Ahead, Issue, issues_of, soonest_first
from trimtab.app.forecasting.limits import Limit, limit_of
from trimtab.app.forecasting.subjects import labelled

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
Z = np.array([-1.6449, -1.2816, -0.6745, 0.0, 0.6745, 1.2816, 1.6449])
CPU = next(family for family in FAMILIES if family.name == "host_cpu")
SUBJECTS = [labelled(CPU, {"job": "node", "instance": name}, "%") for name in ("web1", "web2")]


def ahead(means: list[list[float]], spread: float, last: list[float]) -> Ahead:
    mean = np.array(means)
    return Ahead(SUBJECTS[: len(means)], 0, 0, HOUR_MS, mean, LEVELS, mean[:, :, None] + spread * Z, np.array(last))


def limit(*values: float, op: str = ">") -> Limit:
    return Limit(LimitWish("cpu_percent", "busy", op), np.array(values), "80 busy", "pack host")  # type: ignore[arg-type]


def found(one: Ahead, of: Limit, there: frozenset[str] = frozenset()) -> tuple[list[Issue], dict[str, str]]:
    return issues_of(one, of, 0.2, there, {subject.id: Recommended(()) for subject in one.subjects})


def test_the_probability_is_that_of_the_distribution() -> None:
    quantiles = (10 * Z)[None, None, :]
    for at in (-30.0, -12.0, 0.0, 5.0, 16.449, 25.0):
        wanted = __import__("statistics").NormalDist(0, 10).cdf(at)
        assert cdf(LEVELS, quantiles, np.array([[at]]))[0, 0] == pytest.approx(wanted, abs=0.01)


def test_a_series_that_is_always_the_same_is_above_or_below_for_sure() -> None:
    quantiles = np.full((1, 1, 7), 5.0)
    assert [round(float(cdf(LEVELS, quantiles, np.array([[at]]))[0, 0]), 6) for at in (4.9, 5.0, 5.1)] == [0, 1, 1]


def test_what_is_below_its_limit_is_looked_at_from_above() -> None:
    mean = np.array([[20.0, 10.0, 5.0]])
    seen = crossing(mean, LEVELS, mean[:, :, None] + 4 * Z, np.array([8.0]), "<")
    assert (seen.mean_at[0], seen.earliest_at[0], seen.highest_at[0]) == (2, 1, 2)


def test_an_issue_has_its_moments() -> None:
    (issue,), ended = found(ahead([[60, 70, 82, 79]], 4.0, [58]), limit(80.0))
    assert ended == {}
    assert (issue.expected_ms, issue.earliest_ms, issue.likeliest_ms) == (2 * HOUR_MS, 2 * HOUR_MS, 2 * HOUR_MS)
    assert issue.probability == pytest.approx(0.69, abs=0.01)
    assert issue.probability_end == pytest.approx(0.40, abs=0.01)
    assert (issue.now, issue.peak, issue.horizon_end_ms) == (58.0, 82.0, 4 * HOUR_MS)


def test_a_mean_that_stays_within_may_be_an_issue_too() -> None:
    (issue,), _ = found(ahead([[70, 77]], 4.0, [69]), limit(80.0))
    assert issue.expected_ms is None
    assert issue.earliest_ms == HOUR_MS
    assert issue.probability < 0.5


def test_what_is_more_probable_than_not_is_expected_though_the_mean_stays_within() -> None:
    mean = np.array([[70.0, 79.0]])
    seen = crossing(mean, LEVELS, mean[:, :, None] + 4 * Z + 3.0, np.array([80.0]), ">")
    assert seen.probability[0, 1] > 0.5
    assert seen.mean_at[0] == 1


def test_what_is_beyond_its_limit_now_is_none_and_ends_one() -> None:
    one = ahead([[85, 90], [85, 90]], 2.0, [81, 79])
    issues, _ = found(one, limit(80.0, 80.0))
    assert [issue.series for issue in issues] == [SUBJECTS[1].id]
    there = frozenset(f"{subject.id} > cpu_percent" for subject in SUBJECTS)
    issues, ended = found(one, limit(80.0, 80.0), there)
    assert ended == {f"{SUBJECTS[0].id} > cpu_percent": HERE}


def test_an_issue_does_not_come_and_go_around_its_threshold() -> None:
    fifteen_percent = ahead([[75.9, 75.9]], 4.0, [70])
    assert found(fifteen_percent, limit(80.0)) == ([], {})
    there = frozenset([f"{SUBJECTS[0].id} > cpu_percent"])
    assert len(found(fifteen_percent, limit(80.0), there)[0]) == 1
    assert found(ahead([[60.0, 60.0]], 4.0, [60]), limit(80.0), there) == ([], dict.fromkeys(there, NOT_ANY_MORE))


def test_without_a_limit_there_is_no_issue() -> None:
    assert found(ahead([[99.0, 99.0]], 1.0, [98]), limit(np.nan)) == ([], {})


def test_the_soonest_comes_first_and_what_is_only_possible_last() -> None:
    one = ahead([[70, 70, 90], [70, 90, 90]], 2.0, [60, 60])
    issues, _ = found(one, limit(80.0, 80.0))
    possible, _ = found(ahead([[78.0, 60.0]], 4.0, [60]), limit(80.0))
    assert [issue.series for issue in soonest_first([*possible, *issues])] == [
        SUBJECTS[1].id,
        SUBJECTS[0].id,
        SUBJECTS[0].id,
    ]


def test_limits_come_from_packs_and_from_series() -> None:
    family = next(family for family in FAMILIES if family.name == "postgres_connections")
    shop, bank = (labelled(family, {"instance": name}, "") for name in ("shop", "bank"))
    made = limit_of(
        family.limits[0], [shop, bank], lambda _pack, _name: 80.0, lambda _query: {(("instance", "shop"),): 200.0}
    )
    assert made.values[0] == 160.0
    assert np.isnan(made.values[1])
    assert made.title == "80 % of max_connections"
    plain = limit_of(CPU.limits[0], SUBJECTS, lambda _pack, _name: 75.0, dict)  # type: ignore[arg-type]
    assert plain.values.tolist() == [75.0, 75.0]
    assert plain.title == "75 % busy"
    wraparound = next(family for family in FAMILIES if family.limits and family.limits[0].name == "wraparound")
    many = limit_of(wraparound.limits[0], [shop], lambda _pack, _name: 2.5e8, dict)  # type: ignore[arg-type]
    assert many.title.startswith("250,000,000 transactions")


def test_only_what_a_limit_is_of_has_it() -> None:
    objective = next(family for family in FAMILIES if family.name == "objective")
    left, events = (labelled(objective, {"name": "a", "measure": name}, "") for name in ("left", "events_per_min"))
    values = limit_of(objective.limits[0], [left, events], lambda _p, _n: 0.0, dict).values  # type: ignore[arg-type]
    assert values[0] == 0.0
    assert np.isnan(values[1])
