"""All that a record says, as pages show it: fields with their types, terms that find the same, and where it leads."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from trimtab.sql.fingerprint import fingerprint
from trimtab.store.logs.answers import LogRecord, Value
from trimtab.store.traces.typed_json import text_of as _text_of
from trimtab.web.pages.logs.wish import Wish, field_term
from trimtab.web.view import segment

if TYPE_CHECKING:
    from trimtab.app.service import Service
    from trimtab.store.traces.answers import Value as SpanValue

TERM_CHARS_MAX = 500
AROUND_MS = 5 * 60_000
"""How far a link to what happened then looks to both sides."""
_SPECIAL = frozenset({"service", "level", "trace_id", "span_id", "event", "severity_text", "scope", "body", "pattern"})
_STATEMENTS = ("db.query.text", "db.statement", "query")
_SYSTEMS = ("db.system.instance", "db.namespace", "server.address", "host.name", "service.name", "service.instance.id")
_IN_LINE = re.compile(r"(?:\bstatement|\bSTATEMENT|\bexecute [^:\n]{0,80}):\s+(?P<sql>\S.*)", re.DOTALL)
_STATEMENT_CHARS_MAX = 20_000


@dataclass(frozen=True, slots=True)
class Fact:
    """A field. `only` and `without` lead to the search with one more term; '' where the value is too long for one."""

    name: str
    kind: str
    value: str
    term: str = ""
    only: str = ""
    without: str = ""


@dataclass(frozen=True, slots=True)
class FactGroup:
    """Fields of one place."""

    title: str
    facts: Sequence[Fact]


@dataclass(frozen=True, slots=True)
class Lead:
    """A link to what belongs to the record, at the same instant."""

    label: str
    href: str


def text_of(value: Value) -> str:
    """A value as text, as searches compare it.

    >>> text_of(2.0), text_of((1, "a"))
    ('2', '[1,"a"]')
    """
    return _text_of(cast("SpanValue", value))


def kind_of(value: Value) -> str:
    """The type that was sent, as OTLP has it.

    >>> [kind_of(value) for value in ("x", True, 1, 1.5, b"", None, (1,), {"a": 1})]
    ['string', 'bool', 'int', 'double', 'bytes', 'empty', 'array', 'map']
    """
    for type_, name in ((str, "string"), (bool, "bool"), (int, "int"), (float, "double"), (bytes, "bytes")):
        if isinstance(value, type_):
            return name
    return "empty" if value is None else "map" if isinstance(value, Mapping) else "array"


def groups_of(record: LogRecord, wish: Wish) -> list[FactGroup]:
    """Its fields, those that its own sender wrote first."""
    own = [_attribute(name, value, record.resource, wish) for name, value in sorted(record.attributes.items())]
    whose = [
        _fact(f"resource.{name}" if name in _SPECIAL else name, value, wish, shown=name)
        for name, value in sorted(record.resource.items())
    ]
    scope = [_plain("name", record.scope_name), _plain("version", record.scope_version)]
    scope += [_plain(name, text_of(value), kind_of(value)) for name, value in record.scope_attributes.items()]
    found = [
        FactGroup("Attributes", own),
        FactGroup("Resource", whose),
        FactGroup("Scope", [one for one in scope if one.value]),
        FactGroup("Record", _of_record(record, wish)),
    ]
    return [group for group in found if group.facts]


def _of_record(record: LogRecord, wish: Wish) -> list[Fact]:
    named = [("trace_id", record.trace_id), ("span_id", record.span_id), ("event", record.event_name)]
    found = [_fact(name, value, wish) for name, value in named if value]
    found.append(_fact("level", record.level, wish))
    if record.severity_text:
        found.append(_fact("severity_text", record.severity_text, wish))
    if record.pattern_id:
        found.append(_fact("pattern", record.pattern_id, wish))
    found.append(_plain("severity_number", str(record.severity_number)))
    found.append(_plain("time_unix_nano", str(record.at_ns)))
    found.append(_plain("observed_time_unix_nano", str(record.observed_at_ns)))
    if record.flags:
        found.append(_plain("flags", str(record.flags)))
    if record.dropped_attributes_count:
        found.append(_plain("dropped_attributes_count", str(record.dropped_attributes_count)))
    found.append(_plain("id", record.id))
    return found


def _attribute(name: str, value: Value, resource: Mapping[str, Value], wish: Wish) -> Fact:
    is_hidden = name in resource or name in _SPECIAL
    return _fact(f"attributes.{name}" if is_hidden else name, value, wish, shown=name)


def _plain(name: str, value: str, kind: str = "") -> Fact:
    return Fact(name, kind, value)


def _fact(name: str, value: Value, wish: Wish, *, shown: str = "") -> Fact:
    text = text_of(value)
    term = field_term(name, text)
    kind = kind_of(value) if shown else ""
    if len(term) > TERM_CHARS_MAX:
        return Fact(shown or name, kind, text)
    wish = wish.but(is_tail=False)
    only, without = wish.narrowed(term).address(), wish.narrowed(f"-{term}").address()
    return Fact(shown or name, kind, text, term, only, without)


def leads_of(record: LogRecord, wish: Wish, service: Service) -> list[Lead]:
    """Where it leads. Ranges around its time are written out, so that all of them show the same instant."""
    at_ms = record.at_ns // 1_000_000
    window = {"from": str(at_ms - AROUND_MS), "to": str(at_ms + AROUND_MS)}
    range_ = f"from={window['from']}&to={window['to']}"
    tz = "".join(f"&tz={value}" for name, value in wish.kept if name == "tz")
    found: list[Lead] = []
    if record.trace_id:
        span = f"&span={quote(record.span_id)}" if record.span_id else ""
        found.append(Lead("Its trace", f"/traces/{segment(record.trace_id)}?at={at_ms}{span}&{range_}{tz}"))
        term = f"trace_id:{record.trace_id}"
        found.append(Lead("All lines of the trace", f"/logs?q={quote(term)}&order=oldest&{range_}{tz}"))
        for source in service.sources.names("traces"):
            where = f"/traces/{segment(record.trace_id)}?source={quote(source)}&at={at_ms}{span}&{range_}{tz}"
            found.append(Lead(f"Its trace in {source}", where))
    if record.service_name:
        name = quote(record.service_name, safe="")
        found.append(Lead("This service then", f"/logs?service={name}&{range_}{tz}"))
        found.append(Lead("Its traces then", f"/traces?service={name}&{range_}{tz}"))
        found.append(Lead("Its rate, errors, durations", f"/traces/services/{name}?{range_}{tz}"))
        found.append(Lead("Its metrics", f"{metrics_in_explorer(record.service_name)}&{range_}{tz}"))
        found.append(Lead("Its levels as metrics", f"{levels_in_explorer((record.service_name,))}&{range_}{tz}"))
    found.append(Lead("All logs then", f"/logs?{range_}{tz}"))
    queries = _queries(record, service)
    return found + [Lead(one.label, f"{one.href}{'&' if '?' in one.href else '?'}{range_}{tz}") for one in queries]


def levels_in_explorer(services: Sequence[str]) -> str:
    """The Explorer with the levels of some services, or of all.

    >>> levels_in_explorer(())
    '/explore?q=sum%20by%20%28severity%29%20%28rate%28log_records_total%5B5m%5D%29%29'
    """
    names = "|".join(re.sub(r"([^\w-])", r"\\\1", name) for name in services)
    value = (services[0] if len(services) == 1 else names).replace("\\", "\\\\").replace('"', '\\"')
    selector = f'{{service_name{"=" if len(services) == 1 else "=~"}"{value}"}}' if services else ""
    query = f"sum by (severity) (rate(log_records_total{selector}[5m]))"
    return f"/explore?q={quote(query, safe='')}"


def metrics_in_explorer(service: str) -> str:
    """The Explorer with the names of all metrics that a service has, however they name it; in the ten minutes that
    links of a record show.

    >>> from urllib.parse import unquote
    >>> unquote(metrics_in_explorer("shop"))
    '/explore?q=count by (__name__) (last_over_time({service_name="shop"}[10m]) or ...&view=table'
    """
    exact = '"' + service.replace("\\", "\\\\").replace('"', '\\"') + '"'
    pattern = re.sub(r"([^\w-])", r"\\\1", service).replace("\\", "\\\\").replace('"', '\\"')
    selectors = (f"service_name={exact}", f"service={exact}", f'job=~"(.+/)?{pattern}"')
    choices = " or ".join(f"last_over_time({{{selector}}}[10m])" for selector in selectors)
    return f"/explore?q={quote(f'count by (__name__) ({choices})', safe='')}&view=table"


def _queries(record: LogRecord, service: Service) -> list[Lead]:
    """Pages of queries: of the statement that the line is about, else those of the server that it names."""
    systems = [one.name for one in service.state.systems()]
    if not systems:
        return []
    told = {**record.resource, **record.attributes}
    sql = next((text for name in _STATEMENTS if isinstance(text := told.get(name), str) and text.strip()), "")
    if not sql and (found := _IN_LINE.search(record.body_text)):
        sql = found["sql"]
    mark = fingerprint(sql[:_STATEMENT_CHARS_MAX]) if sql else None
    if mark:
        known = [name for name in systems if mark in service.read.texts.of(name)]
        if known:
            return [Lead(f"The query on {name}", f"/queries/{segment(name)}/{segment(mark)}") for name in known]
    named = {text_of(told[name]) for name in _SYSTEMS if name in told}
    return [Lead(f"Queries of {name}", f"/queries?system={segment(name)}") for name in systems if name in named]
