"""One round: the rules of all groups that are due at one moment, in as few questions as possible.

Within a group a rule sees what the rules before it recorded at this moment. So rules are put into stages: a rule that
reads what an earlier rule of its group writes comes in a later stage, all others in the same; each stage is asked at
once over all groups.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from trimtab.analyze.rules.asking import Asker, Outcome
from trimtab.analyze.rules.results import RuleError, Series, Surroundings, actives, recorded
from trimtab.analyze.rules.rule_files import Group, Rule
from trimtab.analyze.rules.template_functions import Query, Sample
from trimtab.model.alerts import Active, Labels
from trimtab.model.errors import InputError
from trimtab.store.metrics.block import METRIC_NAME, Matcher
from trimtab.store.metrics.matching import compile_pattern
from trimtab.store.promql.parse import parse
from trimtab.store.promql.script_series import STALE
from trimtab.store.promql.syntax import Selector, walk

OF_ALERTS = ("ALERTS", "ALERTS_FOR_STATE")


@dataclass(slots=True)
class RuleState:
    """A rule and how it is doing. Moments are Unix milliseconds; 0: never."""

    group: Group
    index: int
    stage: int
    origin: str
    every_ms: int
    evaluated_at_ms: int = 0
    took_s: float = 0.0
    error: str = ""
    samples_count: int = 0
    given: frozenset[Labels] = frozenset()
    """Series that it recorded last."""

    @property
    def rule(self) -> Rule:
        """The rule."""
        return self.group.rules[self.index]


@dataclass(slots=True)
class GroupState:
    """A group and how it is doing."""

    group: Group
    interval_ms: int
    rules: list[RuleState]
    evaluated_at_ms: int = 0
    took_s: float = 0.0
    evaluations_count: int = 0
    missed_count: int = 0


class Recorder(Protocol):
    """Takes what rules record."""

    def record(self, series: Sequence[Series], at_ms: int) -> None:
        """Keep samples; returns when the next question sees them."""
        ...


class AlertKeeper(Protocol):
    """Takes what rules find wrong, and gives what is to be recorded of it."""

    def moved(self, looks: Mapping[str, Look], at_ms: int) -> Moved:
        """By origin: all that is wrong now. What is over its limit ends, and is said."""
        ...


@dataclass(frozen=True, slots=True)
class Look:
    """All that one origin finds wrong, how many there may be (0: any number), and how often it is looked at."""

    active: Sequence[Active]
    limit: int = 0
    every_ms: int = 60_000


@dataclass(frozen=True, slots=True)
class Moved:
    """Series of alerts (with those that end), and why an origin gave none."""

    series: Sequence[Series] = ()
    errors: Mapping[str, str] = field(default_factory=dict)


def state_of(group: Group, default_interval_ms: int) -> GroupState:
    """A group that was never evaluated."""
    stages = stages_of(group)
    every_ms = group.interval_ms or default_interval_ms
    rules = [RuleState(group, index, stages[index], group.origin(index), every_ms) for index in range(len(group.rules))]
    return GroupState(group, every_ms, rules)


def stages_of(group: Group) -> list[int]:
    """The stage of each rule, from 0.

    >>> from trimtab.analyze.rules.rule_files import groups_of
    >>> text = "groups: [{name: g, rules: [{record: a, expr: x}, {record: b, expr: a}, {record: c, expr: y}]}]"
    >>> stages_of(groups_of(text, "g.yml")[0])
    [0, 1, 0]
    """
    stages: list[int] = []
    written: dict[str, int] = {}
    for rule in group.rules:
        reads = _names_read(rule)
        stage = 0
        for name, of_writer in written.items():
            if any(test(name) for test in reads):
                stage = max(stage, of_writer + 1)
        stages.append(stage)
        for name in OF_ALERTS if rule.is_alert else (rule.name,):
            written[name] = max(written.get(name, 0), stage)
    return stages


def _names_read(rule: Rule) -> list[Callable[[str], bool]]:
    tests: list[Callable[[str], bool]] = []
    for node in walk(parse(rule.expr)):
        if isinstance(node, Selector):
            tests += [_test_of(matchers) for matchers in node.alternatives]
    if any("query" in text for _, text in (*rule.annotations, *rule.labels) if "{{" in text):
        tests.append(lambda _name: True)
    return tests


def _test_of(matchers: Sequence[Matcher]) -> Callable[[str], bool]:
    """Whether a selector may read a metric of this name."""
    named = [one for one in matchers if one.name == METRIC_NAME]
    checks = [(one, compile_pattern(one.value) if "~" in one.op else None) for one in named]

    def test(name: str) -> bool:
        for matcher, pattern in checks:
            is_same = name == matcher.value if pattern is None else pattern.fullmatch(name) is not None
            if is_same != (matcher.op in ("=", "=~")):
                return False
        return True

    return test


class Rounds:
    """Evaluates groups; has no threads and no clock of its own."""

    def __init__(self, asker: Asker, recorder: Recorder, keeper: AlertKeeper, around: Surroundings) -> None:
        self._asker, self._recorder, self._keeper, self.around = asker, recorder, keeper, around

    def evaluate(self, groups: Sequence[GroupState], at_ms: int) -> None:
        """All rules of these groups at one moment. StoreError, ServerUnreachable: nothing could be asked."""
        began = time.monotonic()
        by_stage: dict[int, list[RuleState]] = {}
        for group in groups:
            for rule in group.rules:
                by_stage.setdefault(rule.stage, []).append(rule)
        for stage in sorted(by_stage):
            self._stage(by_stage[stage], at_ms)
        took_s = time.monotonic() - began
        for group in groups:
            group.evaluated_at_ms, group.took_s = at_ms, took_s
            group.evaluations_count += 1

    def _stage(self, rules: Sequence[RuleState], at_ms: int) -> None:
        outcomes = self._outcomes(rules, at_ms)
        out: list[Series] = []
        looks: dict[str, Look] = {}
        for state, outcome in zip(rules, outcomes, strict=True):
            state.evaluated_at_ms, state.error = at_ms, ""
            if isinstance(outcome, InputError):
                state.error = outcome.message
                continue
            try:
                if state.rule.is_alert:
                    found = self._actives(state, outcome, at_ms)
                    looks[state.origin] = Look(found, state.group.limit, state.every_ms)
                    state.samples_count = len(outcome)
                else:
                    out += self._recorded(state, outcome)
            except RuleError as error:
                state.error = error.message
        if looks:
            moved = self._keeper.moved(looks, at_ms)
            out += moved.series
            for state in rules:
                state.error = moved.errors.get(state.origin, state.error)
        if out:
            self._recorder.record(out, at_ms)

    def _outcomes(self, rules: Sequence[RuleState], at_ms: int) -> list[Outcome]:
        by_offset: dict[int, list[int]] = {}
        for place, state in enumerate(rules):
            by_offset.setdefault(state.group.query_offset_ms, []).append(place)
        outcomes: list[Outcome] = [[] for _ in rules]
        for offset_ms, places in by_offset.items():
            began = time.monotonic()
            answers = self._asker.ask([rules[place].rule.expr for place in places], at_ms - offset_ms)
            each_s = (time.monotonic() - began) / max(1, len(places))
            for place, answer in zip(places, answers, strict=True):
                outcomes[place] = answer
                rules[place].took_s = each_s
        return outcomes

    def _recorded(self, state: RuleState, series: Sequence[Series]) -> list[Series]:
        done = recorded(state.rule, series, state.group.limit)
        state.samples_count = len(done)
        now = frozenset(labels for labels, _ in done)
        ended = state.given - now
        state.given = now
        return [*done, *((labels, STALE) for labels in ended)]

    def _actives(self, state: RuleState, series: Sequence[Series], at_ms: int) -> list[Active]:
        if not series:
            return []
        asked_ms = at_ms - state.group.query_offset_ms
        return actives(state.group, state.rule, series, asked_ms, self._query(asked_ms), self.around)

    def _query(self, at_ms: int) -> Query:
        def query(text: str) -> Sequence[Sample]:
            (answer,) = self._asker.ask([text], at_ms)
            if isinstance(answer, InputError):
                raise answer
            return [(dict(labels), value if isinstance(value, float) else math.nan) for labels, value in answer]

        return query
