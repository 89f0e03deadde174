"""Many expressions at one moment over one source: families in one question each, the rest one by one."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from trimtab.analyze.rules.families import Family, families_of, shape_of, split
from trimtab.analyze.rules.results import Series, Value, series_of
from trimtab.model.errors import InputError
from trimtab.store.metrics.block import Labels, Source
from trimtab.store.promql.durations import QueryTimes
from trimtab.store.promql.evaluate import evaluate_instant
from trimtab.store.promql.evaluation import Evaluation
from trimtab.store.promql.histogram import FloatHistogram
from trimtab.store.promql.options import Options
from trimtab.store.promql.parse import parse
from trimtab.store.promql.syntax import Node
from trimtab.store.promql.vector import Steps, Vector, with_names_removed

Outcome = list[Series] | InputError
"""What an expression gave, or why it gave nothing."""


class Asker(Protocol):
    """Something that answers expressions of rules."""

    def ask(self, exprs: Sequence[str], at_ms: int) -> list[Outcome]:
        """The answer to each, at one moment. StoreError, ServerUnreachable: nobody can say now."""
        ...


@dataclass(slots=True)
class _Plan:
    """What to ask for a list of expressions: made once, used every round."""

    families: list[Family]
    alone: list[tuple[str, list[int]]]
    """Expressions, each with all places where it (or one that says the same) stands."""
    twins: dict[int, list[int]]
    """Places with the same expression as the first one, which is a member of a family."""
    exprs: tuple[str, ...] = ()


@dataclass(slots=True)
class StoreAsker:
    """Asks a source in this process."""

    source: Callable[[], Source]
    options: Callable[[], Options] = Options
    families_max: int = 100_000
    """0: every expression alone (for comparison)."""
    _plans: dict[tuple[str, ...], _Plan] = field(default_factory=dict)

    def ask(self, exprs: Sequence[str], at_ms: int) -> list[Outcome]:
        """See `Asker`."""
        source, options = self.source(), self.options()
        if len(exprs) == 1:  # as templates ask: not worth a plan, and there are many different ones
            return [_alone(source, exprs[0], at_ms, options)]
        plan = self._plan(tuple(exprs))
        outcomes: list[Outcome] = [[] for _ in exprs]
        for family in plan.families:
            for index, outcome in _of_family(family, plan.exprs, source, options, at_ms):
                for place in plan.twins.get(index, (index,)):
                    outcomes[place] = outcome
        for expr, places in plan.alone:
            outcome = _alone(source, expr, at_ms, options)
            for place in places:
                outcomes[place] = outcome
        return outcomes

    def _plan(self, exprs: tuple[str, ...]) -> _Plan:
        known = self._plans.get(exprs)
        if known is None:
            if len(self._plans) > 256:
                self._plans.clear()
            known = self._plans[exprs] = _planned(exprs, has_families=self.families_max > 0)
        return known


def _planned(exprs: tuple[str, ...], *, has_families: bool) -> _Plan:
    trees = [parse(expr, QueryTimes(0.0, 0.0)) for expr in exprs]
    same: dict[Hashable, list[int]] = {}
    for index, tree in enumerate(trees):
        same.setdefault(shape_of(tree), []).append(index)
    firsts = [places[0] for places in same.values()]
    families: list[Family] = []
    alone = list(range(len(firsts)))
    if has_families:
        families, alone = families_of([trees[index] for index in firsts])
        families = [replace(family, members=tuple(firsts[member] for member in family.members)) for family in families]
    places_of = {places[0]: places for places in same.values()}
    return _Plan(
        families,
        [(exprs[firsts[index]], places_of[firsts[index]]) for index in alone],
        places_of,
        exprs,
    )


def _alone(source: Source, expr: str, at_ms: int, options: Options) -> Outcome:
    try:
        return series_of(evaluate_instant(source, expr, at_ms, options))
    except InputError as error:
        return error


def _of_family(
    family: Family, exprs: Sequence[str], source: Source, options: Options, at_ms: int
) -> list[tuple[int, Outcome]]:
    try:
        vector = _evaluated(family.tree, exprs[family.members[0]], source, options, at_ms)
    except InputError:  # one of them is wrong, or all are too big together: each for itself
        return [(member, _alone(source, exprs[member], at_ms, options)) for member in family.members]
    rows = split(vector.labels, family.label)
    values = vector.values[:, 0].tolist()
    given: list[Value] = list(values)
    if vector.histograms is not None:
        for row, histogram in enumerate(vector.histograms[:, 0].tolist()):
            if isinstance(histogram, FloatHistogram):
                given[row] = histogram
    outcomes: list[tuple[int, Outcome]] = []
    for member, value in zip(family.members, family.values, strict=True):
        mine = rows.get(value, ())
        outcomes.append((member, [(_labels(vector.labels[row], family), given[row]) for row in mine]))
    return outcomes


def _evaluated(tree: Node, expr: str, source: Source, options: Options, at_ms: int) -> Vector:
    steps = Steps(at_ms, 1000, 1)
    evaluation = Evaluation(source, expr, options, steps, at_ms)
    return with_names_removed(evaluation.vector(tree, steps)).compacted()


def _labels(labels: Labels, family: Family) -> Labels:
    if family.is_kept:
        return labels
    return tuple([pair for pair in labels if pair[0] != family.label])
