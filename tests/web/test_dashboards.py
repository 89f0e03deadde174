"""Pages of dashboards over HTTP: bringing one, drawing it, the answers of its panels."""

from __future__ import annotations

import html
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import numpy as np
import pytest
from starlette.testclient import TestClient

from tests.web.markup import refused_by_policy, tags_of
from tests.web.site import Site, open_site
from tests.web.stories import HOSTILE
from trimtab.app.dashboards.library import builtin
from trimtab.model.errors import ConflictError
from trimtab.store.dashboard_state import KeptDashboard
from trimtab.store.metrics.contract import Samples

pytestmark = pytest.mark.store
STEP_MS = 15_000
STEPS = 40
JOBS = ("api", "db")
SOURCE = {"type": "prometheus", "uid": "x"}


@dataclass(frozen=True)
class World:
    """A site with metrics of ten minutes, and a dashboard of every kind of panel."""

    site: Site
    now_ms: int

    @property
    def client(self) -> TestClient:
        """A browser without script."""
        return self.site.visitor()

    @property
    def range(self) -> str:
        """The ten minutes."""
        return f"from={self.now_ms - STEPS * STEP_MS}&to={self.now_ms}"

    def told(self, query: str, uid: str = "all") -> dict[str, dict[str, Any]]:
        """What panels show, by their keys."""
        answer = self.client.get(f"/dashboards/{uid}/data?{self.range}&{query}")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("application/x-ndjson")
        lines = [json.loads(line) for line in answer.text.splitlines()]
        assert lines.pop()["end"] is True
        return {line["panel"]: line for line in lines}


def asks(number: int, kind: str, expression: str, legend: str = "", **more: Any) -> dict[str, Any]:
    """A panel."""
    target = {"refId": "A", "expr": expression, "legendFormat": legend, **more.pop("target", {})}
    place = {"x": 0, "y": number * 8, "w": 12, "h": 8}
    return {
        "id": number,
        "type": kind,
        "title": f"panel {number}",
        "gridPos": place,
        "datasource": SOURCE,
        "targets": [target],
        **more,
    }


