"""Rules in the server: files that change, moments that are due, sources beside them, and what the API tells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.app.alerting.support import MINUTE_MS, START_MS, FakeClock, Sink, down
from trimtab.analyze.rules.asking import StoreAsker
from trimtab.analyze.rules.results import Series, Surroundings
from trimtab.analyze.rules.rounds import GroupState
from trimtab.analyze.rules.rule_source import RuleSource
from trimtab.api.prometheus.asking import Parameters
from trimtab.api.prometheus.rules import alert_document, groups_document
from trimtab.app.alerting.answers import rules_now
from trimtab.app.alerting.machine import AlertMachine
from trimtab.app.alerting.rule_book import RuleBook
from trimtab.app.alerting.rules import Rules
from trimtab.app.kept_texts import KeptTexts
from trimtab.model.alerts import Active, AlertState
from trimtab.model.errors import InputError, StoreError
from trimtab.store.alerts import AlertBook
from trimtab.store.promql.script_series import SeriesValue
from trimtab.store.state_database import StateDatabase

FIRST = """
groups:
- name: shop
  interval: 1m
  rules:
  - {record: "up:sum", expr: sum(up)}
  - {alert: Down, expr: up == 0, for: 2m, labels: {severity: page}, annotations: {say: "{{ $labels.job }} is down"}}
- name: slow
  interval: 5m
  rules:
  - {record: "up:avg", expr: avg(up)}
"""


class Here:
    """One source with everything around it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock, self.sink, self.source = folder, FakeClock(), Sink(), RuleSource()
        self.file = folder / "rules.yml"
        self.database = StateDatabase(folder / "state.db")
        self.start()

    def start(self, kept: KeptTexts | None = None) -> None:
        book = RuleBook([str(self.folder / "*.yml")], self.clock.now_ms, kept or KeptTexts(None))
        machine = AlertMachine(AlertBook(self.database), self.clock, self.sink)
        self.rules = Rules(
            book,
            StoreAsker(lambda: self.source),
            self,
            machine,
            Surroundings({}, "http://here"),
            interval_ms=MINUTE_MS,
            now_ms=self.clock.now_ms,
        )

    def record(self, series: Sequence[Series], at_ms: int) -> None:
        for labels, value in series:
            self.source.append(labels, at_ms, value)

    def up(self, *values: float, job: str = "a") -> None:
        labels = (("__name__", "up"), ("job", job))
        self.source.load(labels, [(START_MS + i * MINUTE_MS, SeriesValue(v)) for i, v in enumerate(values)])

    def minute(self) -> None:
        """What the thread does in a minute."""
        before_ms = self.clock.now_ms() - 1
        self.source.come_to(self.clock.now_ms())
        for at_ms, due in self.rules.due(before_ms, self.clock.now_ms()).items():
            self.rules.evaluate(at_ms, due)
        self.clock.pass_ms(MINUTE_MS)

    def last(self, name: str) -> float:
        block = self.source.select([[]], 0, 1 << 60)
        (found,) = [
            float(block.values[end - 1])
            for labels, end in zip(block.labels, block.offsets[1:], strict=True)
            if dict(labels)["__name__"] == name
        ]
        return found


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    found = Here(tmp_path)
    found.file.write_text(FIRST, "utf-8")
    found.rules.look_at_files()
    yield found
    found.database.close()


def told(here: Here, **parameters: str) -> list[dict[str, object]]:
    pairs = [(name.replace("__", "[]"), value) for name, value in parameters.items()]
    groups = groups_document(here.rules, Parameters(pairs))["groups"]
    assert isinstance(groups, list)
    return groups


def test_rules_record_and_alert(here: Here) -> None:
    here.up(*[0.0] * 10)
    here.up(*[1.0] * 10, job="b")
    for _ in range(4):
        here.minute()
    assert here.last("up:sum") == 1.0
    (alert,) = here.rules.machine.alerts()
    assert alert.state is AlertState.FIRING
    assert dict(alert.annotations) == {"say": "a is down"}
    assert alert.source == "rule:shop/Down"
    assert alert.generator_url == "http://here/graph?g0.expr=up+%3D%3D+0&g0.tab=1"
    assert [state for state, _ in here.sink.told] == ["pending", "firing"]


