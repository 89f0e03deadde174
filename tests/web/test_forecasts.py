"""The page of forecasts, and bands for charts: what they show, what they refuse, on weeks of real history."""

from __future__ import annotations

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
