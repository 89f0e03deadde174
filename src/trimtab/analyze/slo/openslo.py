"""Files of OpenSLO: v1, and v1alpha as Sloth reads it.

SLO with its SLI (inside or by reference), AlertPolicy and AlertCondition (`burnrate`) of the same file are used; other
kinds are passed over. What the specification leaves open is said in the objective's notices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from trimtab.analyze.slo.burn_rules import DEFAULT_SET, budget_of, rules_of
from trimtab.analyze.slo.document import Document, Part
from trimtab.analyze.slo.own_format import NAME, NAME_RULE
from trimtab.analyze.slo.quantities import duration_ms
from trimtab.analyze.slo.queries import checked_query, is_per_second, is_selector
from trimtab.analyze.slo.window_reading import DEFAULT_WINDOW, calendar_window, checked_length
from trimtab.model.objective_window import CalendarUnit, Window
from trimtab.model.objectives import (
    SLICE_MS,
    BurnRule,
    Comparison,
    EventsSli,
    Objective,
    Sli,
    TimeSliceSli,
)

OLD, NEW = "openslo/v1alpha", "openslo/v1"
OTHER_KINDS = ("SLI", "AlertPolicy", "AlertCondition", "AlertNotificationTarget", "DataSource", "Service")
_OPS = {"lt": Comparison.BELOW, "lte": Comparison.AT_MOST, "gt": Comparison.ABOVE, "gte": Comparison.AT_LEAST}
_CALENDAR = {
    "d": CalendarUnit.DAY,
    "w": CalendarUnit.WEEK,
    "m": CalendarUnit.MONTH,
    "M": CalendarUnit.MONTH,
    "Q": CalendarUnit.QUARTER,
    "Y": CalendarUnit.YEAR,
}
_OLD_UNITS = {"second": "s", "minute": "m", "hour": "h", "day": "d", "week": "w"}


def is_openslo(document: Document) -> bool:
    """Whether a document is one of OpenSLO's."""
    return document.root().get("apiVersion") in (OLD, NEW)


@dataclass(slots=True)
class _Said:
    """What is read of one SLO beside its numbers."""

    notices: list[str] = field(default_factory=list)


def objectives_of(document: Document, among: Sequence[Document], origin: str) -> list[Objective]:
    """What it says; references are looked up `among` the documents of the file."""
    root = document.root()
    root.known("apiVersion", "kind", "metadata", "spec")
    kind = root.text("kind", required=True)
    if kind != "SLO" and kind not in OTHER_KINDS:
        root.wrong(f"kind is one of SLO, {', '.join(OTHER_KINDS)}, found {kind!r}", "kind", at_value=True)
    if kind != "SLO":
        return []
    spec, metadata = root.part("spec"), root.part("metadata")
    name = metadata.text("name", required=True)
    if name and NAME.fullmatch(name) is None:
        metadata.wrong(f"name: {NAME_RULE}", "name", at_value=True)
    method = spec.text("budgetingMethod") or "Occurrences"
    if method not in ("Occurrences", "Timeslices", "RatioTimeslices"):
        told = f"budgetingMethod is Occurrences, Timeslices or RatioTimeslices, found {method!r}"
        spec.wrong(told, "budgetingMethod", at_value=True)
        return []
    parts = spec.parts("objectives", required=True)
    is_old = root.get("apiVersion") == OLD
    found = []
    for place, part in enumerate(parts):
        said = _Said()
        indicator = part if is_old else _indicator(spec, part, among)
        window = _old_window(spec) if is_old else _window(spec, said)
        target = _target(part)
        sli = None if indicator is None else _sli(indicator, part, method, said, is_old=is_old)
        if sli is None or target is None:
            continue
        found.append(
            Objective(
                name=name if len(parts) == 1 else f"{name}-{place + 1}",
                sli=sli,
                target=target,
                window=window,
                service=spec.text("service"),
                display_name=_title(metadata, part, is_alone=len(parts) == 1),
                description=spec.text("description"),
                labels=_labels(metadata),
                burn_rules=_burn_rules(spec, among, window, said, is_old=is_old),
                origin=origin,
                line=part.line,
                notices=tuple(said.notices),
            )
        )
    return found


def _title(metadata: Part, part: Part, *, is_alone: bool) -> str:
    of_all, of_one = metadata.text("displayName"), part.text("displayName")
    return of_all if is_alone or not of_one else f"{of_all}: {of_one}" if of_all else of_one


def _labels(metadata: Part) -> tuple[tuple[str, str], ...]:
    found = metadata.get("labels")
    if not isinstance(found, dict):
        return ()
    texts = {
        name: ",".join(map(str, value)) if isinstance(value, list) else str(value) for name, value in found.items()
    }
    return tuple(sorted(texts.items()))


