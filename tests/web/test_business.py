"""Data quality, pipelines, cost and satisfaction, whole: a real database, the stores, the API, the pages, series."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from starlette.testclient import TestClient

from demo.cluster import Cluster
from tests.api.serving import running
from tests.store.traces.otlp import NOW_NS, Made, request
from tests.web.business_there import DAY_MS, HOSTILE, HOUR_MS, business_site, dbt_results, lineage_event
from tests.web.markup import refused_by_policy
from tests.web.site import Site
from trimtab.analyze.cost.prices import month_bounds
from trimtab.analyze.slo.reading import objectives_in
from trimtab.app.business.airflow_runs import AirflowRuns
from trimtab.app.business.answers.quality import ProbeRow
from trimtab.app.business.keeper import BusinessNow
from trimtab.app.querying import Wish
from trimtab.model.system import System
from trimtab.store.freezes import Freezes
from trimtab.web.pages.quality.listing import missing_of

pytestmark = [pytest.mark.store, pytest.mark.postgres]
JSON = {"Content-Type": "application/json"}
PAGES = (
    *("/quality", "/quality/pipelines", "/quality/cost", "/quality/satisfaction"),
    *("/quality/probes/orders_fresh", "/quality/probes/nowhere"),
)


@pytest.fixture(scope="module")
def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture(scope="module")
def site(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory, now_ms: int) -> Iterator[Site]:
    with business_site(cluster, tmp_path_factory.mktemp("business"), now_ms) as opened:
        yield opened


@pytest.fixture(scope="module")
def visitor(site: Site) -> TestClient:
    return site.visitor()


@pytest.fixture(scope="module")
def told(site: Site, visitor: TestClient, now_ms: int) -> BusinessNow:
    """Runs by everybody who may tell of them, then one round."""
    at = now_ms - HOUR_MS
    events = [("START", "r1", at), ("COMPLETE", "r1", at + 5_000), ("START", "r2", at), ("FAIL", "r2", at + 1)]
    for kind, run, when in [*events, ("START", "r3", at)]:
        answer = visitor.post("/api/v1/lineage", content=lineage_event(kind, run, when), headers=JSON)
        assert answer.status_code == 201, answer.text
    for run, statuses in (("d1", ("success", "error")), ("d2", ("success",)), ("d2", ("success",))):
        body = dbt_results(at, run, *statuses)
        answer = visitor.post("/api/trimtab/pipelines/dbt", content=body, headers=JSON)
        assert answer.status_code == 201, answer.text
    began_ms = now_ms - 60_000 - NOW_NS / 1e6
    statement = {"db.system": "postgresql", "db.statement": "SELECT 1"}
    spans = [
        Made(1, 1, 0, "etl", "pipeline.nightly", "internal", began_ms, 900),
        Made(1, 2, 1, "etl", "SELECT", "client", began_ms, 400, "unset", statement),
        Made(2, 3, 0, "etl", "batch", "internal", began_ms, 100, "error", {"pipeline.name": "daily"}),
        *(
            Made(9, 90 + n, 0, "shop-web", "GET /", "server", began_ms, took)
            for n, took in enumerate((100, 400, 900, 5000))
        ),
        Made(9, 99, 0, "shop-web", "GET /", "server", began_ms, 1, "error"),
    ]
    site.service.telemetry.append_otlp_traces(request(spans).SerializeToString())
    site.service.telemetry.flush(60)
    return site.service.business.round(now_ms)


def value(site: Site, query: str, at_ms: int) -> float | None:
    answer = site.service.querying.instant(query, at_ms, Wish(), lambda: False)
    values = answer.values[answer.present]
    assert len(values) <= 1, query
    return float(values[0]) if len(values) else None


def test_scores_show_their_parts_and_what_nobody_knows(told: BusinessNow, visitor: TestClient, site: Site) -> None:
    assert not told.problems
    found = visitor.get("/api/trimtab/quality").json()
    [bank, shop] = sorted(found["systems"], key=lambda row: row["system"])
    assert (bank["score"], bank["low"], bank["high"], bank["coverage"]) == (None, 0.0, 1.0, 0.0)
    parts = {part["dimension"]: part for part in shop["parts"]}
    assert (parts["freshness"]["score"], parts["freshness"]["weight"]) == (1.0, 2.0)
    assert parts["completeness"]["score"] == pytest.approx(0.9)
    assert (parts["volume"]["score"], parts["volume"]["coverage"], parts["volume"]["probes_count"]) == (0.0, 0.5, 2)
    assert (parts["uniqueness"]["score"], parts["validity"]["score"]) == (1.0, 1.0)
    assert shop["score"] == pytest.approx((2 * 1.0 + 0.0 + 0.9 + 1.0 + 1.0) / 6)
    assert (shop["low"], shop["high"]) == (pytest.approx(shop["score"]), pytest.approx(shop["score"] + 0.5 / 6))
    states = {row["name"]: row["state"] for row in found["probes"]}
    assert states == {
        "orders_fresh": "good",
        "orders_many": "bad",
        "customers_known": "measured",
        "ids_once": "measured",
        "states_known": "good",
        "nowhere": "refused",
        "answer": "measured",
        "elsewhere": "refused",
    }
    why = {row["name"]: row["why_not"] for row in found["probes"]}
    assert "no_such_table" in why["nowhere"]
    assert why["elsewhere"] == "refused: no system named 'bank' is watched; watched: 'shop'"
    assert visitor.get("/api/trimtab/quality?system=bank").json()["probes"][0]["name"] == "elsewhere"


def test_everything_known_is_a_series_and_nothing_else(told: BusinessNow, site: Site, now_ms: int) -> None:
    expected = {
        'data_freshness_seconds{probe="orders_fresh"} < bool 3600': 1.0,
        'data_volume_rows{probe="orders_many"}': 100.0,
        'data_null_ratio{table="orders"}': 0.1,
        'data_duplicate_ratio{system="shop"}': 0.0,
        "data_unaccepted_ratio": 0.2,
        'data_probe_value{unit="answers"}': 42.0,
        'data_probe_up{probe="nowhere"}': 0.0,
        'data_probe_good{probe="orders_many"}': 0.0,
        'data_quality_score{job="business"}': 4.9 / 6,
        'data_quality_dimension_score{dimension="volume"}': 0.0,
        'data_quality_table_score{table="orders"}': 4.9 / 6,
        'data_quality_coverage_ratio{system="bank"}': 0.0,
        'user_satisfaction{name="answers",scale="5"}': 4.4,
        'user_satisfaction_ratio{name="series"}': 0.6,
        'user_satisfaction{name="web"}': (2 + 0.5) / 5,
        'pipeline_success_rate{pipeline="etl/load",source="openlineage"}': 0.5,
        'pipeline_success_rate{pipeline="shop",source="dbt"}': 0.5,
        'pipeline_success_rate{pipeline="nightly",source="otel"}': 1.0,
        'pipeline_success_rate{pipeline="daily"}': 0.0,
        'pipeline_run_duration_seconds{pipeline="nightly"}': 0.9,
        'pipeline_runs{pipeline="etl/load",status="failed"}': 1.0,
        "processing_cost_budget": 1.5,
    }
    for query, wanted in expected.items():
        assert value(site, query, now_ms) == pytest.approx(wanted), query
    for query in ('data_volume_rows{probe="nowhere"}', 'data_quality_score{system="bank"}', "data_orphan_ratio"):
        assert value(site, query, now_ms) is None, query
    assert (value(site, 'data_probe_duration_seconds{probe="orders_many"}', now_ms) or 0) > 0


def test_cost_is_what_was_used_at_the_prices(told: BusinessNow, visitor: TestClient, site: Site, now_ms: int) -> None:
    start_ms, end_ms = month_bounds(now_ms)
    hour_ms = now_ms // HOUR_MS * HOUR_MS
    hours = min((hour_ms - start_ms) // HOUR_MS, 14 * 24)
    hours_of_month = (end_ms - start_ms) / HOUR_MS
    processor = hours * 1800 / 3600 * 0.10
    io = hours * 2 * (1000 + 1 + 1 + 1) / 1e6 * 0.20
    storage = hours * 0.1 / hours_of_month * 0.10
    found = visitor.get("/api/trimtab/cost").json()
    [shop] = found["systems"]
    assert (shop["processor"], shop["io"], shop["storage"]) == (
        pytest.approx(processor),
        pytest.approx(io),
        pytest.approx(storage),
    )
    assert (found["currency"], found["budget"], found["spent"]) == ("EUR", 1.5, pytest.approx(shop["total"]))
    assert found["budget_used_ratio"] == pytest.approx(shop["total"] / 1.5)
    assert value(site, 'processing_cost{system="shop",currency="EUR"}', now_ms) == pytest.approx(shop["total"])
    ahead, day = found["forecast"], 24 * 0.5 * 0.10
    left_days = (end_ms - now_ms) / DAY_MS
    assert ahead["low"] <= ahead["middle"] <= ahead["high"]
    assert ahead["middle"] == pytest.approx(found["spent"] + left_days * day, rel=0.02)
    assert ahead["days_count"] in (13, 14), "the first of them began in an hour of its day"
    if hours:
        by_shape = {row["fingerprint"]: row for row in found["shapes"]}
        assert by_shape["f1"]["cost"] == pytest.approx(processor * 0.75 + io / 2, rel=0.001)
        assert by_shape["f1"]["month"] == pytest.approx(by_shape["f1"]["cost"] * hours_of_month / hours, rel=0.1)
        assert sum(row["cost"] for row in found["shapes"]) == pytest.approx(processor + io)
    pipelines = {row["pipeline"]: row["cost"] for row in found["pipelines"]}
    assert pipelines.get("shop") == pytest.approx(3 * 0.10) or start_ms > now_ms - HOUR_MS
    assert pipelines.get("nightly") == pytest.approx(0.4 / 3600 * 0.10) or start_ms > now_ms - 60_000


def test_runs_are_told_once_and_what_is_wrong_is_refused(told: BusinessNow, visitor: TestClient) -> None:
    found = {(row["pipeline"], row["source"]): row for row in visitor.get("/api/trimtab/pipelines").json()["pipelines"]}
    load = found["etl/load", "openlineage"]
    assert (load["success_count"], load["failed_count"], load["running_count"]) == (1, 1, 1)
    assert load["success_rate_low"] < 0.5 < load["success_rate_high"]
    runs = visitor.get("/api/trimtab/pipelines/runs?pipeline=etl%2Fload").json()
    assert {run["run_id"]: (run["status"], run["duration_ms"]) for run in runs} == {
        "r1": ("success", 5000.0),
        "r2": ("failed", 1.0),
        "r3": ("running", None),
    }
    assert len(visitor.get("/api/trimtab/pipelines/runs?source=dbt").json()) == 2
    for path, body, headers, status in (
        ("/api/v1/lineage", b"{}", JSON, 400),
        ("/api/v1/lineage", b"{}", {"Content-Type": "text/plain"}, 415),
        ("/api/trimtab/pipelines/dbt", b"{}", JSON, 400),
        ("/api/v1/lineage", b"x" * (16 * 1024 * 1024 + 1), JSON, 413),
        ("/api/v1/lineage", b"nonsense", {**JSON, "Content-Encoding": "gzip"}, 400),
    ):
        answer = visitor.post(path, content=body, headers=headers)
        assert (answer.status_code, bool(answer.json()["error"]["message"])) == (status, True), (path, answer.text)
    assert visitor.get("/api/trimtab/pipelines/runs?source=them").status_code == 400


def test_a_run_that_is_imported_is_there_at_once(told: BusinessNow, visitor: TestClient, now_ms: int) -> None:
    body = dbt_results(now_ms - 60_000, "at-once", "success")
    answer = visitor.post("/api/trimtab/pipelines/dbt?pipeline=imported", content=body, headers=JSON)
    assert answer.status_code == 201, answer.text
    found = {row["pipeline"]: row for row in visitor.get("/api/trimtab/pipelines").json()["pipelines"]}
    assert found["imported"]["success_count"] == 1


def test_problems_of_files_are_problems_of_the_answer(
    told: BusinessNow, site: Site, visitor: TestClient, tmp_path: Path
) -> None:
    """Above every page the first of them, with the probe that it is of, and how many others there are."""
    wrong = tmp_path / "wrong.yml"
    entries = [f"  - {{name: w{number}, system: shop, volume: {{table: t}}, good: 5}}" for number in range(8)]
    wrong.write_text("\n".join(["probes:", *entries]))
    files = site.service.business._files
    before = files._named
    files._named = lambda: [*before(), str(wrong)]
    try:
        site.service.business.look_around()
        page = visitor.get("/quality/cost").text
        assert "line 2, column 56: the probe &#39;w0&#39;: good: a probe of volume" in page
        assert "did you mean &#39;&gt;= 5&#39;?, and 7 other problems" in page
    finally:
        files._named = before
        site.service.business.look_around()
    files._named = lambda: [*before(), "/nowhere/data.yml"]
    try:
        site.service.business.look_around()
        found = visitor.get("/api/trimtab/quality").json()
        assert found["problems"] == ["/nowhere/data.yml could not be read: No such file or directory"]
        assert "/nowhere/data.yml (business.files) is wrong: could not be read" in visitor.get("/quality").text
    finally:
        files._named = before
        site.service.business.look_around()


def test_satisfaction_says_how_it_was_found(told: BusinessNow, visitor: TestClient) -> None:
    found = {row["name"]: row for row in visitor.get("/api/trimtab/satisfaction").json()}
    answers = found["answers"]
    assert (answers["count"], answers["refused_count"]) == (5, 3)
    assert answers["refused"][2] == "line 9: 2126-01-01T00:00:00Z lies in the future"
    assert answers["refused"][0] == "line 7: 'soon' is no time, such as 2026-11-25T10:00:00Z"
    assert answers["low"] < 4.4 < answers["high"]
    assert "Apdex Technical Specification" in found["web"]["method"]
    assert found["series"]["low"] is None


def test_a_probe_is_run_by_hand_but_not_while_the_system_is_frozen(
    site: Site, visitor: TestClient, now_ms: int
) -> None:
    before = visitor.get("/api/trimtab/probes/answer").json()
    after = visitor.post("/api/trimtab/probes/answer/run", json={}).json()
    assert (after["value"], after["runs_count"]) == (42.0, before["runs_count"] + 1)
    assert "SELECT 6 * 7" in after["statement"]
    freezes = Freezes(site.service.state.database)
    freezes.freeze("shop", "", "test", "test", now_ms)
    try:
        answer = visitor.post("/api/trimtab/probes/answer/run", json={})
        assert answer.status_code == 400
        assert "shop is frozen" in answer.json()["error"]["message"]
    finally:
        freezes.thaw("shop", "", "test", now_ms)
    assert visitor.post("/api/trimtab/probes/nobody/run", json={}).status_code == 404


def test_nothing_runs_while_everything_is_frozen_or_a_change_is_in_flight(
    site: Site, visitor: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = site.service.state
    state.set_kill_switch("frozen by test")
    try:
        told = visitor.post("/api/trimtab/probes/answer/run", json={}).json()["error"]["message"]
    finally:
        state.set_kill_switch(None)
    assert told == "answer cannot run now: everything is frozen (frozen by test)"
    asked: list[dict[str, object]] = []

    def changes(**wanted: object) -> tuple[str, ...]:
        asked.append(wanted)
        return ("a change",)

    monkeypatch.setattr(state, "changes", changes)
    assert site.service.business.probing.run_now("answer") == "a change of shop is in flight"
    assert asked == [{"in_flight": True, "system": "shop", "limit": 1}]


def test_an_objective_of_the_score_is_counted(told: BusinessNow, site: Site, now_ms: int) -> None:
    """The seed's `> 95%`: the score is below, so that its minutes are bad."""
    text = "objectives: [{name: quality, threshold: data_quality_score, slo: '> 95%', target: 99%, window: 1h}]"
    site.service.objectives.define(objectives_in(text, "o.yml"))
    for _ in range(5):
        site.service.objectives.round(now_ms + 120_000)
    now = site.service.objectives.named("quality")
    assert now.budget.counts.total > 0
    assert now.budget.counts.good == 0


