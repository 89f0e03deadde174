"""Dashboards of a Grafana are read: what is no dashboard is refused with its place, what is not drawn says why."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trimtab.app.dashboards.layout import laid_out
from trimtab.app.dashboards.reading import PANELS_MAX, count_drawn, dashboard_of, dashboard_of_bytes
from trimtab.app.dashboards.steps import step_of
from trimtab.app.dashboards.variables import Settled, scope_of, settle
from trimtab.app.reading.ranges import Range
from trimtab.model.dashboards import PanelKind
from trimtab.model.errors import InputError
from trimtab.store.dashboard_state import DOCUMENT_BYTES_MAX

WITHIN = Range(0, 3_600_000)
SOURCE = {"type": "prometheus", "uid": "${DS}"}


def panel(kind: str, **more: Any) -> dict[str, Any]:
    """A panel that asks for `up`."""
    return {"type": kind, "datasource": SOURCE, "targets": [{"refId": "A", "expr": "up"}], **more}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"title": "x",\n  "panels": [}', "line 2, column 14"),
        ("[1, 2]", "an object is needed here, found a list"),
        ('"hello"', "found the text 'hello'"),
        ('{"a": 1, "b": 2}', "x.json: this is no dashboard: it has neither panels nor rows, found a, b"),
        ('{"title": "x"}', "neither panels nor rows, found title"),
        ('{"title": "x", "uid": "y", "condition": "B", "data": []}', "neither panels nor rows"),
        ('{"panels": []}', "x.json: title: a dashboard needs a title, or a uid"),
        ('{"title": "a", "title": "b", "panels": []}', 'x.json: "title" stands twice in one object: which is meant?'),
        ('{"panels": [{"id": 1, "title": "Load", "id": 2}]}', '"id" stands twice in one object (that of "Load")'),
        ('{"panels": [], "\\ud800": 1, "\\ud800": 2}', '"?" stands twice'),
        ('{"title": NaN, "panels": []}', "x.json: not JSON: NaN is no number there"),
        ('{"title": "x", "panels": [], "a": [-Infinity]}', "-Infinity is no number there"),
        ('{"title": "x", "panels": [], "a": 1e999}', "1e999 is no number there"),
        ('{"title": "x\\uD83d", "panels": []}', "half of a character"),
        ('{"uid": "../../etc/passwd", "title": "x", "panels": []}', "uid: 1 to 80 letters"),
        (json.dumps({"uid": "a" * 300, "title": "x", "panels": []}), "found 'aaaaaaaaaaaaaaaaaaaa… (300 signs)'"),
        ('{"title": "x", "panels": {}}', "panels: a list is needed here, found an object"),
        ('{"title": "x", "panels": [7]}', "panels[0]: an object is needed here, found a number"),
        ('{"title": "x", "panels": [{"type": "row", "panels": "y"}]}', "panels[0].panels: a list"),
        ('{"title": "x", "panels": [{"type": "stat", "targets": "up"}]}', "x.json: panels[0].targets: a list"),
        ('{"apiVersion": "dashboard.grafana.app/v2beta1", "spec": {"elements": {}, "layout": {}}}', "second form"),
        ("[" * 100_000, "nested too deeply"),
        ('{"title": ' + "9" * 5_000 + "}", "number that is too long"),
        (json.dumps({"title": "x", "panels": [{"type": "text"}] * (PANELS_MAX + 1)}), f"at most {PANELS_MAX}"),
        (
            json.dumps({"title": "x", "panels": [], "templating": {"list": [{"name": "a"}] * 101}}),
            "at most 100 variables",
        ),
        (" " * (DOCUMENT_BYTES_MAX + 1), "it has 2.10 MB, at most 2.10 MB (2,097,152 bytes) are read"),
    ],
)
def test_what_is_no_dashboard_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        dashboard_of_bytes(text.encode(), "x.json")
    assert said in caught.value.message


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(InputError, match="byte 2: not UTF-8"):
        dashboard_of_bytes(b'{"\xff', "x.json")


@pytest.mark.parametrize("wrap", [lambda d: d, lambda d: {"dashboard": d, "meta": {}}])
def test_a_dashboard_is_read_as_it_is_and_as_an_api_answers_it(wrap: Any) -> None:
    found = dashboard_of_bytes(json.dumps(wrap({"title": "T", "uid": "u1", "panels": [panel("stat")]})).encode())
    assert (found.title, found.uid, count_drawn(found)) == ("T", "u1", (1, 1))


def test_panels_that_are_not_drawn_say_why() -> None:
    found = dashboard_of(
        {
            "title": "T",
            "panels": [
                panel("piechart"),
                panel("some-plugin-panel"),
                {"type": "timeseries", "datasource": {"type": "loki"}, "targets": [{"expr": '{job="x"}'}]},
                {"type": "timeseries", "datasource": SOURCE, "targets": []},
                {"type": "stat", "libraryPanel": {"uid": "x"}},
                {},
            ],
        }
    )
    reasons = [one.reason for one in found.panels]
    assert all(one.kind is PanelKind.NOT_DRAWN for one in found.panels)
    assert reasons[0].startswith("pie charts are not drawn")
    assert "some-plugin-panel" in reasons[1]
    assert reasons[2] == "its data source is loki, and trimtab asks metrics by PromQL"
    assert reasons[3] == "it asks nothing: it has no query"
    assert "library panel" in reasons[4]
    assert reasons[5] == "the panel does not say of what kind it is"


def test_what_of_a_panel_is_not_done_is_noted() -> None:
    mixed = panel("timeseries", transformations=[{"id": "calculateField"}], datasource={"uid": "-- Mixed --"})
    mixed["targets"] = [{"expr": "up", "datasource": SOURCE}, {"expr": "x", "datasource": {"type": "loki"}}]
    by_value = {"matcher": {"id": "byValue", "options": {"op": "gte", "value": 0}}, "properties": []}
    logarithmic = {"custom": {"scaleDistribution": {"type": "log", "log": 10}}}
    mixed["fieldConfig"] = {"defaults": logarithmic, "overrides": [by_value]}
    (found,) = dashboard_of({"title": "T", "panels": [mixed]}).panels
    assert found.kind is PanelKind.CHART
    assert len(found.targets) == 1
    assert found.notes == (
        "queries of loki are left out",
        "transformations that are not done: calculateField",
        "the axis is linear, not logarithmic",
        "overrides that are not done: byValue",
    )


def test_every_panel_has_a_number_of_its_own() -> None:
    found = dashboard_of({"title": "T", "panels": [panel("stat", id=3), panel("stat", id=3), panel("stat")]})
    assert [one.id for one in found.panels] == [3, 4, 5]


def test_rows_hold_their_panels_open_and_collapsed() -> None:
    found = dashboard_of(
        {
            "title": "T",
            "panels": [
                panel("stat", title="first", gridPos={"x": 0, "y": 0, "w": 6, "h": 4}),
                {"type": "row", "title": "Open", "gridPos": {"y": 4}},
                panel("stat", title="b", gridPos={"x": 12, "y": 5, "w": 12, "h": 4}),
                panel("stat", title="a", gridPos={"x": 0, "y": 5, "w": 12, "h": 4}),
                {
                    "type": "row",
                    "title": "Shut",
                    "collapsed": True,
                    "gridPos": {"y": 9},
                    "panels": [panel("stat", title="c")],
                },
            ],
        }
    )
    told = [(one.title, one.is_collapsed, [each.title for each in one.panels]) for one in found.sections]
    assert told == [("", False, ["first"]), ("Open", False, ["a", "b"]), ("Shut", True, ["c"])]


def test_the_rows_of_older_versions_are_read() -> None:
    graph = {
        "type": "graph",
        "span": 6,
        "stack": True,
        "yaxes": [{"format": "bytes", "min": "0"}],
        "seriesOverrides": [{"alias": "/out/", "transform": "negative-Y"}],
        "targets": [{"expr": "x", "legendFormat": "{{a}}"}],
    }
    single = {
        "type": "singlestat",
        "span": 6,
        "format": "percent",
        "valueName": "avg",
        "thresholds": "80,90",
        "colors": ["green", "orange", "red"],
        "gauge": {"show": True, "maxValue": 100},
        "targets": [{"expr": "x"}],
    }
    found = dashboard_of({"title": "Old", "rows": [{"title": "R", "panels": [graph, single]}]})
    chart, gauge = found.panels
    assert (chart.kind, chart.style.unit, chart.style.stacking, chart.style.low) == (
        PanelKind.CHART,
        "bytes",
        "normal",
        0,
    )
    assert chart.overrides[0].changes == {"custom.transform": "negative-Y"}
    assert (gauge.kind, gauge.calculation, gauge.style.high) == (PanelKind.GAUGE, "mean", 100)
    assert [step.value for step in gauge.style.thresholds] == [None, 80, 90]
    assert (chart.place.x, gauge.place.x, gauge.place.width) == (0, 12, 12)


@pytest.mark.parametrize("junk", [None, 7, "x", [], {}, [{}], {"a": None}, True, 1e400])
@pytest.mark.parametrize(
    "place", ["fieldConfig", "options", "gridPos", "transformations", "id", "title", "repeat", "datasource", "type"]
)
def test_whatever_stands_in_a_panel_it_is_read_or_says_why_not(place: str, junk: Any) -> None:
    found = dashboard_of({"title": "T", "panels": [{**panel("timeseries"), place: junk}]})
    (one,) = found.panels
    assert one.kind in (PanelKind.CHART, PanelKind.NOT_DRAWN)
    assert bool(one.reason) == (one.kind is PanelKind.NOT_DRAWN)


class Words:
    """What variables ask, answered from a table."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def label_names(self, selector: str, _within: Range) -> list[str]:
        return ["instance", "job"]

    def label_values(self, label: str, selector: str, _within: Range) -> list[str]:
        self.asked.append((label, selector))
        if label == "__name__":
            return ["node_load1", "up"]
        return {"job": ["api", "db"], "instance": ["b:2", "a:10", "a:9"]}[label]

    def result_texts(self, query: str, _within: Range) -> list[str]:
        return [f'{{x="{query}"}} 1 0']