def _target(part: Part) -> float | None:
    target = part.share("target")
    percent = part.number("targetPercent")
    if percent is not None:
        target = float(f"{percent / 100:.12g}")
    if target is None:
        if not part.document.problems:
            part.wrong("target is missing")
        return None
    if not 0 < target < 1:
        part.wrong(f"target must lie between 0 and 1 (both excluded), found {target:g}", "target", at_value=True)
        return None
    return target


# --- windows


def _window(spec: Part, said: _Said) -> Window:
    windows = spec.parts("timeWindow")
    if not windows:
        said.notices.append("it says no timeWindow: 30 days, rolling")
        return DEFAULT_WINDOW
    part = windows[0]
    part.known("duration", "isRolling", "calendar")
    text = part.text("duration", required=True)
    if len(windows) > 1:
        windows[1].wrong("there can only be one timeWindow")
    if part.flag("isRolling", default=not part.has("calendar")):
        return Window(checked_length(part, "duration", part.duration_ms("duration") or DEFAULT_WINDOW.length_ms))
    count, unit = text[:-1], _CALENDAR.get(text[-1:])
    if unit is None or not count.isdecimal():
        part.wrong(f"duration {text!r} is no calendar window, such as 1d, 1w, 1M, 1Q, 1Y", "duration", at_value=True)
        return DEFAULT_WINDOW
    if text.endswith("m"):
        said.notices.append(f"a calendar window of {text!r} is read as months (the specification writes {count}M)")
    calendar = part.part("calendar")
    calendar.known("startTime", "timeZone")
    zone, starts_at = calendar.text("timeZone"), calendar.text("startTime")
    return calendar_window(calendar, unit, int(count), zone, starts_at, "timeZone")


def _old_window(spec: Part) -> Window:
    windows = spec.parts("timeWindows")
    if not windows:
        return DEFAULT_WINDOW
    part = windows[0]
    unit, count = _OLD_UNITS.get(part.text("unit").lower()), part.number("count")
    if unit is None or count is None:
        part.wrong(f"a window has count, and unit as one of {', '.join(name.title() for name in _OLD_UNITS)}")
        return DEFAULT_WINDOW
    return Window(checked_length(part, "count", duration_ms(f"{count:g}{unit}")))


# --- indicators


def _indicator(spec: Part, part: Part, among: Sequence[Document]) -> Part | None:
    """The spec of the SLI: of this objective, of the SLO, or of the document that is named."""
    for holder in (part, spec):
        if holder.has("indicator"):
            inner = holder.part("indicator")
            inner.known("metadata", "spec")
            return inner.part("spec")
        if holder.has("indicatorRef"):
            name = holder.text("indicatorRef")
            found = _named(among, "SLI", name)
            if found is None:
                holder.wrong(f"there is no SLI named {name!r} in this file", "indicatorRef", at_value=True)
            return found
    spec.wrong("indicator is missing: inside, or by indicatorRef")
    return None


def _named(among: Sequence[Document], kind: str, name: str) -> Part | None:
    for document in among:
        root = document.root()
        if root.get("kind") == kind and root.part("metadata").get("name") == name:
            return root.part("spec")
    return None


def _query(part: Part, key: str, said: _Said, *, is_old: bool) -> str:
    inner = part.part(key)
    if not part.has(key):
        part.wrong(f"{key} is missing in {part.name}")
        return ""
    if is_old:
        return inner.read("query", checked_query) or ""
    source = inner.part("metricSource")
    kind = source.text("type")
    if kind.lower() not in ("prometheus", ""):
        notice = f"metricSource.type is {kind}; its query is read as PromQL"
        if notice not in said.notices:
            said.notices.append(notice)
    if not source.part("spec").has("query"):
        source.wrong("metricSource.spec.query is missing: PromQL")
        return ""
    return source.part("spec").read("query", checked_query) or ""


def _sli(indicator: Part, part: Part, method: str, said: _Said, *, is_old: bool) -> Sli | None:
    ratio, threshold = "ratioMetrics" if is_old else "ratioMetric", "thresholdMetric"
    before = len(part.document.problems)
    if indicator.has(ratio):
        sli = _of_ratio(indicator.part(ratio), part, method, said, is_old=is_old)
    elif indicator.has(threshold):
        sli = _of_threshold(indicator, part, method, said)
    else:
        indicator.wrong(f"an SLI has {ratio} or {threshold}")
        return None
    return sli if len(part.document.problems) == before else None


