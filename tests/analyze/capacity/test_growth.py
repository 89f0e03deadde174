"""What-ifs: limits of what may be assumed, and relations to the load that are fitted or said not to be."""

from __future__ import annotations

import numpy as np
import pytest

from trimtab.analyze.capacity.answers import DAY_MS
from trimtab.analyze.capacity.growth import GrowthAssumption, assumed, relation_of

LOAD = 100 + 50 * np.sin(np.arange(168) / 24 * 2 * np.pi)


@pytest.mark.parametrize(
    "wrong",
    [
        {"load_ratio": 0.0},
        {"load_ratio": 1e3},
        {"load_per_month_ratio": -1.0},
        {"nodes": -3, "nodes_now": 3},
        {"nodes_now": 0},
        {"added": float("inf")},
    ],
)
def test_an_assumption_beyond_its_limits_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=str(next(iter(wrong))).split("_")[0]):
        GrowthAssumption(**wrong)  # type: ignore[arg-type]


def test_the_share_that_goes_with_the_load_is_found_in_noise() -> None:
    draw = np.random.default_rng(2)
    busy = 30 + 0.3 * LOAD + draw.normal(0, 2, len(LOAD))
    found = relation_of(busy, LOAD, "flow")
    assert found.is_fitted
    assert found.share == pytest.approx(0.5, abs=0.05)
    assert "50%" in found.said or "49%" in found.said or "51%" in found.said
    disk = np.cumsum(1.0 + 0.02 * LOAD + draw.normal(0, 0.1, len(LOAD)))
    assert relation_of(disk, LOAD, "stock").share == pytest.approx(2 / 3, abs=0.07)


def test_where_nothing_can_be_fitted_it_is_in_proportion_and_that_is_said() -> None:
    draw = np.random.default_rng(2)
    for resource in (draw.normal(50, 5, 168), np.full(168, np.nan), 100 - 0.2 * LOAD):
        found = relation_of(resource, LOAD, "flow")
        assert (found.share, found.is_fitted) == (1.0, False)
        assert "no relation could be fitted" in found.said


def test_a_node_less_puts_more_on_the_others_from_its_day_on() -> None:
    at = np.arange(1, 5) * DAY_MS
    paths = np.full((1, 4), 40.0)
    what = GrowthAssumption(nodes=-1, nodes_now=4, from_ms=3 * DAY_MS)
    assert assumed(paths, 40.0, at, 0, what, 1.0, "flow")[0].round(2).tolist() == [40.0, 40.0, 53.33, 53.33]
    assert assumed(paths, 40.0, at, 0, what, 1.0, "stock")[0].round(2).tolist() == [40.0, 40.0, 53.33, 53.33]


def test_monthly_growth_compounds() -> None:
    at = np.array([30.4375, 60.875]) * DAY_MS
    load = GrowthAssumption(load_per_month_ratio=1.05).load_at(at.astype(np.int64), 0)
    assert load.round(4).tolist() == [1.05, 1.1025]