def settled(*variables: dict[str, Any], **wanted: list[str]) -> tuple[list[Settled], Words]:
    """The variables of a dashboard with what the address asks for."""
    words = Words()
    found = dashboard_of({"title": "T", "templating": {"list": list(variables)}})
    return settle(found, wanted, WITHIN, words, step_of(WITHIN, 600)), words


def test_a_variable_that_speaks_of_another_one_is_settled_after_it() -> None:
    node = {"name": "node", "type": "query", "query": {"query": 'label_values(up{job=~"$job"}, instance)'}, "sort": 3}
    job = {"name": "job", "type": "query", "query": "label_values(up, job)", "multi": True}
    (first, second), words = settled(node, job, job=["api", "db", "nobody"])
    assert words.asked == [("job", "up"), ("instance", 'up{job=~"(api|db)"}')]
    assert second.chosen.values == ("api", "db"), "what there is not is not chosen"
    assert [one.value for one in first.options] == ["b:2", "a:9", "a:10"]
    assert first.chosen.values == ("b:2",)


def test_each_kind_of_variable() -> None:
    found, _ = settled(
        {"name": "one", "type": "custom", "query": "a, text : b"},
        {"name": "two", "type": "interval", "query": "1m,5m,nonsense", "current": {"value": "5m"}},
        {"name": "three", "type": "constant", "query": "k"},
        {"name": "four", "type": "textbox", "query": "hello"},
        {"name": "five", "type": "datasource", "query": "prometheus"},
        {"name": "six", "type": "adhoc"},
        {"name": "seven", "type": "query", "query": "metrics(^node_)"},
        {"name": "eight", "type": "query", "query": "query_result(topk(1, up))", "regex": '/x="(.*)"/'},
        {"name": "nine", "type": "query", "query": "label_values(up, instance)", "regex": "/(?<text>.+):(?<value>.+)/"},
        four=["typed"],
    )
    by_name = {one.variable.name: one for one in found}
    assert [(one.value, one.text) for one in by_name["one"].options] == [("a", "a"), ("b", "text")]
    assert ([one.value for one in by_name["two"].options], by_name["two"].chosen.values) == (["1m", "5m"], ("5m",))
    assert by_name["three"].chosen.values == ("k",)
    assert by_name["four"].chosen.values == ("typed",)
    assert by_name["five"].chosen.values == ("trimtab",)
    assert "'adhoc' are not read" in by_name["six"].trouble
    assert by_name["seven"].chosen.values == ("node_load1",)
    assert by_name["eight"].chosen.values == ("topk(1, up)",)
    assert [(one.text, one.value) for one in by_name["nine"].options] == [("b", "2"), ("a", "10"), ("a", "9")]


