"""Reads a file about business: probes, quality (weights), prices, budget, satisfaction, in any number of documents."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from trimtab.analyze.cost.prices import PER, Price, PriceList, Resource
from trimtab.analyze.slo.document import Document, Part, Problem, documents, refused, text_of
from trimtab.analyze.slo.own_format import name_in, query_in
from trimtab.app.business.definitions import (
    APDEX_WINDOW_MS,
    CSAT_WINDOW_MS,
    SCALE,
    Budget,
    Definitions,
    SatisfactionSource,
)
from trimtab.app.business.probe_reading import probe_in
from trimtab.model.probes import Dimension, Probe

KEYS = ("probes", "quality", "prices", "budget", "satisfaction")
PRICE_LISTS = "price_lists.yml"
_CURRENCY = re.compile(r"[A-Z]{3}")
PRICE_MAX = 1e9
PROBES_MAX = 2_000
"""In one file."""


def definitions_in(text: str, file: str) -> Definitions:
    """What a text says; the error (`ObjectivesRefused`, a ConfigError) tells all that is wrong, with line and column.

    >>> definitions_in("probes: [{name: a, system: shop, volume: {table: orders}, evry: 5m}]", "a.yml")
    Traceback (most recent call last):
    ...
    trimtab.analyze.slo.document.ObjectivesRefused: a.yml, line 1, column 59: the probe 'a': unknown key 'evry' in
    probes[0] (did you mean every?)
    """
    found = documents(text, file)
    if not found:
        raise refused(file, [Problem(1, 1, f"the file is empty; it holds {', '.join(KEYS)}")])
    read = [_of_document(document, file) for document in found]
    problems = [problem for document in found for problem in document.problems]
    together = Definitions()
    for document, one in zip(found, read, strict=True):
        together, clashes = joined(together, one, document.root().line)
        problems += clashes
    if problems:
        raise refused(file, problems)
    return together


def read_definitions(path: Path) -> tuple[Definitions, str]:
    """What a file says, and its text; InputError where it cannot be read. Files that it names are beside it."""
    text = text_of(path)
    return beside(definitions_in(text, str(path)), path), text


def beside(found: Definitions, path: Path) -> Definitions:
    """The same with files of answers as they are seen from the file's folder."""
    sources = [replace(one, csat=str(path.parent / one.csat)) if one.csat else one for one in found.satisfaction]
    return replace(found, satisfaction=tuple(sources))


def joined(first: Definitions, second: Definitions, line: int = 1) -> tuple[Definitions, list[Problem]]:
    """Both together; what both say and only one may is told, and the first one stays.

    `line` is where the second begins.
    """
    clashes: list[Problem] = []
    probes = _distinct("probe", first.probes, second.probes, clashes)
    sources = _distinct("source of satisfaction", first.satisfaction, second.satisfaction, clashes)
    clashes += [
        Problem(line, 1, f"{'quality' if name == 'weights' else name} is said twice: this one is left out")
        for name in ("weights", "prices", "budget")
        if getattr(first, name) is not None and getattr(second, name) is not None
    ]
    made = Definitions(
        probes=tuple(probes),
        satisfaction=tuple(sources),
        weights=first.weights if first.weights is not None else second.weights,
        prices=first.prices or second.prices,
        budget=first.budget or second.budget,
    )
    return made, clashes


Named = TypeVar("Named", Probe, SatisfactionSource)


def _distinct(what: str, first: Iterable[Named], second: Iterable[Named], clashes: list[Problem]) -> list[Named]:
    found: dict[str, Named] = {one.name: one for one in first}
    for one in second:
        if one.name in found:
            where = found[one.name]
            told = f"the {what} {one.name!r} stands in {where.origin}, line {where.line} already: left out"
            clashes.append(Problem(one.line, 1, told))
        else:
            found[one.name] = one
    return list(found.values())


def _of_document(document: Document, file: str) -> Definitions:
    root = document.root()
    root.known(*KEYS)
    probes: dict[str, Probe] = {}
    parts = root.parts("probes")
    if len(parts) > PROBES_MAX:
        root.wrong(f"a file has at most {PROBES_MAX} probes, found {len(parts)}", "probes")
    for part in parts[:PROBES_MAX]:
        probe = probe_in(part, file)
        if probe is None:
            continue
        if probe.name in probes:
            part.wrong(f"the name {probe.name!r} stands in line {probes[probe.name].line} already", "name")
        probes[probe.name] = probe
    sources: dict[str, SatisfactionSource] = {}
    for part in root.parts("satisfaction"):
        source = _satisfaction(part, file)
        if source.name in sources:
            part.wrong(f"the name {source.name!r} stands in line {sources[source.name].line} already", "name")
        sources[source.name] = source
    return Definitions(
        probes=tuple(probes.values()),
        satisfaction=tuple(sources.values()),
        weights=_weights(root.part("quality")) if root.has("quality") else None,
        prices=_prices(root.part("prices")) if root.has("prices") else None,
        budget=_budget(root.part("budget")) if root.has("budget") else None,
    )


