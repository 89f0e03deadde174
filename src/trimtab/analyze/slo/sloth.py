"""Files of Sloth as they are: `version: prometheus/v1`, and the same as a Kubernetes resource.

Its events become counts of a slice (`{{.window}}` is the slice). Its raw error ratios have no counts: each slice weighs
the same then, and the objective says so.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TypedDict

from trimtab.analyze.slo.burn_rules import rules_of
from trimtab.analyze.slo.document import Document, Part
from trimtab.analyze.slo.own_format import NAME, NAME_RULE
from trimtab.analyze.slo.queries import checked_query, is_per_second
from trimtab.analyze.slo.window_reading import DEFAULT_WINDOW
from trimtab.model.objectives import SLICE_MS, BurnRule, Comparison, EventsSli, Objective, Sli, TimeSliceSli

VERSION = "prometheus/v1"
API_VERSION = "sloth.slok.dev/v1"
OTHER_LANGUAGE = "validate_victoria_metrics"
"""A plug-in of this name says that queries are MetricsQL."""
RAW_NOTICE = "the file gives a ratio of errors, no counts: each minute weighs the same, whatever came in it"
_OPTION = re.compile(r"\{(\w+)(,?)\}")
_CAMEL = re.compile(r"_([a-z])")
Pairs = tuple[tuple[str, str], ...]


class _Plugin(TypedDict):
    source: str
    required: list[str]
    error_query: str
    total_query: str


@cache
def _plugins() -> dict[str, _Plugin]:
    text = files("trimtab.analyze.slo").joinpath("sloth_plugins.toml").read_text("utf-8")
    found: dict[str, _Plugin] = tomllib.loads(text)
    return found


@dataclass(frozen=True, slots=True)
class _Names:
    """Keys are written with `_` in a plain file, and in one word in a resource."""

    is_camel: bool

    def __call__(self, key: str) -> str:
        return _CAMEL.sub(lambda found: found[1].upper(), key) if self.is_camel else key


def is_sloth(document: Document) -> bool:
    """Whether a document is one of Sloth's."""
    root = document.root()
    return root.get("version") == VERSION or root.get("apiVersion") == API_VERSION


def objectives_of(document: Document, origin: str) -> list[Objective]:
    """What it says; what is wrong is written down in the document."""
    root = document.root()
    names = _Names(root.has("apiVersion"))
    if names.is_camel:
        root.known("apiVersion", "kind", "metadata", "spec", "status")
        spec = root.part("spec")
        spec.known("service", "labels", "sloPlugins", "slos")
    else:
        spec = root
        spec.known("version", "service", "labels", "slo_plugins", "slos")
    service = spec.text("service", required=True)
    labels = spec.pairs("labels")
    is_promql = not _has_plugin(spec.part(names("slo_plugins")), OTHER_LANGUAGE)
    found = [
        _objective(part, names, service, labels, origin, is_promql=is_promql)
        for part in spec.parts("slos", required=True)
    ]
    return [one for one in found if one is not None]


def _has_plugin(part: Part, word: str) -> bool:
    chain = part.get("chain")
    return isinstance(chain, list) and any(isinstance(one, dict) and word in str(one.get("id")) for one in chain)


def _objective(
    part: Part, names: _Names, service: str, labels: Pairs, origin: str, *, is_promql: bool
) -> Objective | None:
    part.known("name", "description", "objective", "labels", "sli", "alerting", "plugins")
    name = part.text("name", required=True)
    full = f"{service}-{name}"
    if name and NAME.fullmatch(full) is None:
        part.wrong(f"{full!r}: {NAME_RULE}", "name", at_value=True)
    percent = part.number("objective")
    made = _sli(part, names, is_promql=is_promql)
    if percent is None or not 0 < percent < 100:
        told = "is missing" if percent is None else f"is a percentage between 0 and 100, found {percent:g}"
        part.wrong(f"objective {told}", "objective" if part.has("objective") else None, at_value=True)
        return None
    if made is None:
        return None
    sli, notices = made
    alerting = part.part("alerting")
    return Objective(
        name=full,
        sli=sli,
        target=float(f"{percent / 100:.12g}"),
        window=DEFAULT_WINDOW,
        service=service,
        display_name=name,
        description=part.text("description").strip(),
        alert_name=alerting.text("name"),
        labels=_merged(labels, part.pairs("labels")),
        annotations=alerting.pairs("annotations"),
        burn_rules=_burn_rules(alerting, names),
        origin=origin,
        line=part.line,
        notices=notices,
    )


