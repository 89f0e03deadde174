"""Families: their limits are in packs, their charts those of pages, their rules those that compare with a number."""

from __future__ import annotations

import pytest

from trimtab.analyze.rules.rule_files import groups_of
from trimtab.app.forecasting.actions import recommended, runbooks_of_pack
from trimtab.app.forecasting.charts import book_of, canonical
from trimtab.app.forecasting.families import FAMILIES, alerts_of, chart_key, named_family
from trimtab.app.forecasting.rules import compared, rule_families
from trimtab.app.forecasting.sources import with_step
from trimtab.app.forecasting.subjects import chart_lines, labelled
from trimtab.app.infrastructure.host_questions import CHARTS, asked_of
from trimtab.app.packs.pack import names, pack_of
from trimtab.app.reading.ranges import Range
from trimtab.store.promql.parse import parse
from trimtab.web.pages.traces.service import charts

HOST = {"job": "node", "instance": 'we"b1', "device": "sda", "mode": "user", "mountpoint": "/", "what": "x"}
RULES = """
groups:
- name: g
  rules:
  - {record: "queue:depth:percent", expr: "100 * queue_depth / queue_size"}
  - {alert: QueueFull, expr: "queue:depth:percent > 90", annotations: {runbook: "empty it"}}
  - {alert: QueueLow, expr: "0.5 >= (queue_rate)"}
  - {alert: Both, expr: "queue_depth > 1 and queue_size > 2"}
  - {alert: Dear, expr: "max_over_time(rate(x[5m])[1h:1m]) > 2"}
  - {alert: Flag, expr: "up == 0"}
  - {alert: HostCpuBusy, expr: "cpu > 80"}
"""


def test_every_limit_of_a_pack_is_there_with_a_runbook() -> None:
    for family in FAMILIES:
        for wish in family.limits:
            if wish.pack:
                float(pack_of(wish.pack).thresholds[wish.threshold].value)
                assert runbooks_of_pack(wish.pack)[wish.alert], wish.alert
            assert recommended(family, wish, "", "/x").actions


def test_every_query_can_be_read_and_names_are_unlike() -> None:
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
    for family in FAMILIES:
        assert bool(family.query) != bool(family.measures)
        if family.query:
            assert parse(with_step(family.query, 3_600_000)).type == "vector"
        for wish in family.limits:
            if wish.query:
                parse(wish.query)


def test_charts_of_a_host_are_those_of_its_page() -> None:
    shown = {canonical(f"named/x/{asked_of(query, 'node', HOST['instance'], '29m')}") for query in CHARTS.values()}
    drawn = [chart_key(one, HOST) for family in FAMILIES if family.kind == "host" for one in family.drawn]
    assert len(drawn) == 6
    assert set(drawn) <= shown


def test_charts_of_a_service_are_those_of_its_page() -> None:
    labels = {"service_name": 'sh"op'}
    shown = {canonical(key) for chart in charts(labels["service_name"], "", Range(0, 86_400_000)) for key in chart.keys}
    drawn = [chart_key(one, labels) for family in FAMILIES if family.kind == "service" for one in family.drawn]
    assert len(drawn) == 2
    assert set(drawn) <= shown


def test_a_line_of_a_chart_finds_its_series() -> None:
    disk = next(family for family in FAMILIES if family.name == "host_disk")
    one = labelled(disk, {"job": "node", "instance": "web1", "device": "sda"}, "%")
    book = book_of(chart_lines([one]))
    key = f"named/{{device}}/{asked_of(CHARTS['disk'], 'node', 'web1', '5m')}"
    (found,) = book.lines([key, key])
    assert (found.key, found.about, found.series) == (key, '{device="sda"}', one.id)
    assert book.lines([one.key])[0].series == one.id
    assert book.lines(["system/shop/mean_ms", key.replace("web1", "web2")]) == []


def test_what_a_person_names_is_found_whatever_its_window_is() -> None:
    family = named_family(1, "sum by (job) (rate(x_total[$step]))")
    one = labelled(family, {"job": "a"}, "")
    book = book_of(chart_lines([one]))
    assert book.lines(["promql/sum by (job) (rate(x_total[7m]))"])[0].about == '{job="a"}'
    assert one.href.startswith("/explore?q=sum+by")


def test_rules_that_compare_with_a_number_are_families() -> None:
    found = rule_families(groups_of(RULES, "x.yml"), alerts_of(FAMILIES))
    assert [(one.name, one.query, one.limits[0].op, one.limits[0].value) for one in found] == [
        ("rule:QueueFull", "100 * queue_depth / queue_size", ">", 90.0),
        ("rule:QueueLow", "(queue_rate)", "<", 0.5),
    ]


@pytest.mark.parametrize("name", names())
def test_rules_of_packs_can_be_taken(name: str) -> None:
    for family in rule_families(groups_of(pack_of(name).rules_text, "rules.yml"), ()):
        assert compared(f"({family.query}) > 0") is not None
