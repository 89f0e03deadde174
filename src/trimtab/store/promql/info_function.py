"""`info(v, selector)`: series get the labels of the info metrics that have their `instance` and `job`.

Which info series it is may change from step to step; a series then becomes several, each at the steps that are its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from trimtab.store.metrics.block import METRIC_NAME, Labels, Matcher
from trimtab.store.metrics.matching import compile_pattern
from trimtab.store.promql.errors import QueryError
from trimtab.store.promql.evaluation import Evaluation, Value, function
from trimtab.store.promql.selectors import block_for, indexes_of
from trimtab.store.promql.syntax import Bound, Call, Node, Selector, Subquery, unwrapped
from trimtab.store.promql.vector import Ints, Steps, Vector, empty, merged

IDENTIFYING = ("instance", "job")
_VALUES_IN_PATTERN_MAX = 200
_TARGET_INFO = Matcher(METRIC_NAME, "=", "target_info")
_ANY_INFO = Matcher(METRIC_NAME, "=~", ".+_info")

_Identity = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Infos:
    """Info series; `chosen[name of the metric][identity][step]` is the newest of those that have it (-1: none)."""

    labels: Sequence[Labels]
    chosen: dict[str, dict[_Identity, Ints]]


@function("info")
def eval_info(evaluation: Evaluation, call: Call, steps: Steps) -> Value:
    """The first argument with labels of info series."""
    base = evaluation.vector(call.arguments[0], steps)
    matchers = _matchers_of(call)
    names = [matcher for matcher in matchers if matcher.name == METRIC_NAME]
    data = [matcher for matcher in matchers if matcher.name != METRIC_NAME]
    if not names:
        names = [_TARGET_INFO]
    elif all(matcher.op in ("!=", "!~") for matcher in names):
        names = [_ANY_INFO, *names]
    rows = [row for row, labels in enumerate(base.labels) if not _fits_all(dict(labels), names)]
    ignored = sorted({*range(len(base.labels))} - {*rows})
    infos = _infos_of(evaluation, call.arguments[0], steps, [*names, *data], [base.labels[row] for row in rows])
    parts = [base.rows(ignored), *_enriched(base, rows, infos, data)]
    return merged(_stacked([part for part in parts if len(part.labels)], steps.count))


def _enriched(base: Vector, rows: Sequence[int], infos: _Infos, data: Sequence[Matcher]) -> Iterator[Vector]:
    wanted = {matcher.name for matcher in data}
    may_lack_info = _fits_all({}, data)
    nothing = np.full(base.present.shape[1], -1, np.int64)
    for row in rows:
        labels, present = base.labels[row], base.present[row]
        identity = _identity_of(labels)
        of_names = np.array([chosen.get(identity, nothing) for chosen in infos.chosen.values()] or [nothing])
        for choice in np.unique(of_names[:, present], axis=1).T:
            here = present & (of_names == choice[:, np.newaxis]).all(axis=0)
            found = [infos.labels[place] for place in choice.tolist() if place >= 0]
            if found or may_lack_info:
                one = base.rows([row])
                yield replace(one, labels=[_joined(labels, found, wanted)], present=here[np.newaxis, :])


def _joined(labels: Labels, found: Sequence[Labels], wanted: set[str]) -> Labels:
    """The labels, and those of the info series that are wanted (all, where none is named)."""
    more: dict[str, str] = {}
    for name, value in (pair for info in found for pair in info):
        if name == METRIC_NAME or (wanted and name not in wanted):
            continue
        if more.get(name, value) != value:
            raise QueryError(f"conflicting label: {name}")
        if name not in dict(labels):
            more[name] = value
    return tuple(sorted({**dict(labels), **more}.items()))


def _infos_of(
    evaluation: Evaluation, argument: Node, steps: Steps, matchers: Sequence[Matcher], bases: Sequence[Labels]
) -> _Infos:
    identities = [dict(labels) for labels in bases]
    values = {name: sorted({one[name] for one in identities if name in one}) for name in IDENTIFYING}
    if not any(values.values()):
        return _Infos([], {})
    narrowed = [
        Matcher(name, "=~", "|".join(re.escape(value) for value in some))
        for name, some in values.items()
        if 0 < len(some) <= _VALUES_IN_PATTERN_MAX
    ]
    selector = _selector(argument, [*narrowed, *matchers])
    block, times_ms = block_for(evaluation, selector, steps)
    index = indexes_of(evaluation, selector, block, times_ms)
    if block.histograms is not None and any(block.histograms[place] is not None for place in index[index >= 0]):
        raise QueryError("info sample should be float")
    taken_ms = np.where(index >= 0, np.append(block.at_ms, 0)[index], np.iinfo(np.int64).min)
    groups: dict[str, dict[_Identity, list[int]]] = {}
    for row, labels in enumerate(block.labels):
        groups.setdefault(dict(labels)[METRIC_NAME], {}).setdefault(_identity_of(labels), []).append(row)
    chosen = {
        name: {identity: _newest(block.labels, rows, taken_ms) for identity, rows in by_identity.items()}
        for name, by_identity in groups.items()
    }
    return _Infos(block.labels, chosen)


def _newest(labels: Sequence[Labels], rows: list[int], taken_ms: Ints) -> Ints:
    """At each step, the series of `rows` with the newest sample."""
    some = taken_ms[rows]
    newest = some.max(axis=0)
    is_there = newest > np.iinfo(np.int64).min
    twins = (some == newest).sum(axis=0) > 1
    if (twins & is_there).any():
        step = int(np.flatnonzero(twins & is_there)[0])
        first, second = np.flatnonzero(some[:, step] == newest[step])[:2].tolist()
        at_ms = int(newest[step])
        raise QueryError(
            f"found duplicate series for info metric: existing {labels[rows[first]]} @ {at_ms}, "
            f"new {labels[rows[second]]} @ {at_ms}"
        )
    result: Ints = np.where(is_there, np.array(rows, np.int64)[some.argmax(axis=0)], -1)
    return result


def _selector(argument: Node, matchers: list[Matcher]) -> Selector:
    """The selector of the info series: they are looked at from the time of the first selector of the argument."""
    offset_ms, at_ms, at_bound = _time_of(argument) or (0, None, None)
    return Selector(
        start=argument.start,
        end=argument.end,
        offset_ms=offset_ms,
        at_ms=at_ms,
        at_bound=at_bound,
        alternatives=[matchers],
    )


def _time_of(node: Node) -> tuple[int, int | None, Bound | None] | None:
    """Offset and `@` of the first selector below, moved by subqueries around it as long as nothing pins it."""
    if isinstance(node, Selector):
        return node.offset_ms, node.at_ms, node.at_bound
    for child in node.children():
        found = _time_of(child)
        if found is None:
            continue
        if isinstance(node, Subquery) and found[1:] == (None, None):
            return found[0] + node.offset_ms, node.at_ms, node.at_bound
        return found
    return None


def _matchers_of(call: Call) -> list[Matcher]:
    if len(call.arguments) < 2:
        return []
    selector = unwrapped(call.arguments[1])
    if not isinstance(selector, Selector) or len(selector.alternatives) != 1:
        raise QueryError("the second argument of info() has to be a label selector without `or`")
    return selector.alternatives[0]


def _fits_all(labels: dict[str, str], matchers: Sequence[Matcher]) -> bool:
    return all(_fits(labels.get(matcher.name, ""), matcher) for matcher in matchers)


def _fits(value: str, matcher: Matcher) -> bool:
    if matcher.op in ("=", "!="):
        return (value == matcher.value) == (matcher.op == "=")
    return (compile_pattern(matcher.value).fullmatch(value) is not None) == (matcher.op == "=~")


def _identity_of(labels: Labels) -> _Identity:
    found = dict(labels)
    return tuple(found.get(name, "") for name in IDENTIFYING)


def _stacked(parts: list[Vector], count: int) -> Vector:
    if not parts:
        return empty(count)
    histograms = None
    if any(part.histograms is not None for part in parts):
        histograms = np.concatenate(
            [
                np.full(part.values.shape, None, np.object_) if part.histograms is None else part.histograms
                for part in parts
            ]
        )
    late = None
    if any(part.drops_name is not None for part in parts):
        late = np.concatenate([part.late_names for part in parts])
    return Vector(
        [labels for part in parts for labels in part.labels],
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.present for part in parts]),
        histograms,
        late,
    )
