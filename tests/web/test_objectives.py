"""The pages of objectives and their API over HTTP: what they show, what they take, and that a thousand are quick."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from starlette.testclient import TestClient

from tests.store.metrics.scrapes import samples
from tests.web.markup import refused_by_policy
from tests.web.site import Site, open_site
from trimtab.analyze.slo.reading import objectives_in
from trimtab.app.objectives.cases import BurnCases
from trimtab.app.objectives.keeper import SETTLE_MS
from trimtab.model.objective_window import Window
from trimtab.model.objectives import Objective
from trimtab.model.system import System
from trimtab.web.pages.objectives.page import home_of

pytestmark = pytest.mark.store
MINUTE_MS = 60_000
NOW_MS = time.time_ns() // 1_000_000 // MINUTE_MS * MINUTE_MS
MINUTES = 120
HOSTILE = "<script>alert(1)</script>"
TEXT = f"""
objectives:
  - name: shop
    display_name: "{HOSTILE} answers"
    service: web
    system: shop
    target: 99.9%
    window: 6h
    description: Requests without an error.
    events: {{bad: 'requests_total{{code="500"}}', total: requests_total}}
  - {{name: fresh, service: feed, window: 2h, freshness: last_update, slo: < 5 minutes}}
  - {{name: nothing, service: feed, target: 99%, availability: nobody_has_this}}
"""
MANY = 1_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Three objectives: one burns, one is kept, of one nothing is known."""
    with open_site(tmp_path_factory.mktemp("objectives") / "data") as made:
        grown = np.full(MINUTES, 1000.0)
        bad = np.where(np.arange(MINUTES) >= MINUTES - 30, 100.0, 0.0)
        write(made, {"__name__": "requests_total", "code": "200"}, np.cumsum(grown - bad))
        write(made, {"__name__": "requests_total", "code": "500"}, np.cumsum(bad))
        write(made, {"__name__": "last_update"}, NOW_MS / 1000 - 30 - 60.0 * np.arange(float(MINUTES))[::-1])
        made.service.state.add_system(System("shop", "service=shop", None, NOW_MS))
        made.service.objectives.define(objectives_in(TEXT, "objectives.yml"))
        count(made)
        made.service.telemetry.flush()
        yield made


def write(site: Site, labels: dict[str, str], values: NDArray[np.float64]) -> None:
    """Samples at every minute up to now."""
    store = site.service.querying.store
    slots = store.register([tuple(sorted(labels.items()))]).slots
    at_ms = NOW_MS - np.arange(len(values) - 1, -1, -1) * MINUTE_MS
    done = store.append(samples(np.repeat(slots, len(values)).tolist(), at_ms.tolist(), values.tolist()))
    assert not done.refused, done.first_refusals


def count(site: Site) -> None:
    """Rounds until all history is counted."""
    for _ in range(100):
        site.service.objectives.round(NOW_MS + SETTLE_MS)
        standing = site.service.objectives.standing
        assert standing.error is None
        if all(one.history_ratio == 1.0 for one in standing.objectives.values()):
            return
    raise AssertionError("history does not come to an end")


@pytest.fixture(scope="module")
def client(site: Site) -> TestClient:
    """A browser without script."""
    return site.visitor()


def test_the_worst_stands_first(client: TestClient) -> None:
    answer = client.get("/objectives")
    assert answer.status_code == 200
    names = re.findall(r'class="row-link" href="/objectives/([^"?]+)', answer.text)
    assert names == ["shop", "fresh", "nothing"]
    assert "&lt;script&gt;" in answer.text
    assert "<script>alert" not in answer.text
    assert not refused_by_policy(answer.text)
    assert "target 99.9" in answer.text


def test_search_and_filters_are_in_the_address(client: TestClient) -> None:
    assert "row-link" not in client.get("/objectives?q=nobody").text
    found = client.get("/objectives?state=unmeasured&fragment=results").text
    assert re.findall(r'row-link" href="/objectives/([^"?]+)', found) == ["nothing"]
    assert client.get("/objectives?state=sad").status_code == 400
    assert client.get("/objectives?sort=luck").status_code == 400
    assert client.get("/objectives?page=0").status_code == 400


def test_one_objective_whole(client: TestClient) -> None:
    answer = client.get("/objectives/shop")
    assert answer.status_code == 200
    text = answer.text
    assert "Requests without an error." in text
    assert 'data-keys="[&#34;objective/shop/left&#34;]"' in text
    assert "fires" in text, "its rules do"
    assert "Time to fire" in text
    assert not refused_by_policy(answer.text)
    assert client.get("/objectives/shop?fragment=standing").text.count("<section") == 1
    assert 'id="rules-now"' in client.get("/objectives/shop?fragment=rules").text
    assert client.get("/objectives/shop?fragment=other").status_code == 404
    assert client.get("/objectives/nobody").status_code == 404


