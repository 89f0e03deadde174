"""trimtab's own files of objectives: `objectives:`, one entry each. docs/reference/objectives.md describes the keys."""

from __future__ import annotations

import re
from collections.abc import Callable

from trimtab.analyze.slo.burn_rule_reading import burn_rules_in, exclusions_in
from trimtab.analyze.slo.document import Document, Part
from trimtab.analyze.slo.quantities import ShortForm, duration_ms, short_form
from trimtab.analyze.slo.queries import checked_query, is_selector, suffixed
from trimtab.analyze.slo.window_reading import window_in
from trimtab.analyze.slo.wishes import (
    events_target,
    freshness_query,
    quantile_meant,
    samples_sli,
    threshold_meant,
    throughput_query,
)
from trimtab.model.objectives import (
    TIME_SLICE_TARGET,
    Comparison,
    DurationsSli,
    EventsSli,
    LatencySli,
    Objective,
    Sli,
    SliKind,
    TimeSliceSli,
)

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,199}")
NAME_RULE = "a name has letters, digits and . _ : - (at most 200), and begins with a letter or digit"
_TEXTS = ("name", "display_name", "service", "description", "system", "alert_name", "slo")
_OTHERS = ("target", "window", "burn_rules", "events_min", "labels", "annotations", "exclusions")
Made = tuple[Sli, float | None]
"""An indicator, and the target that its short form says."""


def is_own(document: Document) -> bool:
    """Whether a document is one of ours."""
    return isinstance(document.value, dict) and "objectives" in document.value


def objectives_of(document: Document, origin: str) -> list[Objective]:
    """What it says; what is wrong is written down in the document."""
    root = document.root()
    root.known("objectives")
    found = [_objective(part, origin) for part in root.parts("objectives", required=True)]
    return [one for one in found if one is not None]


def _objective(part: Part, origin: str) -> Objective | None:
    part.known(*_TEXTS, *_KINDS, *_OTHERS)
    name = name_in(part)
    window = window_in(part)
    made = _sli(part)
    target = part.share("target")
    if made is None:
        return None
    sli, said = made
    if target is not None and said is not None and abs(target - said) > 1e-12:
        part.wrong(f"target is {target:.6g}, and slo says {said:.6g}: give one of them", "slo", at_value=True)
    if target is None:
        target = said
    if target is None and isinstance(sli, TimeSliceSli):
        target = TIME_SLICE_TARGET
    if target is None and part.has("target"):
        return None  # it is there and wrong, which was said
    if target is None:
        part.wrong("target is missing: the share of good events, such as '99.9%'")
        return None
    if not 0 < target < 1:
        part.wrong(f"target must lie between 0 and 1 (both excluded), found {target:g}", "target", at_value=True)
        return None
    return Objective(
        name=name,
        sli=sli,
        target=target,
        window=window,
        service=part.text("service"),
        display_name=part.text("display_name"),
        description=part.text("description"),
        alert_name=part.text("alert_name"),
        system=part.text("system"),
        labels=part.pairs("labels"),
        annotations=part.pairs("annotations"),
        burn_rules=burn_rules_in(part, window.length_ms),
        exclusions=exclusions_in(part),
        events_min=part.number("events_min") or 0.0,
        origin=origin,
        line=part.line,
    )


def name_in(part: Part, key: str = "name") -> str:
    """A name that can stand in an address."""
    name = part.text(key, required=True)
    if name and NAME.fullmatch(name) is None:
        part.wrong(f"{key}: {NAME_RULE}", key, at_value=True)
    return name


def query_in(part: Part, key: str, *, required: bool = True) -> str:
    """PromQL, checked; '' where there is none."""
    if not part.has(key):
        if required:
            part.wrong(f"{key} is missing in {part.name}")
        return ""
    return part.read(key, checked_query) or ""


# --- indicators


def _sli(part: Part) -> Made | None:
    kinds = [kind for kind in _KINDS if part.has(kind)]
    if len(kinds) != 1:
        told = "is missing: one of" if not kinds else f"is given {len(kinds)} times ({', '.join(kinds)}); one of"
        part.wrong(f"what is counted {told} {', '.join(_KINDS)}")
        return None
    form = part.read("slo", short_form)
    before = len(part.document.problems)
    try:
        made = _KINDS[kinds[0]](part, form)
    except ValueError as error:
        part.wrong(str(error), "slo" if part.has("slo") else kinds[0], at_value=True)
        return None
    return made if len(part.document.problems) == before else None


def _events(part: Part, form: ShortForm | None) -> Made:
    inner = part.part("events")
    inner.known("good", "bad", "total")
    if inner.has("good") == inner.has("bad"):
        inner.wrong("events has total, and one of good and bad")
    good, bad = query_in(inner, "good", required=False), query_in(inner, "bad", required=False)
    sli = EventsSli(query_in(inner, "total"), good, bad)
    return sli, None if form is None else events_target(form)


