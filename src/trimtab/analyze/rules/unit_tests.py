"""promtool's unit tests of rules: series as they come in, alerts and queries at certain times, what they should give.

rule_files: [alerts.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series: [{series: 'up{job="shop"}', values: '1 1 0x10'}]
    alert_rule_test:
      - {eval_time: 5m, alertname: Down, exp_alerts: [{exp_labels: {job: shop}}]}
    promql_expr_test:
      - {expr: 'up', eval_time: 1m, exp_samples: [{labels: 'up{job="shop"}', value: 1}]}
"""

from __future__ import annotations

import glob
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from trimtab.analyze.rules import yaml_places
from trimtab.analyze.rules.results import Surroundings, Value, series_of
from trimtab.analyze.rules.rule_files import Group, duration_of, groups_of
from trimtab.analyze.rules.rule_source import RuleSource
from trimtab.analyze.rules.sequential import Sequential
from trimtab.analyze.rules.yaml_places import Item
from trimtab.model.alerts import ALERT_NAME, Labels, labels_of
from trimtab.model.errors import InputError
from trimtab.store.promql.evaluate import evaluate_instant
from trimtab.store.promql.histogram import FloatHistogram
from trimtab.store.promql.histogram_notation import histogram_of
from trimtab.store.promql.options import Options
from trimtab.store.promql.script_series import labels_of as series_labels_of
from trimtab.store.promql.script_series import series_of as series_line

STEPS_MAX = 2_000_000
_FILE_FIELDS = frozenset(("rule_files", "evaluation_interval", "group_eval_order", "tests", "fuzzy_compare"))
_TEST_FIELDS = frozenset(
    (
        "interval",
        "name",
        "input_series",
        "alert_rule_test",
        "promql_expr_test",
        "external_labels",
        "external_url",
        "start_timestamp",
    )
)
_ONLY_3 = frozenset(("fuzzy_compare", "start_timestamp", "histogram"))
_MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Failure:
    """One expectation that was not met, or a test that could not run. `line` counts from 1."""

    file: str
    line: int
    test: str
    what: str
    """`alert`, `query`, `rule` or `file`."""
    difference: str


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One entry of `tests`."""

    file: str
    line: int
    name: str
    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class Ways:
    """How tests are run. `is_v2`: everything as Prometheus 2.42 does it."""

    is_v2: bool = False
    ignores_unknown: bool = False
    wanted: Sequence[str] = ()
    """Regular expressions: only tests whose name has one of them (all, where there are none)."""

    @property
    def options(self) -> Options:
        """For the queries."""
        return Options(is_left_open=not self.is_v2)


def run_file(text: str, file: str, folder: Path, ways: Ways = Ways()) -> Iterator[CaseResult]:
    """The results of a file's tests, in order. Raises InputError (with the place) where the file cannot be read."""
    document = yaml_places.read(text, file)
    only = _Only(ways)
    only(document, _FILE_FIELDS, "unit test file")
    interval = document.get("evaluation_interval")
    step_ms = (duration_of(interval) if interval else 0) or _MINUTE_MS
    fuzzy = document.get("fuzzy_compare")
    order = [one.as_string() for one in document.each("group_eval_order")]
    for index, name in enumerate(order):
        if name in order[:index]:
            raise document.wrong(f"group name repeated in evaluation order: {name}")
    files = list(_rule_files(document, folder))
    for item in document.each("tests"):
        only(item, _TEST_FIELDS, "test")
        item = item.only(item.fields, "test")  # noqa: PLW2901  (an empty one)
        name = item.string("name")
        if ways.wanted and not any(re.search(pattern, name) for pattern in ways.wanted):
            continue
        case = _Case(item, name, step_ms, is_fuzzy=fuzzy is not None and fuzzy.as_truth(), ways=ways)
        yield CaseResult(file, item.line, name, tuple(case.run(files, order)))


