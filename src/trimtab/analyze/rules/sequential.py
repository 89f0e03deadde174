"""Groups evaluated one rule after the other over samples in memory, as promtool does it: for unit tests.

What runs in a server (`rounds`) gives the same, with rules that share a selector answered together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from trimtab.analyze.rules.alert_steps import Elapsed, Known, step
from trimtab.analyze.rules.recorded_alerts import series_of_alerts
from trimtab.analyze.rules.results import RuleError, Series, Surroundings, Value, actives, recorded, series_of
from trimtab.analyze.rules.rule_files import Group, Rule
from trimtab.analyze.rules.rule_source import RuleSource
from trimtab.analyze.rules.template_functions import Sample
from trimtab.model.alerts import Alert, AlertState, Labels
from trimtab.model.errors import InputError
from trimtab.store.promql.evaluate import evaluate_instant
from trimtab.store.promql.options import Options
from trimtab.store.promql.script_series import STALE


@dataclass(slots=True)
class RuleRun:
    """One rule, and what it remembers."""

    group: Group
    rule: Rule
    index: int
    known: Known = field(default_factory=dict)
    given: set[Labels] = field(default_factory=set)
    """Series that it gave last."""
    error: str = ""

    def firing(self) -> list[Alert]:
        """Its alerts that fire."""
        return [one.alert for one in self.known.values() if one.alert.state is AlertState.FIRING]


class Sequential:
    """Some groups over one source; `evaluate` moves them on by one moment."""

    def __init__(
        self, groups: Sequence[Group], source: RuleSource, options: Options, around: Surroundings, step_ms: int
    ) -> None:
        self._source, self._options, self._around = source, replace(options, subquery_step_ms=step_ms), around
        self._step_ms = step_ms
        self.runs = [RuleRun(group, rule, index) for group in groups for index, rule in enumerate(group.rules)]

    def evaluate(self, at_ms: int) -> None:
        """All rules, in order; each sees what those before it recorded."""
        for run in self.runs:
            run.error = ""
            try:
                given = self._of_rule(run, at_ms)
            except InputError as error:
                run.error = error.message
                continue
            for labels, value in given:
                self._source.append(labels, at_ms, value)
            now = {labels for labels, _ in given}
            for labels in run.given - now:
                self._source.append(labels, at_ms, STALE)
            run.given = now

    def _of_rule(self, run: RuleRun, at_ms: int) -> list[Series]:
        asked_ms = at_ms - run.group.query_offset_ms
        series = self._series(run.rule.expr, asked_ms)
        if not run.rule.is_alert:
            return recorded(run.rule, series, run.group.limit)
        active = actives(run.group, run.rule, series, asked_ms, self._query_at(asked_ms), self._around)
        done = step(run.group.origin(run.index), run.known, active, at_ms, Elapsed(self._step_ms))
        if 0 < run.group.limit < sum(one.alert.state is not AlertState.RESOLVED for one in done.known.values()):
            count = sum(one.alert.state is not AlertState.RESOLVED for one in done.known.values())
            run.known = {}
            raise RuleError(f"exceeded limit of {run.group.limit} with {count} alerts", limit=run.group.limit)
        run.known = done.known
        return [(labels, value) for labels, value in series_of_alerts(done.known.values())]

    def _series(self, expr: str, at_ms: int) -> list[Series]:
        return series_of(evaluate_instant(self._source, expr, at_ms, self._options))

    def _query_at(self, at_ms: int) -> Callable[[str], Sequence[Sample]]:
        def query(text: str) -> Sequence[Sample]:
            return list(_numbers(self._series(text, at_ms)))

        return query


def _numbers(series: Sequence[tuple[Labels, Value]]) -> Iterator[tuple[Mapping[str, str], float]]:
    for labels, value in series:
        if isinstance(value, float):
            yield dict(labels), value