@pytest.mark.parametrize("path", PAGES)
def test_pages_draw_and_let_nothing_hostile_in(told: BusinessNow, visitor: TestClient, path: str) -> None:
    page = visitor.get(path)
    assert page.status_code == 200
    assert not refused_by_policy(page.text)
    assert HOSTILE not in page.text
    block = "standing" if "/probes/" in path else "results"
    assert visitor.get(f"{path}?fragment={block}").text.count("<html") == 0


def test_probes_that_share_a_reason_are_one_line_and_what_is_refused_comes_first() -> None:
    def row(name: str, state: str, why: str) -> ProbeRow:
        return cast("ProbeRow", SimpleNamespace(name=name, state=state, why_not=why))

    rows = [row(f"gone{place}", "refused", "refused: no such table") for place in range(40)]
    rows += [row("late", "failed", "cut off"), row("odd", "refused", "refused: it writes"), row("fine", "good", "")]
    found = [(one.state, one.why, one.count) for one in missing_of(sorted(rows, key=lambda one: one.state == "failed"))]
    assert found == [("refused", "no such table", 40), ("refused", "it writes", 1), ("failed", "cut off", 1)]


def test_what_pages_say(told: BusinessNow, visitor: TestClient) -> None:
    def words(path: str) -> str:
        return " ".join(re.sub(r"<[^>]+>", " ", visitor.get(path).text).split())

    quality = words("/quality")
    for text in ("81.7 %", "not as wanted", "Probes 8", "no_such_table", "of the weight", "&gt;= 1,000 rows"):
        assert text in quality, text
    _, missing = quality.split("Not measured 2")
    assert "refused No system named &#39;bank&#39; is watched; watched: &#39;shop&#39;. elsewhere" in missing
    assert "orders_many" not in missing.split("Probes 8")[0]
    assert "nowhere" not in words("/quality?state=good&q=orders_fresh")
    assert "wanted &lt; 1 h" in words("/quality/probes/orders_fresh")
    cost = words("/quality/cost")
    for text in (
        "EUR",
        "8 times in 10",
        "By query shape",
        "a bill",
        "of the time was measured",
        "since the hour of 20",
    ):
        assert text in cost, text
    satisfied = words("/quality/satisfaction")
    for text in ("4.4 of 5", "csat, the last 30 d", "3 lines are refused", "lies in the future", "0.5 of 1", "3 of 5"):
        assert text in satisfied, text
    assert 'href="/quality/satisfaction"' in visitor.get("/quality").text
    pipelines = words("/quality/pipelines")
    for text in ("etl/load", "told by dbt", "50 %", "1 failed"):
        assert text in pipelines, text
    assert "r1" in words("/quality/pipelines?pipeline=etl%2Fload")
    assert visitor.get("/quality?state=odd").status_code == 400
    assert visitor.get("/quality/probes/nobody").status_code == 404