def _rule_files(document: Item, folder: Path) -> Iterator[tuple[Path, str]]:
    for item in document.each("rule_files"):
        pattern = item.as_string()
        found = sorted(glob.glob(pattern if Path(pattern).is_absolute() else str(folder / pattern)))  # noqa: PTH207
        for path in found:
            try:
                yield Path(path), Path(path).read_text("utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise item.wrong(f"could not read {path}: {error}") from error


class _Only:
    def __init__(self, ways: Ways) -> None:
        self._ways = ways

    def __call__(self, item: Item, names: frozenset[str], what: str) -> None:
        if not self._ways.ignores_unknown or item.kind != "mapping":
            item.only(names - _ONLY_3 if self._ways.is_v2 else names, what)


@dataclass(frozen=True, slots=True)
class _Told:
    labels: Labels
    annotations: Labels = ()


class _Case:
    """One test."""

    def __init__(self, item: Item, name: str, step_ms: int, *, is_fuzzy: bool, ways: Ways) -> None:
        self._item, self._name, self._step_ms, self._is_fuzzy, self._ways = item, name, step_ms, is_fuzzy, ways
        interval = item.get("interval")
        given_ms = duration_of(interval) if interval else 0
        self._interval_ms = given_ms or (0 if ways.is_v2 else step_ms)  # 2.42: no interval, all samples at one time
        self._start_ms = _start_of(item)
        self._source = RuleSource()
        self._only = _Only(ways)

    def run(self, files: Sequence[tuple[Path, str]], order: Sequence[str]) -> Iterator[Failure]:
        """What does not fit."""
        groups: list[Group] = []
        try:
            self._load()
            for path, text in files:
                groups += groups_of(text, str(path), is_v2=self._ways.is_v2, ignores_unknown=self._ways.ignores_unknown)
            alerts = self._alert_tests()
            queries = self._query_tests()
        except InputError as error:
            yield self._failure("file", self._item.line, error.message)
            return
        places = {name: index for index, name in enumerate(order)}
        groups.sort(key=lambda group: places.get(group.name, 0))
        around = Surroundings(self._item.strings("external_labels"), self._item.string("external_url"))
        rules = Sequential(groups, self._source, self._ways.options, around, self._step_ms)
        last_ms = max([0, *(at_ms for at_ms, _ in alerts), *(at_ms for at_ms, _ in queries)])
        if last_ms // self._step_ms > STEPS_MAX:
            yield self._failure("file", self._item.line, f"more than {STEPS_MAX} evaluations")
            return
        for at_ms in range(0, last_ms + 1, self._step_ms):
            self._source.come_to(self._start_ms + at_ms)
            rules.evaluate(self._start_ms + at_ms)
            broken = [run for run in rules.runs if run.error]
            for run in broken:
                told = f"rule: {run.rule.name}, time: {at_ms / 1000:g} s, err: {run.error}"
                yield self._failure("rule", run.rule.line, told)
            if broken:
                return
            due = [one for when_ms, one in alerts if at_ms <= when_ms < at_ms + self._step_ms]
            for one in due:
                yield from self._alert(one, rules)
        for at_ms, one in queries:
            yield from self._query(one, at_ms)

    # --- what a test says ------------------------------------------------------------------------------------------

    def _load(self) -> None:
        for one in self._item.each("input_series"):
            self._only(one, frozenset(("series", "values")), "series")
            try:
                labels, values = series_line(f"{one.string('series')} {one.string('values')}")
            except InputError as error:
                raise one.wrong(error.message) from None
            if not values:
                raise one.wrong("a series without values")
            samples = [
                (self._start_ms + index * self._interval_ms, value)
                for index, value in enumerate(values)
                if value is not None
            ]
            self._source.load(labels, samples)

    def _alert_tests(self) -> list[tuple[int, Item]]:
        found = []
        for one in self._item.each("alert_rule_test"):
            self._only(one, frozenset(("eval_time", "alertname", "exp_alerts")), "alert_rule_test")
            at_ms = _time_of(one)
            if not one.string("alertname"):
                raise one.wrong(
                    f"an item under alert_rule_test misses required attribute alertname at eval_time {at_ms / 1000:g} s"
                )
            for expected in one.each("exp_alerts"):
                self._only(expected, frozenset(("exp_labels", "exp_annotations")), "exp_alerts")
            found.append((at_ms, one))
        return found

    def _query_tests(self) -> list[tuple[int, Item]]:
        found = []
        for one in self._item.each("promql_expr_test"):
            self._only(one, frozenset(("expr", "eval_time", "exp_samples")), "promql_expr_test")
            for expected in one.each("exp_samples"):
                self._only(expected, frozenset(("labels", "value", "histogram")), "exp_samples")
            found.append((_time_of(one), one))
        return found

    # --- comparing -------------------------------------------------------------------------------------------------

    def _alert(self, test: Item, rules: Sequential) -> Iterator[Failure]:
        name = test.string("alertname")
        got = [
            _Told(alert.labels, tuple(sorted(alert.annotations)))
            for run in rules.runs
            if run.rule.is_alert and run.rule.name == name
            for alert in run.firing()
        ]
        wanted = []
        for one in test.each("exp_alerts"):
            known = one.only(one.fields, "exp_alerts")
            labels = {**known.strings("exp_labels"), ALERT_NAME: name}
            wanted.append(_Told(labels_of(labels), tuple(sorted(known.strings("exp_annotations").items()))))
        if sorted(map(_key, got)) != sorted(map(_key, wanted)):
            told = f"alertname: {name}, time: {_time_of(test) / 1000:g} s"
            yield self._failure("alert", test.line, f"{told}: expected {_alerts(wanted)}, got {_alerts(got)}")

    def _query(self, test: Item, at_ms: int) -> Iterator[Failure]:
        expr = test.string("expr")
        told = f"expr: {expr!r}, time: {at_ms / 1000:g} s"
        options = replace(self._ways.options, subquery_step_ms=self._step_ms)
        try:
            answer = evaluate_instant(self._source, expr, self._start_ms + at_ms, options)
            got = series_of(answer)
        except InputError as error:
            yield self._failure("query", test.line, f"{told}, err: {error.message}")
            return
        wanted: list[tuple[Labels, Value]] = []
        for one in test.each("exp_samples"):
            known = one.only(one.fields, "exp_samples")
            try:
                wanted.append((_expected_labels(known), _expected_value(known)))
            except InputError as error:
                yield self._failure("query", one.line, f"{told}, err: {error.message}")
                return
        if not _same(got, wanted, self._is_fuzzy):
            yield self._failure("query", test.line, f"{told}: expected {_samples(wanted)}, got {_samples(got)}")

    def _failure(self, what: str, line: int, difference: str) -> Failure:
        return Failure(self._item.file, line, self._name, what, difference)


def _time_of(item: Item) -> int:
    when = item.get("eval_time")
    return 0 if when is None else duration_of(when)


def _start_of(item: Item) -> int:
    when = item.get("start_timestamp")
    if when is None:
        return 0
    text = when.as_string()
    if re.fullmatch(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", text):
        return round(float(text) * 1000)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise when.wrong(f"{text!r} is neither a time (RFC 3339) nor a number of seconds") from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _expected_labels(item: Item) -> Labels:
    text = item.string("labels").strip()
    if not text:
        return ()
    labels, rest = series_labels_of(text)
    if rest.strip():
        raise item.wrong(f'labels "{text}": unexpected {rest.strip()!r}')
    return labels


def _expected_value(item: Item) -> Value:
    histogram = item.string("histogram")
    if histogram:
        return histogram_of(histogram)
    value = item.get("value")
    return 0.0 if value is None else value.as_number()


def _same(got: Sequence[tuple[Labels, Value]], wanted: Sequence[tuple[Labels, Value]], is_fuzzy: bool) -> bool:
    if len(got) != len(wanted):
        return False
    by_labels: Callable[[tuple[Labels, Value]], Labels] = lambda one: one[0]  # noqa: E731
    for (labels, value), (other, expected) in zip(
        sorted(got, key=by_labels), sorted(wanted, key=by_labels), strict=True
    ):
        if labels != other or not _same_value(value, expected, is_fuzzy):
            return False
    return True


def _same_value(value: Value, expected: Value, is_fuzzy: bool) -> bool:
    if isinstance(value, FloatHistogram) or isinstance(expected, FloatHistogram):
        return isinstance(value, FloatHistogram) and isinstance(expected, FloatHistogram) and value == expected
    if is_fuzzy and not math.isnan(value) and not math.isnan(expected):
        return expected in (value, math.nextafter(value, math.inf), math.nextafter(value, -math.inf))
    return value == expected


def _key(told: _Told) -> tuple[Labels, Labels]:
    return told.labels, told.annotations


def _written(labels: Mapping[str, str] | Labels) -> str:
    pairs = labels.items() if isinstance(labels, Mapping) else labels
    return "{" + ", ".join(f'{name}="{value}"' for name, value in pairs) + "}"


def _alerts(alerts: Sequence[_Told]) -> str:
    told = [f"{_written(one.labels)} annotations {_written(one.annotations)}" for one in sorted(alerts, key=_key)]
    return "[" + "; ".join(told) + "]" if told else "nothing"


def _samples(samples: Sequence[tuple[Labels, Value]]) -> str:
    told = []
    for labels, value in samples:
        number = repr(value) if isinstance(value, float) else "a histogram"
        told.append(f"{_written(labels)} {number}")
    return "[" + "; ".join(told) + "]" if told else "nothing"
