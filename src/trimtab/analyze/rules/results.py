"""From the answer of a rule's expression to what the rule says: samples to record, or alerts that are active."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from trimtab.analyze.rules import templates
from trimtab.analyze.rules.rule_files import Group, Rule
from trimtab.analyze.rules.template_functions import Query
from trimtab.analyze.rules.templates import Data, TemplateError
from trimtab.model.alerts import ALERT_NAME, Active, Labels
from trimtab.model.errors import InputError
from trimtab.store.metrics.block import METRIC_NAME
from trimtab.store.promql.answer import Answer
from trimtab.store.promql.histogram import FloatHistogram

Value = float | FloatHistogram
Series = tuple[Labels, Value]


class RuleError(InputError):
    """A rule gave nothing: its query failed, or what it gave cannot be kept. Its state stays as it was."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the rules of a server have in common."""

    external_labels: Mapping[str, str] = field(default_factory=dict)
    external_url: str = ""


def series_of(answer: Answer) -> list[Series]:
    """What an instant query gave, as series; RuleError for what is neither a vector nor a scalar."""
    if answer.kind not in ("vector", "scalar"):
        raise RuleError("rule result is not a vector or scalar")
    if answer.kind == "scalar":
        return [((), float(answer.values[0, 0]))]
    if answer.histograms is None:
        return list(zip(answer.labels, answer.values[:, 0].tolist(), strict=True))
    pairs: list[Series] = []
    for labels, number, histogram in zip(answer.labels, answer.values[:, 0], answer.histograms[:, 0], strict=True):
        pairs.append((labels, histogram if isinstance(histogram, FloatHistogram) else float(number)))
    return pairs


def recorded(rule: Rule, series: Sequence[Series], limit: int) -> list[Series]:
    """The samples that a recording rule keeps."""
    names = {METRIC_NAME: rule.name, **dict(rule.labels)}
    done = [(with_labels(labels, names), value) for labels, value in series]
    if len({labels for labels, _ in done}) < len(done):
        raise RuleError("vector contains metrics with the same labelset after applying rule labels")
    if 0 < limit < len(done):
        raise RuleError(f"exceeded limit of {limit} with {len(done)} series", limit=limit, observed=len(done))
    return done


def with_labels(labels: Labels, more: Mapping[str, str]) -> Labels:
    """Labels with some set; an empty value takes one away.

    >>> with_labels((("a", "1"), ("b", "2")), {"b": "", "c": "3"})
    (('a', '1'), ('c', '3'))
    """
    if not more:
        return labels
    merged = {**dict(labels), **more}
    return tuple(sorted((name, value) for name, value in merged.items() if value))


def actives(
    group: Group, rule: Rule, series: Sequence[Series], at_ms: int, query: Query, around: Surroundings
) -> list[Active]:
    """What an alerting rule says is wrong now."""
    found: dict[Labels, Active] = {}
    for labels, value in series:
        number = value if isinstance(value, float) else float(np.nan)
        data = Data(dict(labels), number, around.external_labels, around.external_url)
        more = {name: _expanded(text, rule, data, query, at_ms) for name, text in rule.labels}
        own = with_labels(labels, {**more, METRIC_NAME: "", ALERT_NAME: rule.name})
        if own in found:
            raise RuleError("vector contains metrics with the same labelset after applying alert labels")
        annotations = tuple((name, _expanded(text, rule, data, query, at_ms)) for name, text in rule.annotations)
        found[own] = Active(
            own,
            annotations,
            number,
            f"rule:{group.name}/{rule.name}",
            rule.for_ms,
            rule.keep_firing_for_ms,
            around.external_url and f"{around.external_url}{graph_path(rule.expr)}",
        )
    return list(found.values())


def graph_path(expr: str) -> str:
    """Where a picture of the expression is."""
    from urllib.parse import quote_plus

    return f"/graph?g0.expr={quote_plus(expr)}&g0.tab=1"


def _expanded(text: str, rule: Rule, data: Data, query: Query, at_ms: int) -> str:
    try:
        return templates.expand(text, data, query, at_ms)
    except TemplateError as error:
        return f"<error expanding template: error executing template __alert_{rule.name}: {error}>"
