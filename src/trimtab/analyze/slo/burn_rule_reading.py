"""Burn rules and exclusions of our own files."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from trimtab.analyze.slo.burn_rules import DEFAULT_SET, SHORT_SHARE, budget_of, factor_of, rules_of, set_names
from trimtab.analyze.slo.document import Part
from trimtab.model.objectives import SLICE_MS, BurnRule, Exclusion


def burn_rules_in(part: Part, period_ms: int) -> tuple[BurnRule, ...]:
    """A set by its name, rules one by one, or `none`; those of the workbook where nothing is said.

    `{set: workbook, severity: ticket}` is a set of which all rules have one severity.
    """
    found = part.get("burn_rules")
    if found is None:
        return rules_of(DEFAULT_SET, period_ms)
    if isinstance(found, list):
        rules = [_burn_rule(inner, place, period_ms) for place, inner in enumerate(part.parts("burn_rules"))]
        return tuple(rule for rule in rules if rule is not None)
    if isinstance(found, dict):
        return _set_of_one_severity(part.part("burn_rules"), period_ms)
    if found == "none" or found is False:
        return ()
    if found in set_names():
        return rules_of(str(found), period_ms)
    part.wrong(f"burn_rules is a list, or one of {', '.join(set_names())}, none", "burn_rules", at_value=True)
    return ()


def _set_of_one_severity(part: Part, period_ms: int) -> tuple[BurnRule, ...]:
    part.known("set", "severity")
    name, severity = part.text("set") or DEFAULT_SET, part.text("severity", required=True)
    if name not in set_names():
        part.wrong(f"set is one of {', '.join(set_names())}, found {name!r}", "set", at_value=True)
        return ()
    return tuple(replace(rule, severity=severity) for rule in rules_of(name, period_ms))


def _burn_rule(part: Part, place: int, period_ms: int) -> BurnRule | None:
    part.known("name", "severity", "long", "short", "factor", "budget", "for", "labels", "annotations")
    long_ms = part.duration_ms("long")
    factor, budget = part.number("factor"), part.share("budget")
    if long_ms is None:
        part.wrong("long is missing: the long window, such as 1h")
        return None
    if (factor is None) == (budget is None):
        part.wrong("a burn rule has either factor (14.4) or budget (the share spent in the long window, 2%)")
        return None
    if not SLICE_MS <= long_ms <= period_ms:
        part.wrong("long must be between a minute and the objective's window", "long", at_value=True)
    short_ms = part.duration_ms("short") or max(SLICE_MS, round(long_ms / SHORT_SHARE / SLICE_MS) * SLICE_MS)
    if short_ms > long_ms:
        part.wrong("short must not be longer than long", "short", at_value=True)
    if factor is None:
        factor = factor_of(budget or 0.0, period_ms, long_ms)
    if factor <= 0:
        part.wrong("factor must be above 0", "factor", at_value=True)
    return BurnRule(
        name=part.text("name") or f"rule-{place + 1}",
        severity=part.text("severity") or "page",
        long_ms=long_ms,
        short_ms=short_ms,
        factor=factor,
        budget_ratio=budget_of(factor, period_ms, long_ms),
        for_ms=part.duration_ms("for") or 0,
        labels=part.pairs("labels"),
        annotations=part.pairs("annotations"),
    )


def exclusions_in(part: Part) -> tuple[Exclusion, ...]:
    """Maintenance that does not count."""
    found = []
    for inner in part.parts("exclusions"):
        inner.known("from", "to", "reason")
        start_ms, end_ms = inner.read("from", moment_ms), inner.read("to", moment_ms)
        reason = inner.text("reason", required=True)
        if start_ms is None or end_ms is None:
            inner.wrong("an exclusion has from, to and reason")
        elif start_ms >= end_ms:
            inner.wrong("to must be after from", "to", at_value=True)
        else:
            found.append(Exclusion(start_ms, end_ms, reason))
    return tuple(found)


def moment_ms(text: str) -> int:
    """A moment as ISO 8601 has it; without a zone it is UTC.

    >>> moment_ms("1970-01-01 00:01:00"), moment_ms("1970-01-01T01:00:00+01:00")
    (60000, 0)
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is no date and time, such as '2026-01-01T12:00:00Z'") from None
    return round((found if found.tzinfo else found.replace(tzinfo=ZoneInfo("UTC"))).timestamp() * 1000)
