"""The machine as it was seen last, and one look earlier: what values and rates are made of."""

from __future__ import annotations

from dataclasses import dataclass, field

from trimtab.observe.host.host import Look, Told, Went
from trimtab.observe.host.processes import Busiest
from trimtab.observe.host.series import Labels


@dataclass(frozen=True, slots=True)
class Seen:
    """What one collector told at one time."""

    at_ms: int
    told: Told

    def values(self, name: str) -> dict[Labels, float]:
        """Values of a metric by labels."""
        return {
            one.labels: number * one.scale
            for one, number in zip(self.told.series, self.told.numbers, strict=True)
            if one.name == name
        }


@dataclass(frozen=True, slots=True)
class HostNow:
    """Never changed, only replaced. `before` is one look earlier, collector by collector."""

    name: str
    at_ms: int = 0
    now: dict[str, Seen] = field(default_factory=dict)
    before: dict[str, Seen] = field(default_factory=dict)
    went: dict[str, Went] = field(default_factory=dict)
    busiest: Busiest = field(default_factory=Busiest)
    why: str = "nothing was collected yet"
    """Why there is nothing to see; empty where there is."""

    def after(self, look: Look, name: str, busiest: Busiest) -> HostNow:
        """With one look more."""
        seen = {told.collector: Seen(look.at_ms, told) for told in look.told}
        kept = {one: self.now[one] for one in self.now if one in look.went and look.went[one].is_ok}
        before = {**self.before, **{one: self.now[one] for one in seen if one in self.now}}
        return HostNow(name, look.at_ms, {**kept, **seen}, before, look.went, busiest, "")

    def values(self, collector: str, name: str) -> dict[Labels, float]:
        """Values of a metric by labels; empty where there are none."""
        seen = self.now.get(collector)
        return {} if seen is None else seen.values(name)

    def value(self, collector: str, name: str) -> float | None:
        """The value of a metric that has one series."""
        return next(iter(self.values(collector, name).values()), None)

    def rates(self, collector: str, name: str) -> dict[Labels, float]:
        """By how much counters grew a second between the last two looks; a counter that fell began anew."""
        now, before = self.now.get(collector), self.before.get(collector)
        if now is None or before is None or now.at_ms <= before.at_ms:
            return {}
        took_s = (now.at_ms - before.at_ms) / 1000
        earlier = before.values(name)
        return {
            labels: (value - earlier[labels] if value >= earlier[labels] else value) / took_s
            for labels, value in now.values(name).items()
            if labels in earlier
        }

    def rate(self, collector: str, name: str) -> float | None:
        """The rate of a metric that has one series."""
        return next(iter(self.rates(collector, name).values()), None)

    def interval_ms(self, collector: str) -> int:
        """Between the last two looks; 0 where there were not two."""
        now, before = self.now.get(collector), self.before.get(collector)
        return 0 if now is None or before is None else now.at_ms - before.at_ms

    def why_not(self, collector: str, *, is_rate: bool = False) -> str:
        """Why there are no numbers of a collector."""
        if self.why:
            return self.why
        went = self.went.get(collector)
        if went is None:
            return f"the collector {collector} is switched off"
        if went.why:
            return went.why
        return "there was one look so far, and this is between two" if is_rate else "the kernel tells no such number"


def by(label: str, values: dict[Labels, float]) -> dict[str, float]:
    """Values by one label; several of one value are added up.

    >>> by("cpu", {(("cpu", "0"), ("mode", "user")): 1.0, (("cpu", "0"), ("mode", "nice")): 2.0})
    {'0': 3.0}
    """
    found: dict[str, float] = {}
    for labels, value in values.items():
        key = dict(labels).get(label, "")
        found[key] = found.get(key, 0.0) + value
    return found
