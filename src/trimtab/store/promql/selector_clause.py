"""A selector (`name{label="value"}`), and what may stand behind it: `[5m]`, `[5m:1m]`, `offset 5m`, `@ 1609746000`."""

from __future__ import annotations

import math

from trimtab.store.metrics.block import METRIC_NAME, Matcher, MatchOp
from trimtab.store.promql import durations
from trimtab.store.promql.reader import Reader
from trimtab.store.promql.syntax import Extension, Matrix, Node, Selector, Subquery

_MATCH_OPS: dict[str, MatchOp] = {"=": "=", "!=": "!=", "=~": "=~", "!~": "!~"}


def parse_selector(reader: Reader, name: str) -> Selector:
    """A selector; a name before its braces has been read already."""
    start = reader.words[reader.index - 1].start if name else reader.word.start
    alternatives: list[list[Matcher]] = [[]]
    if reader.is_at("{"):
        reader.take()
        while not reader.is_at("}"):
            alternatives[-1].append(_matcher(reader))
            if reader.word.kind == "identifier" and reader.word.text.lower() == "or":
                reader.take()
                alternatives.append([])
            elif reader.is_at(","):
                reader.take()
            elif not reader.is_at("}"):
                raise reader.unexpected("label matching", '"," or "}"')
        reader.take()
    if name:
        for matchers in alternatives:
            matchers.append(Matcher(METRIC_NAME, "=", name))
    return Selector(start=start, end=reader.last_end, name=name, alternatives=alternatives)


def with_suffixes(reader: Reader, node: Node) -> Node:
    """What stands behind an expression says more of it, or makes another one of it."""
    while True:
        if reader.is_at("["):
            node = _brackets(reader, node)
        elif reader.is_at("offset"):
            _offset(reader, node)
        elif reader.is_at("@"):
            _at(reader, node)
        elif reader.is_at("anchored", "smoothed"):
            _extension(reader, node)
        else:
            return node


def _matcher(reader: Reader) -> Matcher:
    name = reader.word
    if name.kind not in ("identifier", "string"):
        raise reader.unexpected("label matching", 'identifier or "}"')
    reader.take()
    if not reader.is_at("=", "!=", "=~", "!~"):
        if name.kind == "string":
            return Matcher(METRIC_NAME, "=", name.text)
        raise reader.unexpected("label matching", "label matching operator")
    operator = reader.take().text
    if reader.word.kind != "string":
        raise reader.unexpected("label matching", "string")
    return Matcher(name.text, _MATCH_OPS[operator], reader.take().text)


def _brackets(reader: Reader, node: Node) -> Node:
    bracket = reader.take()
    index = reader.index
    range_ms = durations.range_ms(reader, "subquery or range selector")
    range_text, step_text = reader.written_since(index), ""
    if reader.is_at(":"):
        reader.take()
        step_ms = None
        if not reader.is_at("]"):
            index = reader.index
            step_ms = durations.range_ms(reader, "subquery selector", 'number, duration, step(), range(), or "]"')
            step_text = reader.written_since(index)
        end = reader.expect("]", "subquery selector", '"]"').end
        return Subquery(
            start=node.start,
            end=end,
            expression=node,
            range_ms=range_ms,
            step_ms=step_ms,
            range_text=range_text,
            step_text=step_text,
        )
    end = reader.expect("]", "subquery or range", '":" or "]"').end
    if not isinstance(node, Selector):
        raise reader.error(bracket.start, "ranges only allowed for vector selectors")
    if node.offset_ms:
        raise reader.error(bracket.start, "no offset modifiers allowed before range")
    if node.is_pinned:
        raise reader.error(bracket.start, "no @ modifiers allowed before range")
    return Matrix(start=node.start, end=end, selector=node, range_ms=range_ms, range_text=range_text)


def _timed(reader: Reader, node: Node, what: str) -> Selector | Subquery:
    timed = node.selector if isinstance(node, Matrix) else node
    if isinstance(timed, Selector | Subquery):
        return timed
    raise reader.error(
        node.start,
        f"{what} modifier must be preceded by an instant vector selector or range vector selector or a subquery",
    )


def _extension(reader: Reader, node: Node) -> None:
    extension: Extension = "anchored" if reader.take().text == "anchored" else "smoothed"
    selector = node.selector if isinstance(node, Matrix) else node
    if not isinstance(selector, Selector):
        what = "is not supported for subqueries" if isinstance(node, Subquery) else "not implemented"
        raise reader.error(node.start, f"{extension} modifier {what}")
    if selector.extension and selector.extension != extension:
        raise reader.error(node.start, "anchored and smoothed modifiers cannot be used together")
    selector.extension = extension
    node.end = reader.last_end


def _offset(reader: Reader, node: Node) -> None:
    reader.take()
    index = reader.index
    offset_ms = durations.offset_ms(reader)
    offset_text = reader.written_since(index)
    timed = _timed(reader, node, "offset")
    if timed.offset_ms:
        raise reader.error(node.start, "offset may not be set multiple times")
    timed.offset_ms, timed.offset_text = offset_ms, offset_text
    node.end = reader.last_end


def _at(reader: Reader, node: Node) -> None:
    reader.take()
    at_s = 0.0
    bound = None
    if reader.is_at("start", "end"):
        bound = reader.take().text
        reader.expect("(", "@", "timestamp")
        reader.expect(")", "@", "timestamp")
    else:
        sign = -1 if reader.is_at("-") else 1
        if reader.is_at("+", "-"):
            reader.take()
        if reader.word.kind not in ("number", "duration"):
            raise reader.unexpected("@", "timestamp")
        at_s = sign * reader.number().value
    timed = _timed(reader, node, "@")
    if timed.is_pinned:
        raise reader.error(node.start, "@ <timestamp> may not be set multiple times")
    if bound is not None:
        timed.at_bound = "start" if bound == "start" else "end"
    elif not math.isfinite(at_s) or abs(at_s) >= 2**63:
        raise reader.error(node.start, f"timestamp out of bounds for @ modifier: {at_s:f}")
    else:
        timed.at_ms = round(at_s * 1000)
    node.end = reader.last_end