def _of_ratio(ratio: Part, part: Part, method: str, said: _Said, *, is_old: bool) -> Sli:
    ratio.known("counter", "good", "bad", "total", "raw", "rawType", "incremental")
    if ratio.has("raw"):
        query = _query(ratio, "raw", said, is_old=is_old)
        said.notices.append("the indicator is a ratio without counts: each minute weighs the same")
        query = f"1 - ({query})" if ratio.text("rawType") == "failure" else query
        return _sliced(query, part, method if method == "Timeslices" else "RatioTimeslices")
    total = _query(ratio, "total", said, is_old=is_old)
    kind = "good" if ratio.has("good") else "bad"
    counted = _query(ratio, kind, said, is_old=is_old)
    if not total or not counted:
        return EventsSli("", "")
    if method == "Occurrences":
        scale = SLICE_MS / 1000 if is_per_second(total) and is_per_second(counted) else 1.0
        good, bad = (counted, "") if kind == "good" else ("", counted)
        return EventsSli(total, good, bad, scale=scale)
    over = _slice_window(part, said)
    counted, total = (_grown(query).replace("$slice", over) for query in (counted, total))
    share = f"({counted}) / ({total})"
    return _sliced(share if kind == "good" else f"1 - {share}", part, method)


def _grown(query: str) -> str:
    return f"sum(increase({query}[$slice]))" if is_selector(query) else query


def _slice_window(part: Part, said: _Said) -> str:
    text = part.text("timeSliceWindow") or "1m"
    window_ms = part.duration_ms("timeSliceWindow") or SLICE_MS
    if window_ms == SLICE_MS:
        return "$slice"
    said.notices.append(f"timeSliceWindow {text}: looked at every minute, over the last {text}")
    return text if window_ms > SLICE_MS else "$slice"


def _sliced(query: str, part: Part, method: str) -> TimeSliceSli:
    if method == "RatioTimeslices":
        return TimeSliceSli(query, Comparison.AT_LEAST, 0.0, "ratio", is_ratio=True)
    wanted = part.share("timeSliceTarget")
    if wanted is None:
        part.wrong("timeSliceTarget is missing: budgetingMethod Timeslices needs it")
    return TimeSliceSli(query, Comparison.AT_LEAST, wanted or 0.0, "ratio")


def _of_threshold(indicator: Part, part: Part, method: str, said: _Said) -> Sli:
    query = _query(indicator, "thresholdMetric", said, is_old=False)
    comparison, value = _OPS.get(part.text("op")), part.number("value")
    if comparison is None or value is None:
        part.wrong(f"an objective on a thresholdMetric has op ({', '.join(_OPS)}) and value")
        return EventsSli("", "")
    if method != "Occurrences":
        return TimeSliceSli(query, comparison, value)
    said.notices.append("Occurrences of a thresholdMetric: each series is one event a minute")
    return EventsSli(f"count({query})", f"count(({query}) {comparison.value} {value:.12g})")


# --- alerts


def _burn_rules(
    spec: Part, among: Sequence[Document], window: Window, said: _Said, *, is_old: bool
) -> tuple[BurnRule, ...]:
    policies = [] if is_old else spec.parts("alertPolicies")
    rules = [rule for part in policies if (rule := _burn_rule(part, among, window)) is not None]
    if policies:
        return tuple(rules)
    said.notices.append(f"it has no alert policy: the burn rules are those of the {DEFAULT_SET}")
    return rules_of(DEFAULT_SET, window.length_ms)


def _burn_rule(policy: Part, among: Sequence[Document], window: Window) -> BurnRule | None:
    spec: Part | None = policy.part("spec")
    if policy.has("alertPolicyRef") or not isinstance(policy.value, dict):
        name = policy.text("alertPolicyRef") if isinstance(policy.value, dict) else str(policy.value)
        spec = _named(among, "AlertPolicy", name)
        if spec is None:
            policy.wrong(f"there is no AlertPolicy named {name!r} in this file")
            return None
    if spec is None:
        return None
    conditions = spec.parts("conditions")
    if not conditions:
        spec.wrong("an AlertPolicy has one condition")
        return None
    condition: Part | None = conditions[0].part("spec")
    if conditions[0].has("conditionRef"):
        name = conditions[0].text("conditionRef")
        condition = _named(among, "AlertCondition", name)
        if condition is None:
            conditions[0].wrong(f"there is no AlertCondition named {name!r} in this file", "conditionRef")
            return None
    return None if condition is None else _of_condition(condition, window)


def _of_condition(spec: Part, window: Window) -> BurnRule | None:
    condition = spec.part("condition")
    condition.known("kind", "op", "threshold", "lookbackWindow", "alertAfter")
    if condition.text("kind") != "burnrate":
        condition.wrong("kind of a condition is burnrate: the specification has no other", "kind")
        return None
    factor, long_ms = condition.number("threshold"), condition.duration_ms("lookbackWindow")
    if factor is None or long_ms is None or factor <= 0:
        condition.wrong("a burn-rate condition has threshold (above 0) and lookbackWindow")
        return None
    return BurnRule(
        name=f"burnrate-{condition.text('lookbackWindow')}",
        severity=spec.text("severity") or "page",
        long_ms=long_ms,
        short_ms=long_ms,
        factor=factor,
        budget_ratio=budget_of(factor, window.length_ms, long_ms),
        for_ms=condition.duration_ms("alertAfter") or 0,
    )
