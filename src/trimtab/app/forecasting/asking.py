"""What a round of forecasts asks of its server: families with their sources, limits, runbooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from trimtab.app.forecasting.actions import runbooks_of, runbooks_of_pack
from trimtab.app.forecasting.families import FAMILIES, Family, LimitWish, alerts_of, named_family
from trimtab.app.forecasting.history import Source
from trimtab.app.forecasting.rules import rule_families
from trimtab.app.forecasting.sources import (
    KeySource,
    Labels,
    PromqlSource,
    limits_of,
    objective_subjects,
    shape_subjects,
    system_subjects,
)
from trimtab.app.forecasting.subjects import Subject

if TYPE_CHECKING:
    from trimtab.analyze.rules.rule_files import Group
    from trimtab.app.packs.shelf import Shelf
    from trimtab.app.querying import Querying
    from trimtab.app.reading.reader import Reader
    from trimtab.model.forecast_settings import ForecastPolicy


@dataclass(frozen=True, slots=True)
class Asking:
    """The parts of a server that are asked. Everything is asked anew by each round."""

    querying: Querying
    reader: Callable[[], Reader]
    packs: Shelf
    groups: Callable[[], Sequence[Group]]
    objectives: Callable[[], Sequence[str]]
    cancelled: Callable[[], bool]

    def families(self, policy: ForecastPolicy) -> list[Family]:
        """In the order in which they get their share of `series_max`: what a person named comes first."""
        named = [named_family(number, query) for number, query in enumerate(policy.queries, 1)]
        return [*named, *FAMILIES, *rule_families(self.groups(), alerts_of(FAMILIES))]

    def source(self, family: Family, policy: ForecastPolicy, now_ms: int) -> Source:
        """Where its series come from."""
        if not family.measures:
            return PromqlSource(family, self.querying, self.cancelled)
        return KeySource(family, self.reader, partial(self._subjects, family, policy, now_ms))

    def _subjects(self, family: Family, policy: ForecastPolicy, now_ms: int) -> Sequence[Subject]:
        reader = self.reader()
        if family.kind == "objective":
            return objective_subjects(family, self.objectives())
        if family.kind == "query":
            return shape_subjects(family, reader, now_ms, policy.shapes)
        return system_subjects(family, [known.name for known in reader.state.systems()])

    def pack_value(self, pack: str, threshold: str) -> float:
        """The number of a pack's threshold, with what was set over it."""
        now = self.packs.named(pack)
        return float(now.overrides.get(threshold, now.pack.thresholds[threshold].value))

    def asked(self, at_ms: int, query: str) -> Mapping[Labels, float]:
        """What a query gives at a moment, by labels."""
        return limits_of(self.querying, query, at_ms, self.cancelled)

    def runbook(self, wish: LimitWish) -> str:
        """Of the rule that watches the same thing; '' where there is none."""
        if wish.pack:
            return runbooks_of_pack(wish.pack).get(wish.alert, "")
        return runbooks_of(self.groups()).get(wish.alert, "") if wish.alert else ""
