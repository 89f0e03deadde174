"""The page of forecasts, and bands for charts: what they show, what they refuse, on weeks of real history."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.app.forecasting.series_there import HOUR_MS, fill
from tests.web.site import Site, open_site
from trimtab.app.infrastructure.host_questions import CHARTS, asked_of

pytestmark = [pytest.mark.store, pytest.mark.slow]
CPU = 'host_cpu{instance="web1",job="node"}'
MODES = f"named/{{mode}}/{asked_of(CHARTS['cpu'], 'node', 'web1', '5m')}"
BEFORE: list[str] = []
"""The page and the API before anything was forecast."""
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("forecasts")) as site:
        BEFORE.append(text(site, "/forecasts"))
        BEFORE.append(text(site, "/api/trimtab/forecasts"))
        now_ms = site.service.now_ms()
        fill(site.service, now_ms, days=8)
        for back in range(30, -1, -6):
            site.service.forecasts.round(now_ms - back * HOUR_MS)
        yield site


def text(site: Site, path: str, status: int = 200) -> str:
    answer = site.visitor().get(path)
    assert answer.status_code == status, answer.text[:500]
    return answer.text


def told(site: Site, path: str, **parameters: Any) -> Any:
    answer = site.visitor().get(path, params=parameters, headers={"Accept": "application/json"})
    assert answer.status_code == 200, answer.text[:500]
    return answer.json()


@pytest.mark.usefixtures("filled")
def test_before_the_first_round_the_page_says_so() -> None:
    page, answer = BEFORE
    assert "The first forecasts are being made" in page
    assert '"at_ms":0' in answer


def test_the_page_has_issues_with_charts_and_all_forecasts_with_their_record(filled: Site) -> None:
    page = text(filled, "/forecasts")
    assert "Connections: shop" in page
    assert "80 % of max_connections" in page
    assert "What is not verified" in page
    assert "forecast/postgres_connections" in page
    assert 'data-limit="80.0"' in page
    assert "web1 /data" in page
    assert "in the 80 %" in page
    assert 'aria-current="page">Forecasts' in page


def test_series_are_found_sorted_and_filtered(filled: Site) -> None:
    machines = text(filled, "/forecasts?kind=host&fragment=results")
    assert "web1 /data" in machines
    assert "Connections" not in machines
    assert "No forecast fits" in text(filled, f"/forecasts?q={quote(HOSTILE)}&fragment=results")
    assert HOSTILE not in text(filled, f"/forecasts?q={quote(HOSTILE)}")
    for wrong in ("sort=size", "kind=weather", "page=0"):
        text(filled, f"/forecasts?{wrong}", 400)


def test_one_series_has_a_chart_with_its_past(filled: Site) -> None:
    page = text(filled, f"/forecasts?series={quote(CPU)}")
    assert 'data-ahead="past"' in page
    assert "Its page" in page
    assert "There is no forecast of this series" in text(filled, "/forecasts?series=nothing")


def test_lines_of_charts_get_their_bands(filled: Site) -> None:
    asked = {"key": [MODES, f"forecast/{CPU}", "system/shop/mean_ms"], "from": "now-2d", "to": "now", "past": "1"}
    lines = {line["key"]: line for line in told(filled, "/series/ahead", **asked)["lines"]}
    assert set(lines) == {MODES, f"forecast/{CPU}"}
    mode, own = lines[MODES], lines[f"forecast/{CPU}"]
    assert mode["about"] == '{mode="user"}'
    assert mode["ahead"]["mean"] == pytest.approx(own["ahead"]["mean"], abs=5)
    assert len(own["ahead"]["hi_90"]) == 24
    starts = [band["start_ms"] for band in own["past"]]
    assert starts == sorted(starts)
    assert starts[-1] < own["ahead"]["start_ms"]
    assert own["points"] > 0
    assert told(filled, "/series/ahead", **{**asked, "past": "0"})["lines"][0]["past"] == []


def test_the_history_behind_a_forecast_is_a_line(filled: Site) -> None:
    answer = told(filled, "/series", key=[f"forecast/{CPU}", "forecast/nothing"], **{"from": "now-1d", "to": "now"})
    (line,) = answer["series"]
    known = [value for value in line["values"] if value is not None]
    assert len(known) > 20
    assert 15 < min(known) < max(known) < 55


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/series/ahead?key=x&past=2", "past: 0 or 1"),
        ("/series/ahead?" + "key=x&" * 101, "at most 100 keys"),
        ("/series/ahead?key=x&from=soon", "is no moment"),
        ("/api/trimtab/forecasts?kind=weather", "kind: one of"),
        ("/api/trimtab/forecasts?sort=size", "sort: one of"),
    ],
)
def test_wrong_questions_are_refused(filled: Site, path: str, message: str) -> None:
    answer = filled.visitor().get(path, headers={"Accept": "application/json"})
    assert answer.status_code == 400
    assert message in answer.text


def test_the_api_has_forecasts_and_issues(filled: Site) -> None:
    rows = told(filled, "/api/trimtab/forecasts", search="web1", kind="host")["rows"]
    assert {row["series"] for row in rows} >= {CPU}
    assert rows[0]["points"] is None
    (row,) = told(filled, "/api/trimtab/forecasts", series=CPU)["rows"]
    assert len(row["points"]) == 24
    assert row["points"][0]["lo_90"] <= row["points"][0]["mean"] <= row["points"][0]["hi_90"]
    issues = told(filled, "/api/trimtab/forecast-issues")["issues"]
    assert issues[0]["issue"]["recommended"]["actions"]
    assert filled.visitor().get("/api/trimtab/forecasts?series=nothing").status_code == 404


def test_a_chart_that_no_round_forecasts_is_forecast_when_asked(filled: Site) -> None:
    asked = {
        "key": [
            'promql/max by (queue) (queue_depth{queue="mail"})',
            "promql/nothing_at_all",
            "promql/sum((",
            "logs/q=x",
        ]
    }
    found = told(filled, "/series/ahead", **asked, **{"from": "now-1d", "to": "now", "past": "1"})
    (line,) = found["lines"]
    assert (line["about"], line["again"], line["total"]) == ('{queue="mail"}', True, False)
    assert len(line["ahead"]["mean"]) == 96
    assert line["points"] > 50
    assert line["inside_90"] > 0.6
    assert found["why"]["promql/nothing_at_all"].startswith("No forecast: fewer than 24 points")
    assert "parse error" in found["why"]["promql/sum(("]
    assert "does not go on" in found["why"]["logs/q=x"]


def test_lines_that_lie_on_each_other_get_the_forecast_of_their_sum(filled: Site) -> None:
    hourly = MODES.replace("5m", "1h")
    found = told(filled, "/series/ahead", total=[hourly], **{"from": "now-1d", "to": "now"})
    (line,) = found["lines"]
    assert line["total"]
    assert (line["about"], line["past"]) == ("", [])


def test_keys_of_trimtabs_own_numbers_are_forecast_or_say_why_not(filled: Site) -> None:
    found = told(filled, "/series/ahead", key=["self/spool_bytes"], **{"from": "now-1h", "to": "now"})
    assert found["lines"] == []
    assert found["why"]["self/spool_bytes"]


DASHBOARD = {
    "uid": "foreseen",
    "title": "Foreseen",
    "panels": [
        {
            "id": 1,
            "type": "timeseries",
            "targets": [{"refId": "A", "expr": "queue_depth", "legendFormat": "{{queue}}"}],
        },
        {
            "id": 2,
            "type": "timeseries",
            "targets": [{"refId": "A", "expr": "sum by (mode) (rate(node_cpu_seconds_total[1h]))"}],
            "fieldConfig": {"defaults": {"custom": {"stacking": {"mode": "normal"}}}},
        },
        {
            "id": 3,
            "type": "timeseries",
            "targets": [{"refId": "A", "expr": "queue_depth"}],
            "fieldConfig": {"defaults": {"custom": {"stacking": {"mode": "percent"}}}},
        },
        {"id": 4, "type": "heatmap", "targets": [{"refId": "A", "expr": "queue_depth", "format": "heatmap"}]},
        {"id": 5, "type": "timeseries", "targets": [{"refId": "A", "expr": "rate(("}]},
    ],
}


def test_panels_of_a_dashboard_are_forecast_or_say_why_not(filled: Site) -> None:
    brought = filled.visitor().post("/api/trimtab/dashboards", json={"document": DASHBOARD})
    assert brought.status_code == 201, brought.text
    address = "/dashboards/foreseen/ahead?" + "&".join(f"panel={key}:400" for key in range(1, 6))
    lines = [json.loads(line) for line in text(filled, f"{address}&from=now-1d&to=now&past=1").splitlines()]
    assert lines.pop() == {"end": True}
    by_panel = {line["panel"]: line for line in lines}
    (queue,) = by_panel["1"]["lines"]
    assert (queue["name"], queue["about"]) == ("mail", 'queue_depth{queue="mail"}')
    assert len(queue["past"]) == 1
    (whole,) = by_panel["2"]["lines"]
    assert whole["total"]
    assert whole["ahead"]["mean"][0] == pytest.approx(1.0, abs=0.05)  # user and idle are all of one processor
    assert "100 % together" in by_panel["3"]["why"]
    assert "heat map" in by_panel["4"]["why"]
    assert "parse error" in by_panel["5"]["why"]
    drawn = text(filled, "/dashboards/foreseen/data?panel=1:400&from=now-1d&to=now")
    assert json.loads(drawn.splitlines()[0])["chart"]["series"][0]["about"].split("\n")[0] == queue["about"]
    for wrong in ("panel=", "panel=1:400&past=yes"):
        text(filled, f"/dashboards/foreseen/ahead?{wrong}", 400)
    text(filled, "/dashboards/nowhere/ahead?panel=1:400", 404)
