"""Questions to a store of logs in the language of trimtab's own search, and its answers as the own store gives them."""

from __future__ import annotations

from trimtab.extend import sources as ask
from trimtab.model.errors import InputError
from trimtab.store.logs import language
from trimtab.store.logs.answers import LIMIT_MAX, LogPage, LogQuery, LogRecord
from trimtab.store.logs.levels import level_of_text


def question_of(query: LogQuery) -> ask.LogQuestion:
    """The same for who knows nothing of trimtab; LogQueryError where the text is not of the language.

    >>> [type(one).__name__ for one in question_of(LogQuery(0, 1000, "timeout -debug", service="shop")).where.items]
    ['All', 'Field']
    """
    if query.from_ms >= query.to_ms:
        raise InputError(f"the range must begin before it ends, unlike {query.from_ms}..{query.to_ms}", field="from_ms")
    if not 1 <= query.limit <= LIMIT_MAX:
        raise InputError(f"limit must lie in 1..{LIMIT_MAX}, not {query.limit}", limit=LIMIT_MAX, field="limit")
    terms: list[ask.Node] = []
    tree = node_of(language.parse(query.text))
    if tree != ask.All(()):
        terms.append(tree)
    told = {"service": query.service, "trace_id": query.trace_id, "span_id": query.span_id, **query.attributes}
    terms += [ask.Field(name, "=", ask.Words(value)) for name, value in told.items() if value is not None]
    if query.severity_min is not None:
        terms.append(ask.Field("level", ">=", ask.Words(query.severity_min)))
    return ask.LogQuestion(
        query.from_ms, query.to_ms, ask.All(tuple(terms)), query.limit, query.order, query.cursor or ""
    )


def node_of(node: language.Node) -> ask.Node:
    """One node of the tree."""
    match node:
        case language.Words(text, left, right):
            return ask.Words(text, left, right)
        case language.Pattern():
            return ask.Pattern(node.text, node.ignores_case)
        case language.Field():
            value = node_of(node.value)
            assert isinstance(value, ask.Words | ask.Pattern)  # noqa: S101 - as the tree is made
            return ask.Field(node.name, node.operator, value)
        case language.Not(item):
            return ask.Not(node_of(item))
        case language.All(items):
            return ask.All(tuple(map(node_of, items)))
        case language.Any(items):
            return ask.AnyOf(tuple(map(node_of, items)))


def page_of(found: ask.FoundLogs, name: str) -> LogPage:
    """An answer as a page. `resource` is empty: such stores do not tell it from a record's own attributes."""
    missing = tuple(f"{name}: {told}" for told in found.missing)
    return LogPage(tuple(map(_record, found.records)), found.next_cursor or None, missing)


def _record(found: ask.FoundLog) -> LogRecord:
    return LogRecord(
        id=found.id,
        at_ns=found.at_ns,
        observed_at_ns=0,
        level=level_of_text(found.severity_text),
        severity_number=0,
        severity_text=found.severity_text,
        service_name=found.service_name,
        body=found.body,
        body_text=found.body,
        attributes=found.attributes,
        resource={},
        scope_name="",
        scope_version="",
        scope_attributes={},
        trace_id=found.trace_id,
        span_id=found.span_id,
        event_name="",
        flags=0,
        dropped_attributes_count=0,
        pattern_id="",
    )