def test_what_was_written_a_moment_ago_is_being_set_up_and_not_missing(site: Site, client: TestClient) -> None:
    """What `trimtab setup` made is linked at once, and read a moment later."""
    objectives = site.service.objectives
    objectives.look_soon()
    assert client.get("/objectives/shop").status_code == 200, "what is known stays"
    answer = client.get("/objectives/made-now")
    assert answer.status_code == 503
    assert "is being set up" in answer.text
    assert 'http-equiv="refresh"' in answer.text
    told = client.get("/api/trimtab/objectives/made-now")
    assert (told.status_code, told.json()["error"]["kind"], told.headers["Retry-After"]) == (503, "NotYet", "1")
    count(site)
    assert client.get("/objectives/made-now").status_code == 404


def test_lines_of_an_objective(client: TestClient) -> None:
    keys = "&".join(f"key=objective/shop/{name}" for name in ("left", "good", "target", "burn", "coverage"))
    answer = client.get(f"/series?{keys}&from={NOW_MS - 2 * 3_600_000}&to={NOW_MS}&points=60")
    assert answer.status_code == 200, answer.text
    lines = {line["key"].rpartition("/")[2]: line["values"] for line in answer.json()["series"]}
    last = {name: next(v for v in reversed(values) if v is not None) for name, values in lines.items()}
    assert last["good"] == pytest.approx(90.0, abs=0.1)
    assert last["burn"] == pytest.approx(100, abs=1)
    assert last["target"] == 99.9
    left = client.get("/api/trimtab/objectives/shop").json()["row"]["left_ratio"]
    assert last["left"] == pytest.approx(100 * left, abs=0.5), "the line ends where the budget is"
    assert client.get("/series?key=objective/shop/weather").status_code == 400
    assert client.get("/series?key=objective/nobody/left").status_code == 404


def test_the_api_tells_the_same(client: TestClient) -> None:
    listed = client.get("/api/trimtab/objectives").json()
    assert [one["name"] for one in listed["objectives"]] == ["fresh", "nothing", "shop"]
    assert [one["name"] for one in client.get("/api/trimtab/objectives?service=web").json()["objectives"]] == ["shop"]
    one = client.get("/api/trimtab/objectives/shop").json()
    assert one["bad_count"] == pytest.approx(3000)
    assert one["row"]["state"] == "burning"
    assert one["row"]["burning"], "a window of six hours has rules, too"
    explained = client.get("/api/trimtab/objectives/shop/explain").json()
    assert [cell["error_ratio"] for cell in explained["fires"]] == [1.0, 0.1, 0.02, 0.01, 0.005, 0.0015]
    assert client.get("/api/trimtab/objectives?state=sad").status_code == 400


def test_time_is_taken_out_and_back(site: Site, client: TestClient) -> None:
    post = {"X-Trimtab-Actor": "cli%3Aann"}
    wrong = client.post("/api/trimtab/objectives/fresh/exclusions", json={"reason": " ", "end_ms": 1}, headers=post)
    assert wrong.status_code == 400
    body = {"reason": "move", "start_ms": NOW_MS - 3_600_000, "end_ms": NOW_MS - 1_800_000}
    made = client.post("/api/trimtab/objectives/fresh/exclusions", json=body, headers=post)
    assert made.status_code == 201, made.text
    assert client.get("/api/trimtab/objectives/fresh").json()["expected_minutes"] == 90
    assert "move" in client.get("/objectives/fresh").text
    back = client.delete(f"/api/trimtab/objectives/fresh/exclusions/{made.json()['id']}", headers=post)
    assert back.status_code == 200
    assert client.get("/api/trimtab/objectives/fresh").json()["expected_minutes"] == 120
    assert client.delete("/api/trimtab/objectives/fresh/exclusions/999", headers=post).status_code == 404
    actions = [entry["action"] for entry in client.get("/api/trimtab/access/audit").json()]
    assert {"objective exclude", "objective include"} <= set(actions)


def test_forms_that_are_not_right_keep_what_was_typed(client: TestClient) -> None:
    page = client.get("/objectives/fresh").text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    token = found[1]
    fields = {"csrf_token": token, "start": "yesterday", "end": "2026-01-01 10:00", "reason": "disks & more"}
    answer = client.post("/objectives/fresh/exclusions", data=fields, headers={"Origin": "http://127.0.0.1:9321"})
    assert answer.status_code == 400
    assert "is no date and time" in answer.text
    assert "disks &amp; more" in answer.text
    reset = {"csrf_token": token, "reason": "agreed"}
    done = client.post("/objectives/fresh/reset", data=reset, headers={"Origin": "http://127.0.0.1:9321"})
    assert (done.status_code, done.headers["location"]) == (303, "/objectives/fresh?notice=reset")