def _merged(*several: Pairs) -> Pairs:
    merged: dict[str, str] = {}
    for pairs in several:
        merged |= dict(pairs)
    return tuple(sorted(merged.items()))


def _burn_rules(alerting: Part, names: _Names) -> tuple[BurnRule, ...]:
    """Quick and slow page, quick and slow ticket; what is disabled is left out."""
    kept = []
    for rule in rules_of("sloth", DEFAULT_WINDOW.length_ms):
        part = alerting.part(names(f"{rule.severity}_alert"))
        if isinstance(part.value, dict):
            part.known("disable", "labels", "annotations")
        if part.flag("disable", default=False):
            continue
        labels = _merged(alerting.pairs("labels"), part.pairs("labels"))
        kept.append(
            BurnRule(
                name=rule.name,
                severity=rule.severity,
                long_ms=rule.long_ms,
                short_ms=rule.short_ms,
                factor=rule.factor,
                budget_ratio=rule.budget_ratio,
                labels=labels,
                annotations=part.pairs("annotations"),
            )
        )
    return tuple(kept)


def _sli(part: Part, names: _Names, *, is_promql: bool) -> tuple[Sli, tuple[str, ...]] | None:
    sli = part.part("sli")
    sli.known("events", "raw", "plugin")
    given = [kind for kind in ("events", "raw", "plugin") if sli.has(kind)]
    if len(given) != 1:
        sli.wrong("sli has one of events, raw, plugin")
        return None
    inner = sli.part(given[0])
    if given == ["raw"]:
        key = names("error_ratio_query")
        inner.known(key)
        query = _query(inner, key, is_promql=is_promql)
        good = TimeSliceSli(f"1 - ({query})", Comparison.AT_LEAST, 0.0, "ratio", is_ratio=True)
        return (good, (RAW_NOTICE,)) if query else None
    if given == ["plugin"]:
        return _of_plugin(inner)
    keys = names("error_query"), names("total_query")
    inner.known(*keys)
    errors, total = (_query(inner, key, is_promql=is_promql) for key in keys)
    if not errors or not total:
        return None
    if not is_promql:
        told = "its queries are MetricsQL: they are asked of --metrics URL alone, and not counted without"
        return EventsSli(total, bad=errors), (told,)
    return EventsSli(total, bad=errors, scale=_scale(errors, total)), ()


def _scale(*queries: str) -> float:
    return SLICE_MS / 1000 if all(is_per_second(query) for query in queries) else 1.0


def _query(part: Part, key: str, *, is_promql: bool) -> str:
    text = part.text(key, required=True)
    if not text or not is_promql:
        return text.replace("{{.window}}", "$slice").strip()
    return part.read(key, checked_query) or ""


def _of_plugin(part: Part) -> tuple[Sli, tuple[str, ...]] | None:
    part.known("id", "options")
    name = part.text("id", required=True)
    plugin = _plugins().get(name)
    if plugin is None:
        part.wrong(
            f"the SLI plug-in {name!r} is a program of Sloth, which is not run here; write its two queries as "
            f"sli.events (known are {', '.join(_plugins())})",
            "id",
            at_value=True,
        )
        return None
    options = dict(part.pairs("options"))
    for missing in (one for one in plugin["required"] if one not in options):
        part.wrong(f"the plug-in {name} needs the option {missing}", "options")
    try:
        errors, total = (
            checked_query(_OPTION.sub(lambda found: _filled(options, found), plugin[key]))
            for key in ("error_query", "total_query")
        )
    except ValueError as error:
        part.wrong(f"what {name} makes of these options is no PromQL: {error}", "options")
        return None
    notice = f"the queries are those that Sloth's plug-in {name} makes ({plugin['source']})"
    return EventsSli(total, bad=errors, scale=_scale(errors, total)), (notice,)


def _filled(options: dict[str, str], found: re.Match[str]) -> str:
    value = options.get(found[1], "").strip().strip(",")
    return f"{value}," if found[2] and value else value
