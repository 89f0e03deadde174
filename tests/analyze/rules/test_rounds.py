"""Rounds over many groups at once give what promtool's way, one rule after the other, gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from trimtab.analyze.rules.alert_steps import Elapsed, Known, step
from trimtab.analyze.rules.asking import StoreAsker
from trimtab.analyze.rules.recorded_alerts import series_of_alerts
from trimtab.analyze.rules.results import Series, Surroundings
from trimtab.analyze.rules.rounds import Look, Moved, Rounds, stages_of, state_of
from trimtab.analyze.rules.rule_files import groups_of
from trimtab.analyze.rules.rule_source import RuleSource
from trimtab.analyze.rules.sequential import Sequential
from trimtab.model.alerts import Labels
from trimtab.store.promql.options import Options
from trimtab.store.promql.script_series import STALE, series_of

STEP_MS = 60_000
RULES = """
groups:
- name: errors
  rules:
  - {record: "job:err:rate5m", expr: 'sum by (job) (rate(req{code="500"}[5m]))'}
  - {record: "job:all:rate5m", expr: 'sum by (job) (rate(req[5m]))'}
  - {record: "job:ratio", expr: 'job:err:rate5m / job:all:rate5m'}
  - {alert: Errors, expr: 'job:ratio > 0.2', for: 2m, labels: {severity: page}}
  - {alert: ErrorsA, expr: 'job:ratio{job="a"} > 0.2', keep_firing_for: 3m}
  - {alert: ErrorsB, expr: 'job:ratio{job="b"} > 0.2'}
  - alert: Many
    expr: 'count(ALERTS{alertname=~"Errors.+"}) > 0'
    annotations: {n: '{{ with query "job:ratio" }}{{ . | first | value }}{{ end }}'}
- name: other
  rules:
  - {record: late, expr: early}
  - {record: early, expr: 'vector(time())'}
  - {record: wrong, expr: 'req * on(job) req'}
"""
SERIES = (
    'req{job="a",code="200"} 0+60x20',
    'req{job="a",code="500"} 0x3 0+30x5 150x3 150+40x10',
    'req{job="b",code="200"} 0+10x10 _x4 200+10x8',
    'req{job="b",code="500"} 0+5x10 _x4 80+1x8',
)


class Keeper:
    """The machine in short: alerts by origin, time in whole steps."""

    def __init__(self) -> None:
        self.known: dict[str, Known] = {}
        self.given: dict[str, set[Labels]] = {}

    def moved(self, looks: Mapping[str, Look], at_ms: int) -> Moved:
        series: list[Series] = []
        for origin, look in looks.items():
            done = step(origin, self.known.get(origin, {}), look.active, at_ms, Elapsed(STEP_MS))
            self.known[origin] = done.known
            now: list[Series] = list(series_of_alerts(done.known.values()))
            ended = self.given.get(origin, set()) - {labels for labels, _ in now}
            self.given[origin] = {labels for labels, _ in now}
            series += [*now, *((labels, STALE) for labels in ended)]
        return Moved(series)


class Recorder:
    def __init__(self, source: RuleSource) -> None:
        self.source = source

    def record(self, series: Sequence[Series], at_ms: int) -> None:
        for labels, value in series:
            self.source.append(labels, at_ms, value)


def loaded() -> RuleSource:
    source = RuleSource()
    for line in SERIES:
        labels, values = series_of(line)
        source.load(labels, [(index * STEP_MS, value) for index, value in enumerate(values) if value is not None])
    return source


def everything(source: RuleSource) -> object:
    block = source.select([[]], 0, 10**9)
    return {
        labels: list(zip(block.at_ms[a:b].tolist(), map(repr, block.values[a:b].tolist()), strict=True))
        for labels, a, b in zip(block.labels, block.offsets, block.offsets[1:], strict=False)
    }


@pytest.mark.parametrize("families_max", [0, 1000])
def test_rounds_record_what_the_rules_one_by_one_record(families_max: int) -> None:
    groups = groups_of(RULES, "rules.yml")
    one_by_one, together = loaded(), loaded()
    sequential = Sequential(groups, one_by_one, Options(), Surroundings(), STEP_MS)
    asker = StoreAsker(lambda: together, families_max=families_max)
    rounds = Rounds(asker, Recorder(together), Keeper(), Surroundings())
    states = [state_of(group, STEP_MS) for group in groups]
    for at_ms in range(0, 21 * STEP_MS, STEP_MS):
        one_by_one.come_to(at_ms)
        together.come_to(at_ms)
        sequential.evaluate(at_ms)
        rounds.evaluate(states, at_ms)
    found = everything(together)
    assert found == everything(one_by_one)
    assert isinstance(found, dict)
    names = {dict(labels)["__name__"] for labels in found}
    assert {"job:ratio", "ALERTS", "ALERTS_FOR_STATE", "late", "early"} <= names
    assert "wrong" not in names
    wrong = next(rule for state in states for rule in state.rules if rule.rule.name == "wrong")
    assert "many-to-many matching not allowed" in wrong.error


def test_a_rule_that_reads_an_earlier_one_comes_in_a_later_stage() -> None:
    errors, other = groups_of(RULES, "rules.yml")
    assert stages_of(errors) == [0, 0, 1, 2, 2, 2, 3]
    assert stages_of(other) == [0, 0, 0], "late reads early before it is written, as promtool does"


def test_a_question_without_a_name_reads_everything() -> None:
    text = "groups: [{name: g, rules: [{record: a, expr: x}, {record: b, expr: 'count({job=\"a\"})'}]}]"
    assert stages_of(groups_of(text, "g.yml")[0]) == [0, 1]
