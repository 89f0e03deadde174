"""Why a metric has no data: by what is watched and collected now, not by what could be missing in general.

nothing watched     what it needs, and the command that watches
watched, no look    that it begins, or why it cannot be read
watched, read       that nothing of the kind happened, or what is missing on the database
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trimtab.analyze.slo.quantities import duration_ms
from trimtab.app.stack.kinds import DATABASES, Kind
from trimtab.app.stack.reading import Metric, StackConfig


@dataclass(frozen=True, slots=True)
class SystemNow:
    """A watched system. `problem`: why it cannot be read ('' where it is); `lacks`: what collectors miss, by name;
    `looks_every_s`: how often its statements are looked at."""

    name: str
    is_read: bool
    problem: str = ""
    lacks: Mapping[str, str] | None = None
    looks_every_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What there is to get data from. `host_problem`: why this machine is not read ('' where it is)."""

    systems: Sequence[SystemNow] = ()
    host_problem: str = ""
    probe_kinds: Mapping[str, int] | None = None
    """Probes by their kind; of the system that is asked for."""
    measured_kinds: Mapping[str, int] | None = None
    """Those of them that have a value now."""

    @property
    def watched(self) -> str:
        """Names, for a sentence."""
        return ", ".join(one.name for one in self.systems) or "nothing (trimtab watch DSN --name NAME)"


OF_STATEMENTS = ("LatencyMetric", "ThroughputMetric")
"""Kinds that pg_stat_statements counts; other numbers of a database are its own."""
STATEMENTS_LACKS = ("pg_stat_statements", "statements")
"""What is said of a system where its statements cannot be read: what it lacks, and the collector that failed."""
NO_SPEED = (
    "this machine is read, and no link of it tells its speed (virtual ones mostly do not): say link_speed_bytes, such "
    "as 125000000 for 1 Gbit/s"
)


def system_problem(config: StackConfig, around: Surroundings) -> str:
    """What is wrong with `system`; '' where nothing is.

    >>> system_problem(StackConfig(system="nosuch"), Surroundings([SystemNow("shop", True)]))
    "system: 'nosuch' is not watched; watched: shop"
    """
    if not config.system or any(one.name == config.system for one in around.systems):
        return ""
    return f"system: {config.system[:60]!r} is not watched; watched: {around.watched}"


def reason_of(metric: Metric, config: StackConfig, around: Surroundings) -> str:
    """Why there is no value of this metric.

    >>> from trimtab.app.stack.kinds import KINDS
    >>> shop, rps = Surroundings([SystemNow("shop", True)]), KINDS["ThroughputMetric"]
    >>> reason_of(Metric("throughput", rps, "> 1000 rps"), StackConfig(), shop)
    'no data: shop is watched; no statement ran in the last 5m'
    >>> seldom = Surroundings([SystemNow("shop", True, looks_every_s=200)])
    >>> print(reason_of(Metric("throughput", rps, "> 1000 rps"), StackConfig(), seldom))
    no data: shop is watched; its statements are looked at every 200 s, and a rate over 5m needs two looks: policy
    watch.slice_s, and watch.cost_share_max where looks cost too much
    >>> reason_of(Metric("throughput", rps, "> 1000 rps"), StackConfig(), Surroundings())
    'no data: needs a watched PostgreSQL: trimtab watch DSN, with pg_stat_statements'
    >>> reason_of(Metric("logins", rps, "> 1 rps", query="rate(logins_total[5m])"), StackConfig(), shop)
    'no data: the query found no series: rate(logins_total[5m])'
    """
    if metric.query:
        return f"no data: the query found no series: {metric.query}"
    kind = metric.kind
    if kind.name == "NetworkIOMetric" and not around.host_problem:
        return f"no data: {NO_SPEED}"
    if kind.pack == "host" and not around.host_problem:
        return "no data yet: this machine is read; a rate needs two looks"
    if kind.pack == "host":
        return f"no data: {around.host_problem}; it needs {kind.source}"
    if kind.source.startswith(DATABASES):
        return _of_databases(kind, config, around)
    wanted = {"FreshnessMetric": "freshness"}.get(kind.name)
    if kind.name in ("FreshnessMetric", "QualityMetric") and around.probe_kinds:
        count = around.probe_kinds.get(wanted, 0) if wanted else sum(around.probe_kinds.values())
        of = f" of {config.system}" if config.system else ""
        known = around.measured_kinds or {}
        if known.get(wanted, 0) if wanted else sum(known.values()):
            return "no data yet: it was measured a moment ago; series of probes are written once a minute"
        if count:
            measure = "probe{} measures" if count == 1 else "probes{} measure"
            whose = "it has no value" if count == 1 else "none has a value"
            return f"no data: {count} {measure.format(of)} it, and {whose} now: trimtab probes list says why"
    return f"no data: needs {kind.source}"


def _of_databases(kind: Kind, config: StackConfig, around: Surroundings) -> str:
    here = [one for one in around.systems if one.name == config.system or not config.system]
    if not here:
        problem = system_problem(config, around)
        return f"no data: {problem}" if problem else f"no data: needs {kind.source}"
    told, window = [], kind.window(config.window)
    for one in here:
        of_statements = kind.name in OF_STATEMENTS
        lacks = one.lacks or {}
        lack = next((lacks[name] for name in STATEMENTS_LACKS if name in lacks), "") if of_statements else ""
        if one.problem:
            told.append(f"{one.name} is watched, and cannot be read: {one.problem}")
        elif not one.is_read:
            told.append(f"{one.name} is watched; its first look is under way")
        elif lack:
            told.append(f"{one.name} is watched, and its statements cannot be read: {lack}")
        elif of_statements and 2 * one.looks_every_s * 1000 > duration_ms(window):
            told.append(
                f"{one.name} is watched; its statements are looked at every {one.looks_every_s:g} s, and a rate over"
                f" {window} needs two looks: policy watch.slice_s, and watch.cost_share_max where looks cost too much"
            )
        else:
            what = "statement ran" if of_statements else "transaction ended"
            told.append(f"{one.name} is watched; no {what} in the last {window}")
    return f"no data: {'; '.join(told)}"
