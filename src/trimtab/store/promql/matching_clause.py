"""What stands between an operator and its right side: `bool`, `on`/`ignoring`, `group_left`/`group_right`, `fill`."""

from __future__ import annotations

from trimtab.store.promql.reader import Reader
from trimtab.store.promql.syntax import Matching


def parse_labels(reader: Reader) -> list[str]:
    """Names of labels in parentheses; keywords are names here."""
    reader.expect("(", "grouping opts", '"("')
    labels: list[str] = []
    while not reader.is_at(")"):
        word = reader.word
        if word.kind not in ("identifier", "metric identifier", "keyword", "string"):
            raise reader.unexpected("grouping opts", "label")
        reader.take()
        name = word.text if word.kind != "keyword" else word.written
        if not name or any(0xDC80 <= ord(char) <= 0xDCFF for char in name):
            raise reader.error(word.start, f'invalid label name for grouping: "{name}"')
        labels.append(name)
        if reader.is_at(","):
            reader.take()
        elif not reader.is_at(")"):
            raise reader.unexpected("grouping opts", '"," or ")"')
    reader.take()
    return labels


def parse_matching(reader: Reader) -> tuple[bool, Matching]:
    """Whether the result is 0 or 1, and how the sides find each other."""
    is_bool = reader.is_at("bool")
    if is_bool:
        reader.take()
    matching = Matching()
    if reader.is_at("on", "ignoring"):
        matching.is_on = reader.take().text == "on"
        matching.labels = parse_labels(reader)
        if reader.is_at("group_left", "group_right"):
            matching.card = "many-to-one" if reader.take().text == "group_left" else "one-to-many"
            if reader.is_at("("):
                matching.include = parse_labels(reader)
    while reader.is_at("fill", "fill_left", "fill_right") and reader.words[reader.index + 1].text == "(":
        _parse_fill(reader, matching)
    return is_bool, matching


def _parse_fill(reader: Reader, matching: Matching) -> None:
    word = reader.take()
    reader.expect("(", word.text, '"("')
    sign = -1.0 if reader.is_at("-") else 1.0
    if reader.is_at("+", "-"):
        reader.take()
    if reader.word.kind not in ("number", "duration"):
        raise reader.unexpected(word.text, "number")
    value = sign * reader.number().value
    reader.expect(")", word.text, '")"')
    sides = {"fill": ("fill_left", "fill_right")}.get(word.text, (word.text,))
    for side in sides:
        if getattr(matching, side) is not None:
            raise reader.error(word.start, f"{word.text} may not be set multiple times")
        setattr(matching, side, value)