def test_a_pattern_that_cannot_be_read_troubles_one_variable_alone() -> None:
    found, _ = settled(
        {"name": "bad", "type": "query", "query": "label_values(up, job)", "regex": "/(?=x)/"},
        {"name": "good", "type": "query", "query": "label_values(up, job)"},
    )
    assert "cannot be read" in found[0].trouble
    assert (found[1].trouble, found[1].chosen.values) == ("", ("api",))


def test_variables_that_speak_of_each_other_end() -> None:
    found, _ = settled(
        {"name": "a", "type": "query", "query": 'label_values(up{x="$b"}, job)'},
        {"name": "b", "type": "query", "query": 'label_values(up{x="$a"}, job)'},
    )
    assert [one.chosen.values for one in found] == [("api",), ("api",)]


def test_what_repeats_is_there_once_a_value() -> None:
    found = dashboard_of(
        {
            "title": "T",
            "templating": {
                "list": [{"name": "job", "type": "custom", "query": "a,b,c", "multi": True, "includeAll": True}]
            },
            "panels": [
                panel("stat", id=1, title="of $job", repeat="job", gridPos={"x": 0, "y": 0, "w": 24, "h": 4}),
                {
                    "type": "row",
                    "title": "row $job",
                    "repeat": "job",
                    "gridPos": {"y": 9},
                    "panels": [panel("stat", id=2, title="in $job")],
                },
            ],
        }
    )
    variables = settle(found, {"job": ["a", "c"]}, WITHIN, Words(), step_of(WITHIN, 600))
    sections = laid_out(found, variables, scope_of(variables, found))
    assert [(one.title, [each.title for each in one.panels]) for one in sections] == [
        ("", ["of a", "of c"]),
        ("row a", ["in a"]),
        ("row c", ["in c"]),
    ]
    assert [each.key for one in sections for each in one.panels] == ["1", "1-c1", "2", "2-r1"]
    assert [each.panel.place.x for each in sections[0].panels] == [0, 12]
    everything = settle(found, {"job": ["$__all"]}, WITHIN, Words(), step_of(WITHIN, 600))
    assert len(laid_out(found, everything, scope_of(everything, found))[0].panels) == 3
