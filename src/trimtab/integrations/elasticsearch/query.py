"""What is looked for, in the query language of Elasticsearch and OpenSearch."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.extend.sources import All, AnyOf, Field, LogQuestion, Node, Not, Pattern, Words
from trimtab.model.errors import InputError

Json = dict[str, object]

LINE = ("message", "log")
"""Fields that may hold the line, the first that a document has counts: ECS' and Fluent Bit's."""
SERVICE = ("service.name",)
LEVEL = ("log.level", "level")
TRACE = ("trace.id", "trace_id")
SPAN = ("span.id", "span_id")
PLACES: dict[str, Sequence[str]] = {
    "service": SERVICE,
    "level": LEVEL,
    "severity_text": LEVEL,
    "trace_id": TRACE,
    "span_id": SPAN,
    "event": ("event.action",),
    "body": LINE,
}

LEVELS = {
    "trace": ("trace", "finest", "verbose"),
    "debug": ("debug", "dbg", "fine"),
    "info": ("info", "information", "informational", "notice"),
    "warn": ("warn", "warning"),
    "error": ("error", "err", "severe"),
    "fatal": ("fatal", "critical", "crit", "panic", "alert", "emergency", "emerg"),
}
"""Words that are stored for a level, from the least severe on."""


def search_body(question: LogQuestion, after: Sequence[object] | None) -> Json:
    """The body of a search. `after` are the sort values of the last record of the page before.

    >>> body = search_body(LogQuestion(1000, 2000, Words("timeout"), 10), None)
    >>> body["query"]["bool"]["filter"][0]
    {'range': {'@timestamp': {'gte': 1000, 'lt': 2000, 'format': 'epoch_millis'}}}
    >>> body["query"]["bool"]["filter"][1]
    {'multi_match': {'query': 'timeout', 'fields': ['message', 'log'], 'type': 'phrase', 'lenient': True}}
    """
    way = "desc" if question.order == "newest" else "asc"
    during = {"gte": question.from_ms, "lt": question.to_ms, "format": "epoch_millis"}
    body: Json = {
        "size": question.limit,
        "query": {"bool": {"filter": [{"range": {"@timestamp": during}}, query_of(question.where)]}},
        "sort": [
            {"@timestamp": {"order": way, "format": "strict_date_optional_time_nanos", "numeric_type": "date_nanos"}},
            {"_doc": {"order": way}},
        ],
        "track_total_hits": False,
    }
    if after is not None:
        body["search_after"] = list(after)
    return body


def query_of(node: Node) -> Json:
    """One node of the tree.

    >>> query_of(All(()))
    {'match_all': {}}
    >>> query_of(Not(Field("service", "=", Words("shop"))))
    {'bool': {'must_not': [{'bool': {'should': [{'term': {'service.name': 'shop'}},
     {'term': {'service.name.keyword': 'shop'}}], 'minimum_should_match': 1}}]}}
    """
    match node:
        case Words():
            return _line(node)
        case Pattern():
            return _any([_regexp(name, node) for field in LINE for name in (field, f"{field}.keyword")])
        case Field():
            return _field(node)
        case Not(item):
            return {"bool": {"must_not": [query_of(item)]}}
        case All(items):
            return {"bool": {"filter": [query_of(item) for item in items]}} if items else {"match_all": {}}
        case AnyOf(items):
            return _any([query_of(item) for item in items])


def _line(words: Words) -> Json:
    if words.is_open_left:
        text = f"*{_escaped(words.text)}{'*' if words.is_open_right else ''}"
        return _any([{"wildcard": {name: {"value": text, "case_insensitive": True}}} for name in LINE])
    if not words.text:
        return {"match_all": {}}
    kind = "phrase_prefix" if words.is_open_right else "phrase"
    return {"multi_match": {"query": words.text, "fields": list(LINE), "type": kind, "lenient": True}}


def _field(node: Field) -> Json:
    if node.name == "level" and isinstance(node.value, Words):
        return _level(node.operator, node.value.text)
    if node.name == "pattern":
        raise InputError("other stores than the own one know no patterns", field="query")
    names = PLACES.get(node.name, (node.name, f"labels.{node.name}"))
    if node.operator == "!=":
        return {"bool": {"must_not": [_field(Field(node.name, "=", node.value))]}}
    if isinstance(node.value, Pattern):
        return _any([_regexp(one, node.value) for name in names for one in (name, f"{name}.keyword")])
    if node.operator == "=":
        return _any([made for name in names for made in _equals(name, node.value)])
    word = {"<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}[node.operator]
    return _any([{"range": {name: {word: node.value.text}}} for name in names])


def _equals(name: str, words: Words) -> list[Json]:
    """A field is indexed as keyword, or as text with a keyword beside it: who has no mapping knows neither."""
    if words.is_open_left or words.is_open_right:
        text = f"{'*' if words.is_open_left else ''}{_escaped(words.text)}{'*' if words.is_open_right else ''}"
        if text.strip("*") == "":
            return [{"exists": {"field": name}}]
        return [{"wildcard": {one: {"value": text}}} for one in (name, f"{name}.keyword")]
    return [{"term": {one: words.text}} for one in (name, f"{name}.keyword")]


def _level(operator: str, level: str) -> Json:
    order = list(LEVELS)
    if level not in order:
        return {"bool": {"must_not": [_any([{"exists": {"field": name}} for name in LEVEL])]}}
    at = order.index(level)
    chosen = {
        "=": order[at : at + 1],
        "!=": order[:at] + order[at + 1 :],
        "<": order[:at],
        "<=": order[: at + 1],
        ">": order[at + 1 :],
        ">=": order[at:],
    }[operator]
    words = [form for name in chosen for word in LEVELS[name] for form in (word, word.upper(), word.capitalize())]
    return _any([{"terms": {one: words}} for name in LEVEL for one in (name, f"{name}.keyword")])


def _regexp(name: str, pattern: Pattern) -> Json:
    """Lucene's expressions stand for the whole value."""
    return {"regexp": {name: {"value": f".*({pattern.text}).*", "case_insensitive": pattern.ignores_case}}}


def _any(queries: Sequence[Json]) -> Json:
    return {"bool": {"should": list(queries), "minimum_should_match": 1}}


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")