def _availability(part: Part, form: ShortForm | None) -> Made:
    query = query_in(part, "availability")
    if query and not is_selector(query):
        raise ValueError('availability is a selector of series that are 1 or 0, such as up{job="db"}')
    return samples_sli(query), None if form is None else events_target(form)


def _latency(part: Part, form: ShortForm | None) -> Made:
    if not isinstance(part.get("latency"), dict):
        if form is None:
            raise ValueError("latency is {histogram: …, below: 500ms}, or a histogram with slo: 'p95 < 500ms'")
        return quantile_meant(query_in(part, "latency"), form), None
    if form is not None:
        raise ValueError(
            "with latency: {…, below: …} the share of good events is target; slo: 'p95 < 500ms' counts minutes and "
            "stands with latency: H"
        )
    inner = part.part("latency")
    inner.known("histogram", "native", "spans", "executions", "below")
    below_ms = inner.duration_ms("below")
    if below_ms is None:
        inner.wrong("below is missing in latency: up to where an event is good, such as 500ms")
        below_ms = 1
    if inner.has("histogram"):
        histogram = query_in(inner, "histogram")
        if histogram:
            suffixed(histogram, "_bucket")
        is_native = inner.flag("native", default=False) if inner.has("native") else None
        return LatencySli(histogram, below_ms / 1000, is_native), None
    for source in ("spans", "executions"):
        if inner.has(source):
            rows = inner.part(source)
            rows.known("service", "operation", "system", "fingerprint")
            named = {key: rows.text(key) for key in ("system", "fingerprint", "service", "operation")}
            if source == "executions" and not named["system"]:
                rows.wrong("system is missing in executions: the watched system")
            return DurationsSli(source, float(below_ms), **named), None
    raise ValueError("latency is of one of histogram, spans, executions")


def _named(
    part: Part, key: str, inside: str, query: Callable[[str], str], unit: str, kind: SliKind, *, has_form: bool
) -> Sli | None:
    """A source with its threshold beside it; None where the threshold is in `slo`."""
    if not isinstance(part.get(key), dict):
        return None
    inner = part.part(key)
    inner.known(inside, "query", "below", "above", "at_most", "at_least")
    told = _told(inner, inside)
    compared = [(c, k) for c, k in _COMPARED.items() if inner.has(k)]
    if has_form and not compared:
        return None
    if has_form:
        inner.wrong(f"{key} has its threshold twice: in {compared[0][1]} and in slo")
    if len(compared) != 1:
        inner.wrong(f"{key} has one of {', '.join(_COMPARED.values())}, or a short form in slo beside it")
        return TimeSliceSli(told, Comparison.BELOW, 0.0)
    comparison, name = compared[0]
    if unit == "s":
        threshold = (inner.read(name, duration_ms) or 0) / 1000
    elif unit == "/s":
        threshold = inner.read(name, _number_of) or 0.0
    else:
        threshold = inner.number(name) or 0.0
    return TimeSliceSli(query(told) if told else told, comparison, threshold, unit, kind)


def _told(inner: Part, inside: str) -> str:
    return query_in(inner, inside if inner.has(inside) else "query")


def _number_of(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return short_form(f"> {text}").threshold


_COMPARED = {
    Comparison.BELOW: "below",
    Comparison.AT_MOST: "at_most",
    Comparison.ABOVE: "above",
    Comparison.AT_LEAST: "at_least",
}


def _over_time(key: str, inside: str, query: Callable[[str], str], unit: str, kind: SliKind) -> Callable[..., Made]:
    def made(part: Part, form: ShortForm | None) -> Made:
        sli = _named(part, key, inside, query, unit, kind, has_form=form is not None)
        if sli is not None:
            return sli, None
        told = _told(part.part(key), inside) if isinstance(part.get(key), dict) else query_in(part, key)
        if form is None:
            raise ValueError(f"{key} needs a threshold: {{{inside}: …, below: …}}, or a short form in slo")
        if unit and form.unit != unit:
            wanted = {"s": "a time, such as '< 5 minutes'", "/s": "a rate, such as '> 1000 rps'"}[unit]
            raise ValueError(f"{key} is compared with {wanted}")
        return threshold_meant(query(told) if told else told, form, kind), None

    return made


_KINDS: dict[str, Callable[[Part, ShortForm | None], Made]] = {
    "events": _events,
    "availability": _availability,
    "latency": _latency,
    "freshness": _over_time("freshness", "timestamp", freshness_query, "s", SliKind.FRESHNESS),
    "throughput": _over_time("throughput", "counter", throughput_query, "/s", SliKind.THROUGHPUT),
    "threshold": _over_time("threshold", "query", str, "", SliKind.THRESHOLD),
}