def test_groups_are_due_at_multiples_of_their_interval(here: Here) -> None:
    begin_ms = START_MS // 300_000 * 300_000
    due = here.rules.due(begin_ms - 1, begin_ms)
    assert [len(states) for states in due.values()] == [2]
    assert list(here.rules.due(begin_ms, begin_ms + 59_999)) == []
    later = here.rules.due(begin_ms, begin_ms + 61_000)
    assert [[s.group.name for s in one if isinstance(s, GroupState)] for one in later.values()] == [["shop"]]


def test_a_round_that_takes_too_long_misses_moments_and_counts_them(here: Here) -> None:
    here.up(*[1.0] * 10)
    here.minute()
    before_ms = here.clock.now_ms() - MINUTE_MS
    here.clock.pass_ms(3 * MINUTE_MS)
    due = here.rules.due(before_ms, here.clock.now_ms())
    assert len([at_ms for at_ms in due if at_ms == here.clock.now_ms()]) == 1, "only the newest is evaluated"
    assert here.rules.missed_count >= 3


def test_a_clock_that_went_back_makes_nothing_due_until_the_next_multiple(here: Here) -> None:
    now_ms = START_MS // 300_000 * 300_000 + 30_000
    assert here.rules.due(now_ms, now_ms - 600_000) == {}
    assert list(here.rules.due(now_ms - 600_000, now_ms - 570_000)) == [now_ms - 570_000]


def test_a_bad_file_is_refused_with_its_place_and_the_last_good_one_stays(here: Here) -> None:
    here.file.write_text(FIRST.replace("up == 0", "up ="), "utf-8")
    assert here.rules.look_at_files()
    (file,) = here.rules.book.files
    assert file.error.startswith(f"{here.file}:7:")
    assert "could not parse expression" in file.error
    assert [state.group.name for state in here.rules.groups] == ["shop", "slow"]
    here.file.write_text(FIRST, "utf-8")
    assert here.rules.look_at_files()
    assert here.rules.book.files[0].error == ""


def test_a_file_that_is_not_there_is_told_until_it_is(tmp_path: Path) -> None:
    book = RuleBook([str(tmp_path / "none.yml")], lambda: 0)
    assert book.look()
    assert "could not read" in book.files[0].error
    assert not book.look()
    (tmp_path / "none.yml").write_text(FIRST, "utf-8")
    assert book.look()
    assert len(book.groups) == 2


def test_pending_goes_on_when_the_file_changes_and_what_is_deleted_resolves(here: Here) -> None:
    here.up(*[0.0] * 20)
    here.minute()
    here.minute()
    here.file.write_text(FIRST.replace("expr: sum(up)", "expr: sum(up) * 2"), "utf-8")
    assert here.rules.look_at_files()
    here.minute()
    (alert,) = here.rules.machine.alerts()
    assert (alert.state, alert.fired_at_ms) == (AlertState.FIRING, START_MS + 2 * MINUTE_MS)
    here.file.write_text(FIRST.replace("alert: Down", "alert: Gone"), "utf-8")
    here.rules.look_at_files()
    assert [alert.state for alert in here.rules.machine.alerts()] == [AlertState.RESOLVED]


def test_a_restart_goes_on(here: Here) -> None:
    here.up(*[0.0] * 20)
    here.minute()
    here.minute()
    here.start()
    here.rules.look_at_files()
    here.minute()
    (alert,) = here.rules.machine.alerts()
    assert (alert.state, alert.fired_at_ms) == (AlertState.FIRING, START_MS + 2 * MINUTE_MS)


def test_a_store_that_cannot_be_asked_changes_no_alert(here: Here) -> None:
    here.up(*[0.0] * 20)
    for _ in range(3):
        here.minute()

    def broken() -> RuleSource:
        raise StoreError("the engine is away")

    asker = here.rules._rounds._asker
    assert isinstance(asker, StoreAsker)
    asker.source = broken
    here.minute()
    assert here.rules.problem == "the engine is away"
    assert [alert.state for alert in here.rules.machine.alerts()] == [AlertState.FIRING]