def test_a_burning_objective_has_a_case_with_its_chart(site: Site, client: TestClient) -> None:
    standing = site.service.objectives.standing
    shop = standing.objectives["shop"]
    assert shop.is_burning
    BurnCases(site.service.state).look(standing)
    (case,) = site.service.state.cases(system="shop")
    answer = client.get(f"/cases/{case.id}")
    assert answer.status_code == 200
    assert 'href="/objectives/shop"' in answer.text
    assert "objective/shop/burn" in answer.text
    assert "An objective has no advice of its own" in answer.text
    assert client.get("/cases").status_code == 200
    assert client.get("/").status_code == 200


def test_what_is_wrong_with_a_file_is_on_the_page(tmp_path: Path, site: Site, client: TestClient) -> None:
    file = tmp_path / "team.yml"
    file.write_text("objectives: [{name: a, target: 99%, availability: up}]\n")
    objectives = site.service.objectives
    files = objectives._files._files
    before = files._named
    files._named = lambda: [str(file)]
    try:
        objectives.round(NOW_MS + SETTLE_MS)
        assert "a" in objectives.standing.objectives
        file.write_text("objectives: [{name: a, target: 9900%, availability: up}]\n")
        objectives.round(NOW_MS + SETTLE_MS)
        page = client.get("/objectives").text
        assert "line 1, column 32: target: 9900% is no share" in page
        assert "a" in objectives.standing.objectives, "the last good reading stays"
    finally:
        files._named = before
        objectives.round(NOW_MS + SETTLE_MS)


def test_a_page_of_a_thousand_objectives_is_quick(site: Site, client: TestClient) -> None:
    objectives = site.service.objectives
    (template,) = (one.objective for one in objectives.standing.objectives.values() if one.objective.name == "shop")
    window = Window(10 * MINUTE_MS)
    many: list[Objective] = [
        replace(template, name=f"shop-{n:04d}", display_name="", window=window) for n in range(MANY)
    ]
    defined = objectives._defined
    objectives.define(many)
    try:
        objectives.round(NOW_MS + SETTLE_MS)
        assert len(objectives.standing.objectives) == MANY
        spent = []
        for _ in range(5):
            began = time.process_time()
            assert client.get("/objectives").status_code == 200
            spent.append(time.process_time() - began)
        assert min(spent) < 0.3, f"{min(spent):.3f} s of processor time"
    finally:
        objectives.define(defined)
        objectives.round(NOW_MS + SETTLE_MS)


@pytest.mark.parametrize(
    ("known_minutes", "window_days", "opens_with"),
    [(14, 30, "now-1h"), (200, 30, "now-6h"), (14, 0.2, "now-288m"), (0, 30, "now-30d"), (None, 30, "now-30d")],
)
def test_the_page_opens_with_the_time_that_was_measured(
    site: Site, known_minutes: int | None, window_days: float, opens_with: str
) -> None:
    now = site.service.objectives.named("shop")
    length_ms = int(window_days * 86_400_000)
    known_ms = None if known_minutes is None else known_minutes * MINUTE_MS
    longest = replace(now.burns[0], rule=replace(now.burns[0].rule, long_ms=3 * 86_400_000), known_ms=known_ms)
    young = replace(
        now,
        objective=replace(now.objective, window=Window(length_ms)),
        budget=replace(now.budget, window_start_ms=now.budget.at_ms - length_ms),
        burns=(longest,),
    )
    assert home_of(young, NOW_MS).from_text == opens_with


def test_what_is_hidden_before_the_first_measurement_is_said(site: Site, client: TestClient) -> None:
    assert "Measured since" not in client.get("/objectives/fresh").text
    objectives, defined = site.service.objectives, site.service.objectives._defined
    text = "objectives: [{name: young, service: feed, window: 30d, freshness: last_update, slo: < 5 minutes}]"
    objectives.define(objectives_in(text, "young.yml"))
    try:
        count(site)
        page = client.get("/objectives/young").text
        assert 'data-home-from="now-6h"' in page
        assert re.search(r"Measured since <time[^>]+>.+</time>: the charts open .+ href=\"[^\"]*from=now-30d", page)
        assert "Measured since" not in client.get("/objectives/young?from=now-30d&to=now").text
    finally:
        objectives.define(defined)
        objectives.round(NOW_MS + SETTLE_MS)