def test_a_system_that_is_watched_now_is_asked_at_once(
    told: BusinessNow, site: Site, cluster: Cluster, now_ms: int
) -> None:
    business, state = site.service.business, site.service.state
    state.add_system(System("bank", cluster.dsn("business", "trimtab_watch"), None, now_ms))
    try:
        business.look_around()
        assert business.probing.now["elsewhere"].due_at_ms <= site.service.now_ms()
    finally:
        state.remove_system("bank")
        business.look_around()


def test_the_button_runs_it(told: BusinessNow, visitor: TestClient) -> None:
    page = visitor.get("/quality/probes/answer")
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert token is not None
    answer = visitor.post("/quality/probes/answer/run", data={"csrf_token": token[1]})
    assert (answer.status_code, answer.headers["location"]) == (303, "/quality/probes/answer?notice=run")


def test_openlineages_own_client_is_understood(told: BusinessNow, site: Site, visitor: TestClient) -> None:
    """Both ways: its events are taken, packed or not, and what is wrong is refused in a way that it raises."""
    from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
    from openlineage.client.facet_v2 import error_message_run
    from openlineage.client.transport.http import HttpCompression, HttpConfig, HttpTransport
    from requests import HTTPError

    run = "01939999-0000-7000-8000-000000000001"
    failure = error_message_run.ErrorMessageRunFacet(message="disk is full", programmingLanguage="Python")
    job = Job(namespace="real", name="client")
    with running(site.app) as url:
        for packing in (None, HttpCompression.GZIP):
            transport = HttpTransport(HttpConfig(url=url, compression=packing, retry={"total": 0}))
            transport.emit(RunEvent(eventTime="2026-11-25T10:00:00Z", run=Run(run), job=job, eventType=RunState.START))
            failed = Run(run, facets={"errorMessage": failure})
            transport.emit(RunEvent(eventTime="2026-11-25T10:00:30Z", run=failed, job=job, eventType=RunState.FAIL))
        with pytest.raises(HTTPError):
            transport.emit(RunEvent(eventTime="2026-11-25T10:00:30Z", run=Run(run), job=Job("", ""), eventType=None))
        transport.close()
    [found] = visitor.get("/api/trimtab/pipelines/runs?pipeline=real%2Fclient").json()
    assert (found["status"], found["duration_ms"], found["told"]) == ("failed", 30_000.0, "disk is full")