def test_another_source_is_asked_beside_the_rules_and_may_fail(here: Here) -> None:
    class Source:
        origin, every_ms = "finding", MINUTE_MS
        is_broken = has_looked = False

        def evaluate(self, at_ms: int) -> Sequence[Active] | None:
            if self.is_broken:
                raise InputError("cannot say")
            return [down(case="1")] if self.has_looked else None

    source = Source()
    here.rules.add_source(source)
    here.minute()
    assert here.rules.machine.alerts() == []
    source.has_looked = True
    here.minute()
    source.has_looked = False  # as after a restart
    here.minute()
    assert [alert.state for alert in here.rules.machine.alerts()] == [AlertState.FIRING]
    assert here.rules.sources[0].error == ""
    source.is_broken = True
    here.minute()
    assert [alert.state for alert in here.rules.machine.alerts()] == [AlertState.FIRING]
    assert here.rules.sources[0].error == "cannot say"


def test_the_api_tells_what_prometheus_tells(here: Here) -> None:
    here.up(*[0.0] * 10)
    for _ in range(3):
        here.minute()
    shop, slow = told(here)
    assert (shop["name"], shop["file"], shop["interval"], shop["limit"]) == ("shop", str(here.file), 60.0, 0)
    assert shop["lastEvaluation"] == "2027-01-15T08:02:00Z"
    rules = shop["rules"]
    assert isinstance(rules, list)
    recording, alerting = rules
    assert {key: recording[key] for key in ("name", "query", "health", "type", "labels")} == {
        "name": "up:sum",
        "query": "sum(up)",
        "health": "ok",
        "type": "recording",
        "labels": {},
    }
    assert {key: alerting[key] for key in ("state", "duration", "keepFiringFor", "type")} == {
        "state": "firing",
        "duration": 120.0,
        "keepFiringFor": 0.0,
        "type": "alerting",
    }
    assert alerting["alerts"] == [
        {
            "labels": {"alertname": "Down", "job": "a", "severity": "page"},
            "annotations": {"say": "a is down"},
            "state": "firing",
            "activeAt": "2027-01-15T08:00:00Z",
            "value": "0e+00",
        }
    ]
    assert alert_document(here.rules.machine.alerts()[0]) == alerting["alerts"][0]
    assert slow["rules"]


def test_the_api_filters_as_prometheus_does(here: Here) -> None:
    def names(**parameters: str) -> list[str]:
        found = []
        for group in told(here, **parameters):
            rules = group["rules"]
            assert isinstance(rules, list)
            found += [rule["name"] for rule in rules]
        return found

    assert names(type="alert") == ["Down"]
    assert names(type="record") == ["up:sum", "up:avg"]
    assert names(rule_group__="slow") == ["up:avg"]
    assert names(rule_name__="Down") == ["Down"]
    assert names(file__="other") == []
    with pytest.raises(InputError, match="not supported value"):
        names(type="both")
    assert groups_document(None, Parameters([])) == {"groups": []}


def test_a_rule_that_fails_says_why(here: Here) -> None:
    here.file.write_text("groups: [{name: g, rules: [{record: r, expr: 'a * on(x) b'}]}]", "utf-8")
    here.rules.look_at_files()
    for name in ("a", "b"):
        for twin in ("1", "2"):
            here.source.append((("__name__", name), ("twin", twin)), START_MS, 1.0)
    here.minute()
    (group,) = told(here)
    rules = group["rules"]
    assert isinstance(rules, list)
    assert rules[0]["health"] == "err"
    assert "many-to-many matching not allowed" in rules[0]["lastError"]


def test_what_is_in_force_is_told_in_short(here: Here) -> None:
    here.up(*[0.0] * 10)
    for _ in range(3):
        here.minute()
    here.file.write_text(FIRST.replace("up == 0", "up ="), "utf-8")
    here.rules.look_at_files()
    told = rules_now(here.rules)
    assert [(one.rules_count, one.groups_count) for one in told.files] == [(3, 2)]
    assert "could not parse expression" in told.files[0].error
    assert [(one.name, one.alerting_count, one.firing_count, one.failing_count) for one in told.groups] == [
        ("shop", 1, 1, 0),
        ("slow", 0, 0, 0),
    ]
    assert rules_now(None).files == ()