def document() -> dict[str, Any]:
    """Every kind of panel."""
    limits = {"mode": "absolute", "steps": [{"color": "green", "value": None}, {"color": "red", "value": 60}]}
    stacked = {"unit": "bytes", "custom": {"stacking": {"mode": "normal"}}}
    below = [
        {
            "matcher": {"id": "byName", "options": "db"},
            "properties": [{"id": "custom.transform", "value": "negative-Y"}],
        }
    ]
    mapped = [{"type": "value", "options": {"1": {"text": "Up", "color": "green"}}}]
    table = [
        {
            "id": "organize",
            "options": {
                "excludeByName": {"Time": True, "__name__": True},
                "renameByName": {"job": "Job", "Value": "Fill"},
            },
        }
    ]
    return {
        "uid": "all",
        "title": f"Every kind {HOSTILE}",
        "description": HOSTILE,
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [
                {
                    "name": "job",
                    "type": "query",
                    "query": "label_values(fill, job)",
                    "multi": True,
                    "includeAll": True,
                    "current": {"value": "$__all"},
                },
                {"name": "gone", "type": "query", "query": "label_values(fill, job)", "regex": "/(?=x)/"},
            ]
        },
        "panels": [
            asks(
                1, "timeseries", 'fill{job=~"$job"}', "{{job}}", fieldConfig={"defaults": stacked, "overrides": below}
            ),
            asks(2, "stat", "up", fieldConfig={"defaults": {"mappings": mapped}}, target={"instant": True}),
            asks(
                3,
                "gauge",
                'max(fill{job=~"$job"})',
                fieldConfig={"defaults": {"unit": "percent", "max": 100, "thresholds": limits}},
            ),
            asks(4, "bargauge", "fill", "{{job}}", fieldConfig={"defaults": {"unit": "percent", "thresholds": limits}}),
            asks(
                5,
                "table",
                "fill",
                transformations=table,
                fieldConfig={"defaults": {"unit": "percent", "decimals": 1}},
                target={"format": "table"},
            ),
            asks(6, "heatmap", "sum by (le) (took_bucket)", "{{le}}", target={"format": "heatmap"}),
            {
                "id": 7,
                "type": "text",
                "gridPos": {"y": 60},
                "options": {"content": f"# Hi\n{HOSTILE} **bold** [x](javascript:alert(1))"},
            },
            asks(8, "timeseries", "rate(fill["),
            asks(9, "piechart", "fill"),
            asks(10, "stat", "nothing_at_all"),
            asks(11, "timeseries", "rate(sent_total[$__rate_interval])", timeFrom="5m"),
            {
                "id": 20,
                "type": "row",
                "title": "Row of $job",
                "repeat": "job",
                "collapsed": True,
                "gridPos": {"y": 99},
                "panels": [asks(21, "stat", 'fill{job="$job"}', title="of $job")],
            },
        ],
    }


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One for all: what is changed is put back."""
    with open_site(tmp_path_factory.mktemp("dashboards") / "data") as site:
        now_ms = time.time_ns() // 1_000_000 // STEP_MS * STEP_MS
        steps = np.arange(STEPS)
        for number, job in enumerate(JOBS):
            write(site, now_ms, steps * 0 + 1.0, __name__="up", job=job)
            write(site, now_ms, steps + 25.0 * number, __name__="fill", job=job)
        write(site, now_ms, steps * 30.0, __name__="sent_total", job="api")
        for bound, count in (("1", 3), ("5", 7), ("+Inf", 8)):
            write(site, now_ms, steps * 0 + count, __name__="took_bucket", le=bound)
        site.service.dashboards.put(json.dumps(document()).encode(), "test")
        yield World(site, now_ms)


def write(site: Site, now_ms: int, values: Any, **labels: str) -> None:
    """Samples of one series, as if they had been received."""
    store = site.service.querying.store
    slots = store.register([tuple(sorted(labels.items()))]).slots
    at_ms = now_ms - (STEPS - 1 - np.arange(STEPS, dtype=np.int64)) * STEP_MS
    done = store.append(Samples(np.repeat(slots, STEPS).astype(np.int32), at_ms, values.astype(np.float64)))
    assert not done.refused, done.first_refusals


def test_the_list_has_those_of_trimtab_and_those_that_were_brought(world: World) -> None:
    text = world.client.get("/dashboards").text
    assert not refused_by_policy(text)
    assert all(f'href="/dashboards/{uid}"' in text for uid in builtin())
    assert "1 not drawn" in text
    assert "<b>bold" not in text
    assert HOSTILE not in text, "what others wrote is text"


def test_the_page_has_a_frame_for_each_panel_and_nothing_inline(world: World) -> None:
    text = world.client.get(f"/dashboards/all?{world.range}").text
    assert not refused_by_policy(text)
    assert HOSTILE not in text
    keys = [str(found["data-panel"]) for _, found in tags_of(text) if "data-panel" in found]
    assert keys == ["1", "2", "3", "4", "5", "6", "8", "10", "11", "21", "21-r1"]
    assert "Pie charts are not drawn here" in text
    assert "<strong>bold</strong>" in text
    assert 'href="javascript:' not in text
    assert "Row of api" in text, "rows repeat"
    assert ">of db</h3>" in text
    assert "cannot be read" in text, "a variable that is wrong says so, and the page goes on"
    explore = [str(found["href"]) for _, found in tags_of(text) if found.get("class") == "dash-explore"]
    assert parse_qs(urlsplit(explore[0]).query)["q"] == ['fill{job=~"(api|db)"}']


def test_the_dashboards_own_range_is_where_the_page_begins(world: World) -> None:
    text = world.client.get("/dashboards/all").text
    assert 'data-home-from="now-6h"' in text
    assert "now-6h" not in world.client.get(f"/dashboards/all?{world.range}").text.split("<tt-range")[1].split(">")[0]


def test_a_chart_has_its_lines_with_names_units_and_directions(world: World) -> None:
    chart = world.told("panel=1:60")["1"]["chart"]
    api, db = chart["series"]
    assert (api["name"], db["name"], api["unit"]) == ("api", "db", "bytes")
    assert api["values"][-1] == 39.0
    assert db["values"][-1] == -64.0, "drawn below zero"
    assert (api["pile"], db["pile"]) == (0, 0)
    one = world.told("panel=1:60&var-job=db")["1"]["chart"]
    assert [line["name"] for line in one["series"]] == ["db"]


def test_values_that_are_younger_than_the_last_step_are_told(world: World) -> None:
    """As on a new server over its first day: the steps are half hours, and ten minutes have values."""
    step_ms, day_ms = 1_800_000, 86_400_000
    step_at = (world.now_ms - 2 * step_ms) // step_ms * step_ms
    young_ms = step_at + STEPS * STEP_MS
    write(world.site, young_ms, np.arange(STEPS) + 1.0, __name__="young")
    panels = [asks(1, "timeseries", "young"), asks(2, "timeseries", "never"), asks(3, "stat", "young")]
    world.site.service.dashboards.put(json.dumps({"uid": "new", "title": "New", "panels": panels}).encode(), "test")
    within = f"from={young_ms - day_ms}&to={young_ms}"
    answer = world.client.get(f"/dashboards/new/data?{within}&panel=1:60&panel=2:60&panel=3:60")
    told = {line["panel"]: line for line in map(json.loads, answer.text.splitlines()) if "panel" in line}
    moment = datetime.fromtimestamp(step_at / 1000, UTC)
    assert told["1"]["chart"]["said"].startswith(f"Values began after {moment:%H:%M} UTC, the last step")
    assert told["1"]["chart"]["series"] == []
    assert told["1"]["chart"]["to_ms"] == young_ms, "the picture ends where the range ends"
    assert told["2"]["chart"]["said"] == ""
    assert ">40<" in told["3"]["html"]
    whole = f"from={step_at + step_ms - day_ms}&to={step_at + step_ms}"
    write(world.site, step_at + step_ms, np.arange(STEPS) + 1.0, __name__="young")
    line = world.client.get(f"/dashboards/new/data?{whole}&panel=1:60").text.splitlines()[0]
    assert json.loads(line)["chart"]["series"][0]["values"][-1] == 40.0, "the end of the range is one of its moments"
    world.site.service.dashboards.delete("new")


def test_lines_lie_on_those_of_their_group(world: World) -> None:
    """As Node Exporter Full has it: the total beside its parts, in a group that is called `false`, not filled."""
    part = {"matcher": {"id": "byName", "options": "part"}, "properties": []}
    alone = {"id": "custom.stacking", "value": {"group": False, "mode": "normal"}}
    bare = {"id": "custom.fillOpacity", "value": 0}
    flat = {"id": "custom.stacking", "value": {"group": "A", "mode": "none"}}
    overrides = [
        {**part, "matcher": {"id": "byName", "options": "total"}, "properties": [alone, bare]},
        {**part, "matcher": {"id": "byName", "options": "beside"}, "properties": [flat]},
    ]
    config = {
        "defaults": {"custom": {"stacking": {"mode": "percent", "group": "A"}, "fillOpacity": 40}},
        "overrides": overrides,
    }
    panel = asks(1, "timeseries", "", fieldConfig=config)
    values = {"total": 8, "one": 1, "beside": 5, "two": 3}
    panel["targets"] = [
        {"refId": name, "expr": f"vector({value})", "legendFormat": name} for name, value in values.items()
    ]
    own = {"uid": "piles", "title": "Piles", "panels": [panel]}
    world.site.service.dashboards.put(json.dumps(own).encode(), "test")
    assert 'data-kind="stack"' in world.client.get("/dashboards/piles").text
    lines = world.told("panel=1:60", "piles")["1"]["chart"]["series"]
    assert [(one["name"], one["pile"], one["filled"], one["values"][-1]) for one in lines] == [
        ("total", 0, False, 8.0),
        ("one", 1, True, 25.0),
        ("beside", None, True, 5.0),
        ("two", 1, True, 75.0),
    ], "percent of the own group alone"
    world.site.service.dashboards.delete("piles")


def test_figures_gauges_bars_and_tables_are_pieces_of_the_page(world: World) -> None:
    told = world.told("panel=2&panel=3&panel=4&panel=5&panel=10")
    assert not any(refused_by_policy(one["html"]) for one in told.values())
    assert told["2"]["html"].count(">Up<") == 2, "values that were mapped"
    assert 'data-tone="ok"' in told["2"]["html"]
    assert "64 %" in told["3"]["html"]
    assert 'stroke-dasharray="64.00 200"' in told["3"]["html"]
    assert 'data-tone="bad"' in told["3"]["html"]
    assert told["4"]["html"].count("<li>") == 2
    assert ">Job</th>" in told["5"]["html"]
    assert "64.0 %" in told["5"]["html"], "decimals"
    assert "__name__" not in told["5"]["html"]
    assert "No data" in told["10"]["html"]


def test_numbers_are_tables_in_the_page_for_who_has_no_script(world: World) -> None:
    pictures = world.client.get(f"/dashboards/all?{world.range}&var-job=api&var-job=db").text
    (way,) = re.findall(r'<noscript><p class="note">Pictures need JavaScript: <a href="([^"]*)"', pictures)
    assert html.unescape(way) == f"?{world.range}&var-job=api&var-job=db&numbers=1"
    text = world.client.get(f"/dashboards/all{html.unescape(way)}").text
    assert not refused_by_policy(text)
    assert "tt-chart" not in text
    assert "data-panel" not in text
    assert "js/dashboard.js" not in text
    first = re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", text.split('id="panel-1"')[1].split("</article>")[0]))
    assert re.search(r"Series Last Least Mean Most api 39 B 0 B 19.\d B 39 B db -64 B -64 B -44.\d B -25 B", first)
    assert ">Job</th>" in text, "tables are as they are"
    assert "parse error" in text.split('id="panel-8"')[1].split("</article>")[0], "each has its own trouble"
    assert "Pie charts are not drawn here" in text
    assert 'name="numbers" value="1"' in text, "a variable that is chosen keeps to numbers"


def test_buckets_are_what_fell_into_each(world: World) -> None:
    rows = world.told("panel=6:60")["6"]["chart"]["series"]
    assert [(row["name"], row["values"][-1]) for row in rows] == [("1", 3.0), ("5", 4.0), ("+Inf", 1.0)]


def test_each_panel_has_its_own_trouble(world: World) -> None:
    told = world.told("panel=8&panel=1&panel=99&panel=9")
    assert "unexpected" in told["8"]["trouble"] or "1:" in told["8"]["trouble"]
    assert "chart" in told["1"]
    assert "not there any more" in told["99"]["trouble"]
    assert "not there any more" in told["9"]["trouble"]


def test_a_panel_that_is_slow_is_given_up_and_the_others_are_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trimtab.app.exploring.own import OwnMetrics

    asked = OwnMetrics.ranged

    def slow(self: Any, query: str, grid: Any, timeout_s: float, cancelled: Any) -> Any:
        while "sent_total" in query and not cancelled():
            time.sleep(0.005)
        return asked(self, query, grid, timeout_s, cancelled)

    monkeypatch.setattr(OwnMetrics, "ranged", slow)
    monkeypatch.setattr(world.site.service.dashboards.asking, "_timeout_s", 0.3)
    told = world.told("panel=11&panel=1")
    assert list(told) == ["1", "11"], "who is ready comes first"
    assert told["11"]["trouble"].startswith("no answer within 0.3 s")
    assert told["1"]["chart"]["series"]


def test_a_panel_has_a_range_of_its_own(world: World) -> None:
    chart = world.told("panel=11:60")["11"]["chart"]
    assert chart["to_ms"] - chart["from_ms"] <= 300_000 + chart["step_ms"]


@pytest.mark.parametrize(
    "wrong", ["", "panel=", "panel=1:x", "&".join(f"panel={n}" for n in range(61)), "panel=1&from=yesterday"]
)
def test_a_request_that_is_wrong_says_so(world: World, wrong: str) -> None:
    answer = world.client.get(f"/dashboards/all/data?{wrong}")
    assert answer.status_code == 400


@pytest.mark.parametrize("path", ["/dashboards/nobody", "/dashboards/nobody/data?panel=1", "/dashboards/nobody/json"])
def test_a_dashboard_that_is_not_there(world: World, path: str) -> None:
    assert world.client.get(path).status_code == 404


@pytest.mark.parametrize("uid", sorted(builtin()))
def test_those_of_trimtab_open_and_answer(world: World, uid: str) -> None:
    text = world.client.get(f"/dashboards/{uid}?{world.range}").text
    assert not refused_by_policy(text)
    keys = [str(found["data-panel"]) for _, found in tags_of(text) if "data-panel" in found]
    told = world.told("&".join(f"panel={key}" for key in keys), uid)
    assert len(told) == len(keys) >= 5
    assert not [one["trouble"] for one in told.values() if "trouble" in one]


def test_bringing_and_deleting_one(world: World) -> None:
    client = world.client
    token = client.get("/dashboards").text.split('tt-csrf" content="')[1].split('"')[0]
    made = {"uid": "mine", "title": "Mine", "panels": [asks(1, "stat", "up")]}
    form = {"csrf_token": token, "document": json.dumps(made)}
    answer = client.post("/dashboards", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/dashboards/mine")
    again = client.post("/dashboards", data=form)
    assert again.status_code == 409
    assert "There is a dashboard mine already, “Mine”: replace it (--replace;" in again.text
    assert client.post("/dashboards", data={**form, "replace": "true"}).status_code == 303
    assert client.get("/dashboards/mine/json").json() == made
    own = {**made, "uid": "trimtab-host"}
    assert "comes with trimtab" in client.post("/dashboards", data={**form, "document": json.dumps(own)}).text
    assert client.post("/dashboards/mine/delete", data={"csrf_token": token}).status_code == 303
    assert client.get("/dashboards/mine").status_code == 404


def test_a_uid_that_a_title_makes_takes_nobody_elses_place(world: World) -> None:
    library, panels = world.site.service.dashboards, [asks(1, "stat", "up")]
    made = library.put(json.dumps({"title": "Mine!", "panels": panels}).encode(), "anna")
    with pytest.raises(ConflictError, match="already, “Mine!”"):
        library.put(json.dumps({"title": "Mine!", "panels": []}).encode(), "ben")
    assert library.put(json.dumps({"title": "Mine!", "panels": []}).encode(), "ben", replaces=True).uid == made.uid
    library.put(json.dumps({"title": "Another", "uid": made.uid, "panels": []}).encode(), "anna", replaces=True)
    with pytest.raises(ConflictError, match="is that of another dashboard, “Another”: give the file a uid"):
        library.put(json.dumps({"title": "Mine!", "panels": panels}).encode(), "ben", replaces=True)
    library.delete(made.uid)


def test_one_that_cannot_be_read_any_more_is_told_and_the_others_are_there(world: World) -> None:
    kept = KeptDashboard("old", "An older <b>one</b>", 15, "anna", 1)
    state = world.site.service.dashboards._state
    state.put(kept, b'{"title": NaN}', replaces=False)
    text = world.client.get("/dashboards").text
    assert "Cannot be read: An older &lt;b&gt;one&lt;/b&gt;: not JSON: NaN is no number there" in text
    assert all(f'href="/dashboards/{uid}"' in text for uid in builtin())
    assert world.client.get("/dashboards/old").status_code == 400
    state.delete("old")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{\n  nope", "line 2, column 3: not JSON"),
        ("", "Choose a file, or paste its JSON"),
        ("[]", "an object is needed"),
        ('{"title": NaN, "panels": []}', "NaN is no number there"),
    ],
)
def test_what_is_no_dashboard_comes_back_with_what_is_wrong(world: World, text: str, said: str) -> None:
    client = world.client
    token = client.get("/dashboards").text.split('tt-csrf" content="')[1].split('"')[0]
    answer = client.post("/dashboards", data={"csrf_token": token, "document": text})
    assert answer.status_code == 400
    assert said in answer.text
    assert not refused_by_policy(answer.text)


def test_a_file_is_sent_as_a_browser_without_script_sends_it(world: World) -> None:
    client = world.client
    page = client.get("/dashboards").text
    token = page.split('tt-csrf" content="')[1].split('"')[0]
    (form,) = [found for tag, found in tags_of(page) if tag == "form" and found.get("class") == "bring-form"]
    assert form["enctype"] == "multipart/form-data"
    (field,) = [found for tag, found in tags_of(page) if tag == "input" and found.get("type") == "file"]
    assert "hidden" not in field

    def send(data: bytes, name: str = "a.json", **typed: str) -> httpx2.Response:
        fields = {"csrf_token": token, "document": "", **typed}
        return client.post("/dashboards", data=fields, files={str(field["name"]): (name, data)})

    made = json.dumps({"uid": "sent", "title": "Sent — “so”", "panels": []}, ensure_ascii=False).encode()
    answer = send(made, document="what is in the box counts where no file was chosen")
    assert (answer.status_code, answer.headers["location"]) == (303, "/dashboards/sent")
    assert client.get("/dashboards/sent/json").content == made
    assert client.post("/dashboards/sent/delete", data={"csrf_token": token}).status_code == 303
    for data, said in (
        (b'{"title": "x", ', "my&lt;file&gt;.json: line 1, column 16: not JSON"),
        (b'{"\xff', "my&lt;file&gt;.json: byte 2: not UTF-8"),
        (b"[" * 3_000_000, "my&lt;file&gt;.json: it has 3.00 MB, at most 2.10 MB"),
    ):
        refused = send(data, "my<file>.json")
        assert (refused.status_code, said in refused.text) == (400, True), said
        assert 'id="bring-trouble"' in refused.text.split('class="bring-form"')[1], "it stands at the fields"
    assert send(b"", document=made.decode()).status_code == 303
    world.site.service.dashboards.delete("sent")
    for wrong in ({"csrf_token": ""}, {"csrf_token": token[:-2] + "00"}):
        assert send(made, **wrong).status_code == 403
    files = {"a": ("a", b"x")}
    assert client.post("/dashboards/all/delete", data={"csrf_token": token}, files=files).status_code == 400
    assert client.get("/dashboards/all").status_code == 200, "other forms take no files"


def test_a_large_one_fits_into_the_form(world: World) -> None:
    client = world.client
    token = client.get("/dashboards").text.split('tt-csrf" content="')[1].split('"')[0]
    large = {
        "uid": "large",
        "title": "Large",
        "panels": [asks(n, "timeseries", f'up{{n="{n}"}}', x="y" * 1_500) for n in range(250)],
    }
    answer = client.post("/dashboards", data={"csrf_token": token, "document": json.dumps(large)})
    assert answer.status_code == 303, answer.text[-300:]
    text = client.get("/dashboards/large").text
    assert text.count("data-panel=") == 250
    world.site.service.dashboards.delete("large")


def test_the_api_has_the_same(world: World) -> None:
    client = world.client
    api = "/api/trimtab/dashboards"
    assert {one["uid"] for one in client.get(api).json()["dashboards"]} == {*builtin(), "all"}
    detail = client.get(f"{api}/all").json()
    assert [one["drawn_as"] for one in detail["panels"]][:3] == ["chart", "stat", "gauge"]
    made = client.post(api, json={"document": {"uid": "api", "title": "A", "panels": [asks(1, "news", "up")]}})
    assert made.status_code == 201, made.text
    assert made.json()["panels"][0]["reason"].startswith("news come from the net")
    assert client.get(f"{api}/api/document").json()["title"] == "A"
    assert client.delete(f"{api}/api").json() == {"done": True}
    assert client.delete(f"{api}/api").status_code == 404
    wrong = client.post(api, json={"document": {"title": "x", "panels": 3}})
    assert (wrong.status_code, wrong.json()["error"]["facts"]["field"]) == (400, "panels")
    head = {"Content-Type": "application/json"}
    nan = client.post(api, content='{"document": {"title": "x", "panels": [], "a": NaN}}', headers=head)
    assert nan.status_code == 400
    assert "JSON is malformed" in nan.json()["error"]["message"], nan.text
    nowhere = client.post(f"{api}/push", json={})
    assert "set grafana.url" in nowhere.json()["error"]["message"]
