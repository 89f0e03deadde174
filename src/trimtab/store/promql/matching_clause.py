"""What stands between an operator and its right side: `bool`, `on`/`ignoring`, `group_left`/`group_right`, `fill`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trimtab.store.promql.syntax import Matching

if TYPE_CHECKING:
    from trimtab.store.promql.parse import Parser


def parse_labels(parser: Parser) -> list[str]:
    """Names of labels in parentheses; keywords are names here."""
    parser.expect("(", "grouping opts", '"("')
    labels: list[str] = []
    while not parser.is_at(")"):
        word = parser.word
        if word.kind not in ("identifier", "metric identifier", "keyword", "string"):
            raise parser.unexpected("grouping opts", "label")
        parser.take()
        name = word.text if word.kind != "keyword" else word.written
        if not name or any(0xDC80 <= ord(char) <= 0xDCFF for char in name):
            raise parser.error(word.start, f'invalid label name for grouping: "{name}"')
        labels.append(name)
        if parser.is_at(","):
            parser.take()
        elif not parser.is_at(")"):
            raise parser.unexpected("grouping opts", '"," or ")"')
    parser.take()
    return labels


def parse_matching(parser: Parser) -> tuple[bool, Matching]:
    """Whether the result is 0 or 1, and how the sides find each other."""
    is_bool = parser.is_at("bool")
    if is_bool:
        parser.take()
    matching = Matching()
    if parser.is_at("on", "ignoring"):
        matching.is_on = parser.take().text == "on"
        matching.labels = parse_labels(parser)
        if parser.is_at("group_left", "group_right"):
            matching.card = "many-to-one" if parser.take().text == "group_left" else "one-to-many"
            if parser.is_at("("):
                matching.include = parse_labels(parser)
    while parser.is_at("fill", "fill_left", "fill_right") and parser.words[parser.index + 1].text == "(":
        _parse_fill(parser, matching)
    return is_bool, matching


def _parse_fill(parser: Parser, matching: Matching) -> None:
    word = parser.take()
    parser.expect("(", word.text, '"("')
    sign = -1.0 if parser.is_at("-") else 1.0
    if parser.is_at("+", "-"):
        parser.take()
    if parser.word.kind not in ("number", "duration"):
        raise parser.unexpected(word.text, "number")
    value = sign * parser.number().value
    parser.expect(")", word.text, '")"')
    sides = {"fill": ("fill_left", "fill_right")}.get(word.text, (word.text,))
    for side in sides:
        if getattr(matching, side) is not None:
            raise parser.error(word.start, f"{word.text} may not be set multiple times")
        setattr(matching, side, value)
