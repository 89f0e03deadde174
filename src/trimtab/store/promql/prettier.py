"""A query as text again: on one line, or over several where it is long, as Prometheus formats it."""

from __future__ import annotations

import re

from trimtab.store.metrics.block import METRIC_NAME, Matcher
from trimtab.store.promql.lexer import quoted
from trimtab.store.promql.numbers import plain, written
from trimtab.store.promql.syntax import (
    Aggregate,
    Binary,
    Call,
    Matching,
    Matrix,
    Node,
    Number,
    Paren,
    Selector,
    String,
    Subquery,
    Timed,
    Unary,
)

LINE_CHARS_MAX = 100
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLAIN_METRIC = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
_SIGNED = re.compile(r"[+-]\s*[0-9a-zA-Z.]+")
_UNITS = (("y", 31_536_000_000), ("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000))


def pretty(node: Node, level: int = 0) -> str:
    """The text of a tree, with line breaks and indentation where a part has more than 100 characters.

    >>> from trimtab.store.promql.parse import parse
    >>> print(pretty(parse('sum(rate(foo{b="2",a="1"}[90s]offset 5m))by(job)/2>bool 1')))
    sum by (job) (rate(foo{a="1",b="2"}[1m30s] offset 5m)) / 2 > bool 1
    """
    indent = "  " * level
    text = text_of(node)
    if isinstance(node, Unary):
        return indent + node.operator + pretty(node.expression, level).strip()
    if len(text) <= LINE_CHARS_MAX or isinstance(node, Selector | Matrix | Number | String):
        return indent + text
    match node:
        case Aggregate():
            inner = ",\n".join(pretty(child, level + 1) for child in node.children())
            return f"{indent}{_head(node)}(\n{inner}\n{indent})"
        case Call():
            inner = ",\n".join(pretty(child, level + 1) for child in node.arguments)
            return f"{indent}{node.name}(\n{inner}\n{indent})"
        case Paren():
            return f"{indent}(\n{pretty(node.expression, level + 1)}\n{indent})"
        case Binary():
            left, right = pretty(node.left, level + 1), pretty(node.right, level + 1)
            return f"{left}\n{indent}{_operator(node)}\n{right}"
        case Subquery():
            return pretty(node.expression, level) + _brackets(node)
        case _:
            return indent + text


def text_of(node: Node) -> str:
    """The text of a tree on one line."""
    match node:
        case Number():
            if node.is_duration:
                sign = "-" if node.value < 0 else ""
                return sign + duration_text(round(abs(node.value) * 1000))
            return plain(node.value)
        case String():
            return quoted(node.value)
        case Paren():
            return f"({text_of(node.expression)})"
        case Unary():
            return node.operator + text_of(node.expression)
        case Selector():
            return _selector(node) + _at(node) + _extension(node) + _offset(node)
        case Matrix():
            range_text = node.range_text or duration_text(node.range_ms)
            selector = node.selector
            return f"{_selector(selector)}[{range_text}]{_extension(selector)}{_at(selector)}{_offset(selector)}"
        case Subquery():
            return text_of(node.expression) + _brackets(node)
        case Call():
            return f"{node.name}({', '.join(map(text_of, node.arguments))})"
        case Aggregate():
            return f"{_head(node)}({', '.join(map(text_of, node.children()))})"
        case Binary():
            return f"{text_of(node.left)} {_operator(node)} {text_of(node.right)}"
        case _:
            raise TypeError(f"{type(node).__name__} has no text")


def duration_text(duration_ms: int) -> str:
    """The shortest way to write a duration.

    >>> duration_text(5_400_000), duration_text(1_001), duration_text(0), duration_text(604_800_000)
    ('1h30m', '1s1ms', '0s', '1w')
    """
    if duration_ms == 0:
        return "0s"
    out = ""
    for unit, size_ms in _UNITS:
        is_whole_only = unit in ("y", "w", "d")
        count = duration_ms // size_ms
        if count and not (is_whole_only and duration_ms % size_ms):
            out += f"{count}{unit}"
            duration_ms -= count * size_ms
    return out + (f"{duration_ms}ms" if duration_ms else "")


def _selector(node: Selector) -> str:
    name = node.name if _PLAIN_METRIC.fullmatch(node.name) else ""
    groups = []
    for matchers in node.alternatives:
        texts = [_matcher(one) for one in matchers if not (name and one == Matcher(METRIC_NAME, "=", name))]
        groups.append(",".join(sorted(texts)))
    inner = " or ".join(groups)
    return name + (f"{{{inner}}}" if inner or not name else "")


def _matcher(matcher: Matcher) -> str:
    name = matcher.name if _PLAIN_NAME.fullmatch(matcher.name) else quoted(matcher.name)
    return f"{name}{matcher.op}{quoted(matcher.value)}"


def _at(node: Timed) -> str:
    if node.at_ms is not None:
        return f" @ {node.at_ms / 1000:.3f}"
    return f" @ {node.at_bound}()" if node.at_bound else ""


def _offset(node: Timed) -> str:
    if node.offset_text and not is_signed(node.offset_text):
        return f" offset {node.offset_text}"
    if not node.offset_ms:
        return ""
    return f" offset {'-' if node.offset_ms < 0 else ''}{duration_text(abs(node.offset_ms))}"


def is_signed(text: str) -> bool:
    """Whether it is a duration with nothing but a sign.

    >>> is_signed("- 5m"), is_signed("-(5m)")
    (True, False)
    """
    return _SIGNED.fullmatch(text) is not None


def _extension(node: Selector) -> str:
    return f" {node.extension}" if node.extension else ""


def _brackets(node: Subquery) -> str:
    step = node.step_text or ("" if node.step_ms is None else duration_text(node.step_ms))
    return f"[{node.range_text or duration_text(node.range_ms)}:{step}]{_at(node)}{_offset(node)}"


def _names(names: list[str]) -> str:
    return ", ".join(name if _PLAIN_NAME.fullmatch(name) else quoted(name) for name in names)


def _head(node: Aggregate) -> str:
    if node.is_without:
        return f"{node.operator} without ({_names(node.grouping)}) "
    return f"{node.operator} by ({_names(node.grouping)}) " if node.grouping else node.operator


def _operator(node: Binary) -> str:
    return node.operator + (" bool" if node.is_bool else "") + (_matching(node.matching) if node.matching else "")


def _matching(matching: Matching) -> str:
    out = ""
    is_grouped = matching.card in ("many-to-one", "one-to-many")
    if matching.labels or matching.is_on or is_grouped:
        out += f" {'on' if matching.is_on else 'ignoring'} ({_names(matching.labels)})"
    if is_grouped:
        out += f" group_{'left' if matching.card == 'many-to-one' else 'right'} ({_names(matching.include)})"
    left, right = matching.fill_left, matching.fill_right
    if left is not None and left == right:
        return f"{out} fill ({written(left)})"
    if left is not None:
        out += f" fill_left ({written(left)})"
    return out if right is None else f"{out} fill_right ({written(right)})"
