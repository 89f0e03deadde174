"""What is told of rules: files, groups, what fails, how long a round takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trimtab.analyze.rules.rounds import GroupState
    from trimtab.app.alerting.rules import Rules

FAILING_MAX = 100


@dataclass(frozen=True, slots=True)
class RuleFileNow:
    """One file. `error`: what is on disk now is refused for this; what it said before this is in force,
    over restarts too. `groups_count` 0: it was never right, and its alerts stay as they are."""

    path: str
    groups_count: int
    rules_count: int
    loaded_at_ms: int
    error: str


@dataclass(frozen=True, slots=True)
class RuleGroupNow:
    """One group. `evaluated_at_ms` 0: not yet."""

    name: str
    file: str
    interval_ms: int
    rules_count: int
    alerting_count: int
    failing_count: int
    pending_count: int
    firing_count: int
    evaluated_at_ms: int
    missed_count: int


@dataclass(frozen=True, slots=True)
class FailingRule:
    """A rule whose last evaluation gave nothing, and why."""

    group: str
    name: str
    error: str


@dataclass(frozen=True, slots=True)
class RulesNow:
    """All rules. `problem`: why the last round could not be asked or recorded, '' where it could."""

    files: tuple[RuleFileNow, ...] = ()
    groups: tuple[RuleGroupNow, ...] = ()
    failing: tuple[FailingRule, ...] = ()
    problem: str = ""
    rounds_count: int = 0
    missed_count: int = 0
    round_cpu_ms: float = 0.0
    refused_count: int = 0
    refusals: tuple[str, ...] = ()


def rules_now(rules: Rules | None) -> RulesNow:
    """How the rules are doing; nothing in the first moments after the start."""
    if rules is None:
        return RulesNow()
    files = tuple(
        RuleFileNow(
            one.path, len(one.groups), sum(len(group.rules) for group in one.groups), one.loaded_at_ms, one.error
        )
        for one in rules.book.files
    )
    failing = [
        FailingRule(group.group.name, rule.rule.name, rule.error)
        for group in rules.groups
        for rule in group.rules
        if rule.error
    ]
    own = rules.own_recorder
    return RulesNow(
        files,
        tuple(_group(rules, group) for group in rules.groups),
        tuple(failing[:FAILING_MAX]),
        rules.problem,
        rules.rounds_count,
        rules.missed_count,
        round(rules.round_cpu_s * 1000, 3),
        own.refused_count if own else 0,
        tuple(own.refusals) if own else (),
    )


def _group(rules: Rules, state: GroupState) -> RuleGroupNow:
    standing = [one.alert.state.value for rule in state.rules for one in rules.machine.of(rule.origin)]
    return RuleGroupNow(
        state.group.name,
        state.group.file,
        state.interval_ms,
        len(state.rules),
        sum(rule.rule.is_alert for rule in state.rules),
        sum(bool(rule.error) for rule in state.rules),
        standing.count("pending"),
        standing.count("firing"),
        state.evaluated_at_ms,
        state.missed_count,
    )