def gauge(name: str, at_ms: int, took_ms: float) -> bytes:
    """Airflow's gauge of a DAG run, as OTLP in JSON."""
    attributes = [{"key": "dag_id", "value": {"stringValue": "nightly_dag"}}]
    point = {"timeUnixNano": str(at_ms * 1_000_000), "asDouble": took_ms, "attributes": attributes}
    metrics = [{"name": name, "gauge": {"dataPoints": [point]}}]
    return json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}).encode()


def test_airflow_tells_by_otlp_metrics(told: BusinessNow, site: Site, visitor: TestClient, now_ms: int) -> None:
    """Each new value of the gauge is a run; what was there at the first look is none."""
    start_ms = now_ms // 60_000 * 60_000 - 600_000
    name = "airflow.dagrun.duration"
    for kind, minute, took_ms in (
        ("success", 0, 1000.0),
        ("success", 2, 2000.0),
        ("success", 3, 2000.0),
        ("failed", 4, 50.0),
    ):
        body = gauge(f"{name}.{kind}", start_ms + minute * 60_000, took_ms)
        answer = visitor.post("/v1/metrics", content=body, headers=JSON)
        assert answer.status_code == 200, answer.text
    runs, ask = AirflowRuns(), site.service.business._ask_range
    assert runs.look(ask, start_ms) == []
    found = runs.look(ask, start_ms + 300_000)
    assert sorted((run.pipeline, run.status.value, run.duration_ms) for run in found) == [
        ("nightly_dag", "failed", 50.0),
        ("nightly_dag", "success", 2000.0),
    ]
    assert runs.look(ask, start_ms + 315_000) == []


def test_spans_that_come_later_are_found_and_none_is_told_twice(told: BusinessNow, site: Site, now_ms: int) -> None:
    """The first round looked at the segments up to then: what comes with the next ones is found by the next round."""
    began_ms = now_ms - 30_000 - NOW_NS / 1e6
    made = Made(77, 771, 0, "etl", "pipeline.late", "internal", began_ms, 10)
    site.service.telemetry.append_otlp_traces(request([made]).SerializeToString())
    site.service.telemetry.flush(60)
    pipelining = site.service.business.pipelining
    for _ in range(2):
        pipelining.look(site.service.business._ask_range, now_ms)
    assert len(pipelining.newest(pipeline="late")) == 1
    assert len(pipelining.newest(pipeline="nightly")) == 1
