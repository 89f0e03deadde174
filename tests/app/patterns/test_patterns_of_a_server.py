"""A server with known patterns in its metrics: found, kept, told by the API and the page, with ways to the samples."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.analyze.patterns.made import F64, MINUTE_MS, series
from tests.analyze.patterns.test_of_several_series import templates
from tests.app.patterns.patterns_there import LIMIT_PER_S, fill
from tests.web.site import Site, open_site
from trimtab.analyze.patterns.found import Kind, Lead, Mix
from trimtab.analyze.patterns.lead_lag import leads
from trimtab.analyze.patterns.mix import mix
from trimtab.app.patterns.answers import FoundPatterns, PatternRow, row_of
from trimtab.app.patterns.keeper import Patterns
from trimtab.web.pages.analysis.pattern_pictures import picture_of
from trimtab.web.pages.analysis.pattern_words import sentence_of

pytestmark = [pytest.mark.store, pytest.mark.slow]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("patterns")


@pytest.fixture(scope="module")
def looked(folder: Path) -> Iterator[Site]:
    """A server that looked once; its own thread would look later."""
    with open_site(folder) as site:
        fill(site.service, time.time_ns() // 1_000_000)
        site.service.patterns.look()
        yield site


def rows(site: Site, kind: Kind, name: str) -> list[PatternRow]:
    """Patterns of a kind whose name has this text."""
    return [one for one in site.service.patterns.now.patterns if one.kind is kind and name in one.name]


def told(site: Site, query: str = "") -> dict[str, Any]:
    """What the API tells."""
    answer = site.visitor().get(f"/api/trimtab/patterns{query}")
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_what_was_put_there_is_found(looked: Site) -> None:
    cycles = [one.cycle for one in rows(looked, Kind.CYCLE, "web1: Processors busy")]
    days = [one for one in cycles if one is not None and one.name == "day"]
    assert len(days) == 1
    assert abs(days[0].amplitude - 30) < 4  # percent of processors, put there as 2 * 15
    leaks = [one.leak for one in rows(looked, Kind.LEAK, "web1: Memory taken")]
    assert leaks[0] is not None
    assert leaks[0].slope_per_h_90[0] < 37.5 / (15 * 24) < leaks[0].slope_per_h_90[1]
    teeth = [one.saw_teeth for one in rows(looked, Kind.SAW_TEETH, "/logs")]
    assert teeth[0] is not None
    assert teeth[0].period_ms == 6 * 3_600_000
    bursts = [one.bursts for one in rows(looked, Kind.BURSTS, "Network, receive")]
    assert bursts[0] is not None
    assert bursts[0].period_ms == 3_600_000
    knees = [one.knee for one in rows(looked, Kind.KNEE, "checkout")]
    assert knees[0] is not None
    assert knees[0].model == "queue"
    assert abs(knees[0].knee / (LIMIT_PER_S / 2) - 1) < 0.15


def test_there_is_no_leak_where_nothing_grows(looked: Site) -> None:
    assert rows(looked, Kind.LEAK, "Processors") == []
    assert rows(looked, Kind.LEAK, "/logs") == []
    assert told(looked)["nothing"]["leak"]["no such pattern"] >= 2


def test_the_api_filters_and_cuts_into_pages(looked: Site) -> None:
    every = told(looked)
    assert every["total"] == len(every["patterns"]) > 5
    assert every["looked_at"] > 5
    one = told(looked, "?kind=knee&search=CHECKOUT")
    assert [row["kind"] for row in one["patterns"]] == ["knee"]
    assert one["patterns"][0]["hint"]["is_verified"] is False
    assert one["patterns"][0]["knee"]["evidence"]["found_share"] > 0.9
    assert len(told(looked, "?limit=2&offset=1")["patterns"]) == 2
    assert told(looked, "?search=nobody")["patterns"] == []
    for wrong in ("?kind=shape", "?limit=0", "?other=1"):
        assert looked.visitor().get(f"/api/trimtab/patterns{wrong}").status_code == 400, wrong


def test_the_page_draws_each_kind_and_leads_to_the_samples(looked: Site) -> None:
    page = looked.visitor().get("/patterns?kind=knee").text
    assert 'class="pattern-dots"' in page
    assert 'class="pattern-range"' in page
    assert "not verified" in page
    assert "/traces/services/checkout?from=" in page
    cycle = looked.visitor().get("/patterns?kind=cycle").text
    assert 'class="pattern-band"' in cycle
    assert "Each day highest at" in cycle
    teeth = looked.visitor().get("/patterns?kind=saw-teeth&fragment=results").text
    assert "<html" not in teeth
    assert 'class="pattern-mark"' in teeth
    leads = looked.visitor().get("/patterns?kind=lead").text
    assert "<table" in leads
    assert "checkout: p95 of a service" in leads
    assert "No pattern fits" in looked.visitor().get("/patterns?q=nobody").text
    assert looked.visitor().get("/patterns?kind=x").status_code == 400
    assert looked.visitor().get("/patterns?page=0").status_code == 400


def test_what_was_found_outlives_a_restart_and_another_form_is_forgotten(looked: Site) -> None:
    service = looked.service
    again = Patterns(lambda: service.config.patterns, service.state, lambda _: None, service.now_ms, lambda _: None)  # type: ignore[arg-type, return-value]
    assert msgspec.json.encode(again.now) == msgspec.json.encode(service.patterns.now)
    kept = service.state.meta("patterns")
    service.state.set_meta("patterns", '{"patterns": [1]}')
    other = Patterns(lambda: service.config.patterns, service.state, lambda _: None, service.now_ms, lambda _: None)  # type: ignore[arg-type, return-value]
    assert other.now == FoundPatterns()
    service.state.set_meta("patterns", kept)


def test_a_server_without_series_says_so_before_and_after_a_look(looked: Site) -> None:
    state = looked.service.state
    found, kept = looked.service.patterns.now, state.meta("patterns")
    looked.service.patterns._now = FoundPatterns()
    assert "Nobody looked yet" in looked.visitor().get("/patterns").text
    assert told(looked)["at_ms"] is None
    looked.service.patterns._now = FoundPatterns(at_ms=1)
    assert "Nothing was looked at" in looked.visitor().get("/patterns").text
    looked.service.patterns._now = found
    assert state.meta("patterns") == kept


def test_every_kind_of_picture_and_sentence_is_drawn_from_its_own_numbers() -> None:
    rng = np.random.default_rng(1)
    leads_ = leads([series(values, MINUTE_MS, name) for name, values in lead_of(rng).items()])
    made = mix("shop", templates(np.random.default_rng(8), 10, moved=4.0))
    assert isinstance(leads_[0], Lead)
    assert isinstance(made, Mix)
    assert "after 7 min" in sentence_of(leads_[0])
    assert "the mix moves" in sentence_of(made)
    drawn = picture_of(row_of(made, "system/shop", "shop", "/queries"))
    assert drawn is not None
    assert len(drawn.areas) == len(made.clusters)
    assert {area.split("L")[24].split()[0] for area in drawn.areas} == {"600"}  # 24:00 stands at the right end
    assert picture_of(row_of(leads_[0], "a", "a", "")) is None


def lead_of(rng: np.random.Generator) -> dict[str, F64]:
    """One that follows the other after seven minutes."""
    cause = rng.normal(0, 1, 1000)
    return {"queue": cause, "wait": np.concatenate([np.zeros(7), cause[:-7]]) + rng.normal(0, 1, 1000)}