def _weights(part: Part) -> dict[Dimension, float]:
    part.known("weights")
    inner = part.part("weights")
    inner.known(*(one.value for one in Dimension))
    found: dict[Dimension, float] = {}
    for dimension in Dimension:
        weight = inner.number(dimension.value)
        if weight is not None and not 0 <= weight <= 1000:
            inner.wrong(f"a weight is from 0 to 1000, found {weight:g}", dimension.value, at_value=True)
        elif weight is not None:
            found[dimension] = weight
    return found


def _budget(part: Part) -> Budget | None:
    part.known("month")
    month = part.number("month")
    if month is None or not 0 < month <= PRICE_MAX:
        part.wrong(f"month is the budget of a month: more than 0, at most {PRICE_MAX:g}", "month", at_value=True)
        return None
    return Budget(month)


# --- prices


def _prices(part: Part) -> PriceList | None:
    part.known("list", "currency", "entries")
    base = PriceList("", ())
    if part.has("list"):
        name, known = part.text("list"), price_lists()
        if name not in known:
            part.wrong(f"there is no price list {name[:60]!r}; known are {', '.join(known)}", "list", at_value=True)
            return None
        base = known[name]
    currency = part.text("currency", required=not base.currency) or base.currency
    if currency and not _CURRENCY.fullmatch(currency):
        part.wrong(f"currency is three letters, such as EUR, found {currency[:20]!r}", "currency", at_value=True)
    if base.currency and currency != base.currency:
        part.wrong(f"the list is in {base.currency}; give a list of your own for {currency[:20]}", "currency")
    given = part.parts("entries")
    entries = [price for inner in given if (price := _price(inner)) is not None]
    if not given and not base.prices:
        part.wrong("prices are missing: name a list, or entries")
    return PriceList(currency, (*entries, *base.prices))


def _price(part: Part) -> Price | None:
    part.known("resource", "price", "per", "systems", "as_of", "source", "note")
    text = part.text("resource", required=True)
    if text not in {one.value for one in Resource}:
        part.wrong(f"resource is one of {', '.join(Resource)}, found {text[:40]!r}", "resource", at_value=True)
        return None
    resource, price = Resource(text), part.number("price")
    if price is None or not 0 <= price <= PRICE_MAX:
        part.wrong(f"price must be from 0 to {PRICE_MAX:g}", "price", at_value=True)
        return None
    per = part.text("per") or PER[resource]
    if per != PER[resource]:
        part.wrong(f"the price of {resource} is per {PER[resource]}, found {per[:40]!r}", "per", at_value=True)
    systems = part.get("systems") or []
    if not isinstance(systems, list) or not all(isinstance(item, str) for item in systems):
        part.wrong("systems must be a list of names", "systems")
        systems = []
    as_of, source = part.text("as_of", required=True), part.text("source", required=True)
    return Price(resource, price, as_of, source, tuple(systems), part.text("note"))


def price_lists() -> dict[str, PriceList]:
    """The lists that come with trimtab, by name."""
    text = (files("trimtab.app.business") / PRICE_LISTS).read_text()
    [document] = documents(text, PRICE_LISTS)
    root = document.root()
    names = list(root.value) if isinstance(root.value, dict) else []
    found = {name: _prices(root.part(name)) for name in names}
    if document.problems:
        raise refused(PRICE_LISTS, document.problems)
    return {name: listed for name, listed in found.items() if listed is not None}


# --- satisfaction


def _satisfaction(part: Part, origin: str) -> SatisfactionSource:
    part.known("name", "csat", "apdex", "query", "scale", "window")
    kinds = [kind for kind in ("csat", "apdex", "query") if part.has(kind)]
    if len(kinds) != 1:
        told = "is missing" if not kinds else f"is given {len(kinds)} times"
        part.wrong(f"the source of satisfaction {told}: one of csat, apdex, query")
    window_ms = part.duration_ms("window") or (APDEX_WINDOW_MS if "apdex" in kinds else CSAT_WINDOW_MS)
    scale = part.number("scale")
    if scale is not None and not 0 < scale <= 1000:
        part.wrong(f"scale is more than 0, at most 1000, found {scale:g}", "scale", at_value=True)
    found = SatisfactionSource(
        name=name_in(part),
        csat=part.text("csat"),
        query=query_in(part, "query", required=False),
        scale=scale or SCALE,
        window_ms=window_ms,
        origin=origin,
        line=part.line,
    )
    if "apdex" not in kinds:
        return found
    if scale is not None:
        part.wrong("Apdex goes from 0 to 1: it has no scale", "scale")
    inner = part.part("apdex")
    inner.known("service", "operation", "target")
    target_ms = inner.duration_ms("target")
    if target_ms is None and not inner.has("target"):
        inner.wrong("target is missing: the time up to which a request satisfies (Apdex's T), such as 500ms")
    return replace(
        found,
        service=inner.text("service", required=True),
        operation=inner.text("operation"),
        target_s=(target_ms or 0) / 1000,
        scale=1.0,
    )
