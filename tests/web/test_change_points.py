"""The pages of changes of level, and what the API tells of them: over a server that took series and spans."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from tests.api.serving import running
from tests.web.change_points_there import happen
from tests.web.forms import send
from tests.web.site import Site
from trimtab.app.reading.marks import marks_of
from trimtab.app.reading.ranges import Range

pytestmark = pytest.mark.store
MINUTE_MS = 60_000


@dataclass
class Looked:
    """A site that looked once, and when the level changed."""

    site: Site
    moved_ms: int


@pytest.fixture(scope="module")
def looked(site: Site) -> Looked:
    """It took series by remote write and spans by OTLP, and looked at them once."""
    now_ms = time.time_ns() // 1_000_000
    with running(site.app) as url:
        moved_ms = happen(url, now_ms)
    site.service.telemetry.flush()
    site.service.change_points.round(site.service.now_ms())
    return Looked(site, moved_ms)


def told(site: Site, query: str = "?from=now-1d") -> dict[str, Any]:
    """What the API tells."""
    answer = site.visitor().get(f"/api/trimtab/change-points{query}")
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_the_api_has_the_change_with_its_ratio_and_what_stands_beside_it(looked: Looked) -> None:
    answer = told(looked.site)
    memory = [row for row in answer["rows"] if row["family"] == "host_memory"]
    assert [row["series"].count("host-b") for row in memory] == [1]
    row = memory[0]
    assert abs(row["at_ms"] - looked.moved_ms) <= 2 * MINUTE_MS
    assert row["before"] == pytest.approx(37.5, abs=0.5)
    assert row["after"] == pytest.approx(62.5, abs=0.5)
    low, high = row["interval_90"]
    assert low < row["ratio"] < high
    assert row["p_value"] < 1e-6
    assert not row["provisional"]
    beside = [one for one in row["beside"] if one["kind"] == "deployment"]
    assert [one["text"] for one in beside] == ["shop 1.4.2 (before: 1.4.1)"]
    assert -5 * MINUTE_MS < beside[0]["away_ms"] < 0
    assert beside[0]["href"] == "/traces/services/shop"
    assert answer["series_count"] >= 2
    assert answer["problems"] == []


def test_another_look_finds_the_same_change_and_keeps_its_number(looked: Looked) -> None:
    before = [row["id"] for row in told(looked.site)["rows"]]
    looked.site.service.change_points.round(looked.site.service.now_ms())
    assert [row["id"] for row in told(looked.site)["rows"]] == before


def test_the_page_shows_it_with_levels_and_says_beside_not_because(looked: Looked) -> None:
    page = looked.site.visitor().get("/change-points").text
    assert 'href="/change-points" aria-current="page"' in page
    assert "Memory taken: host-b:9100" in page
    assert 'class="level-picture"' in page
    assert "shop 1.4.2 (before: 1.4.1)" in page
    assert "That is not to say that it is the cause" in page
    number = told(looked.site)["rows"][0]["id"]
    one = looked.site.visitor().get(f"/change-points/{number}").text
    assert f"change/{number}" in one
    assert "median of the level before" in one


def test_the_chart_has_the_values_and_both_levels(looked: Looked) -> None:
    row = told(looked.site)["rows"][0]
    from_ms, to_ms = looked.moved_ms - 30 * MINUTE_MS, looked.moved_ms + 30 * MINUTE_MS
    answer = looked.site.visitor().get(f"/series?key={row['key']}&from={from_ms}&to={to_ms}&points=60").json()
    lines = {line["name"]: line["values"] for line in answer["series"]}
    assert set(lines) == {"measured", "level before", "level after"}
    levels = {value for value in lines["level before"] if value is not None}
    assert [pytest.approx(value, rel=1e-4) for value in levels] == [row["before"]]
    overlap = [
        a is not None and b is not None for a, b in zip(lines["level before"], lines["level after"], strict=True)
    ]
    assert not any(overlap)
    assert np.isfinite([value for value in lines["measured"] if value is not None]).sum() > 25
    assert looked.site.visitor().get("/series?key=change/999999").json()["series"] == []


def test_an_operator_says_that_it_is_none_and_takes_it_back_and_the_audit_has_both(looked: Looked) -> None:
    site = looked.site
    row = told(site)["rows"][0]
    visitor = site.visitor()
    page = visitor.get(f"/change-points/{row['id']}").text
    answer = send(visitor, page, f"/change-points/{row['id']}/not-a-change", {"reason": "the batch"})
    assert answer.status_code == 303
    assert row["id"] not in [one["id"] for one in told(site)["rows"]]
    kept = told(site, "?from=now-1d&dismissed=true")["rows"]
    assert [(one["id"], one["dismissed_why"]) for one in kept] == [(row["id"], "the batch")]
    site.service.change_points.round(site.service.now_ms())
    assert row["id"] not in [one["id"] for one in told(site)["rows"]], "what was said is kept when it is found again"
    assert "the batch" in visitor.get(f"/change-points/{row['id']}").text
    back = visitor.delete(f"/api/trimtab/change-points/{row['id']}/not-a-change")
    assert back.status_code == 200, back.text
    assert row["id"] in [one["id"] for one in told(site)["rows"]]
    actions = [(entry.action, entry.outcome.value) for entry in site.service.access.audit_entries(10)]
    assert ("no change point", "done") in actions
    assert ("change point after all", "done") in actions


def test_a_history_of_commits_is_answered_and_nothing_is_kept(looked: Looked) -> None:
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.normal(100, 1, 30), rng.normal(108, 1, 20)]).round(3).tolist()
    commits = [f"c{number}" for number in range(50)]
    before = told(looked.site)["total"]
    series = [{"name": name, "values": values, "commits": commits} for name in ("parse", "plan")]
    answer = looked.site.visitor().post("/api/trimtab/change-points", json={"series": series})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert [[one["commit"] for one in each["change_points"]] for each in body["series"]] == [["c30"], ["c30"]]
    assert body["commits"] == [["c30", 2]]
    assert told(looked.site)["total"] == before


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"series": []}, "series: 1 to 1,000, found 0"),
        ({"series": [{"name": "a", "values": [1, 2], "commits": ["x"]}]}, "found 1 for 2 values"),
        ({"series": [{"name": "a", "values": [1, 2], "at_ms": [5, 5]}]}, "found 5 behind 5"),
        ({"series": [{"name": "a", "values": [1, 2]}], "p_value_max": 2}, "p_value_max: from 1e-06 to 0.5, found 2"),
    ],
)
def test_a_wrong_history_is_refused_with_its_place(looked: Looked, body: dict[str, Any], words: str) -> None:
    answer = looked.site.visitor().post("/api/trimtab/change-points", json=body)
    assert answer.status_code == 400
    assert words in answer.text


def test_a_change_of_a_system_is_a_mark_on_its_charts_and_none_once_it_is_said_to_be_none(looked: Looked) -> None:
    service = looked.site.service
    one = replace(service.change_points.state.one(told(looked.site)["rows"][0]["id"]), id=0)
    shape = replace(one, series="shape/shop/ab12/mean_ms", title="shop select: mean", system="shop", fingerprint="ab12")
    [number] = service.change_points.state.write([shape], [], [], 1)
    within = Range(looked.moved_ms - 60 * MINUTE_MS, looked.moved_ms + 60 * MINUTE_MS)

    def labels(fingerprints: tuple[str, ...]) -> list[str]:
        marks = marks_of(service.telemetry, service.state, ["shop"], within, fingerprints, is_of_shapes=True)
        return [mark.label for mark in marks]

    assert labels(("ab12",)) == [f"change point: shop select: mean {shape.ratio:.3g}×"]
    assert labels(("ffff",)) == []
    service.change_points.dismiss(number, "ops", "known")
    assert labels(("ab12",)) == []


def test_what_is_not_there_is_said(looked: Looked) -> None:
    assert looked.site.visitor().get("/change-points/999999").status_code == 404
    assert looked.site.visitor().get("/api/trimtab/change-points/x").status_code == 404
    assert looked.site.visitor().get("/change-points?show=all").status_code == 400
    assert "No change fits" in looked.site.visitor().get("/change-points?q=nothing-like-it").text
