"""A series as an exposition writes it, read with care: only what was never seen before comes here."""

from __future__ import annotations

import re

from trimtab.model.errors import InputError
from trimtab.store.metrics.block import METRIC_NAME

_NAME = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", '"': '"', "\\": "\\"}


def series_of(text: str) -> dict[str, str]:
    """Labels with `__name__`. InputError says what is wrong.

    >>> series_of('up{job="a b",}')
    {'__name__': 'up', 'job': 'a b'}
    >>> series_of('{"a.b","c.d"="1"}')
    {'__name__': 'a.b', 'c.d': '1'}
    """
    labels: dict[str, str] = {}
    name = _NAME.match(text)
    at = 0
    if name is not None:
        labels[METRIC_NAME] = name[0]
        at = name.end()
    at = _blank(text, at)
    if at < len(text):
        if text[at] != "{" or not text.endswith("}"):
            raise InputError(f"{text[:200]!r} is no series", reason="series_invalid")
        at = _labels(text, at + 1, labels)
        if at != len(text):
            raise InputError(f"{text[:200]!r} has something behind its labels", reason="series_invalid")
    if METRIC_NAME not in labels:
        raise InputError(f"{text[:200]!r} has no metric name", reason="metric_name_missing")
    return labels


def labels_of_text(text: str) -> dict[str, str]:
    """What stands in braces, braces included: an exemplar's labels.

    >>> labels_of_text('{trace_id="1"}')
    {'trace_id': '1'}
    """
    labels: dict[str, str] = {}
    if not text.startswith("{") or _labels(text, 1, labels) != len(text):
        raise InputError(f"{text[:200]!r} are no labels", reason="exemplar_invalid")
    return labels


def _labels(text: str, at: int, labels: dict[str, str]) -> int:
    """Read labels up to the closing brace; where it ends."""
    while True:
        at = _blank(text, at)
        if text.startswith("}", at):
            return at + 1
        quoted = _QUOTED.match(text, at)
        plain = None if quoted is not None else _LABEL.match(text, at)
        found = quoted or plain
        if found is None:
            raise InputError(f"{text[:200]!r}: a label's name is missing at character {at}", reason="series_invalid")
        name = found[0] if quoted is None else unescaped(quoted[1])
        at = _blank(text, found.end())
        if text.startswith("=", at):
            value = _QUOTED.match(text, _blank(text, at + 1))
            if value is None:
                raise InputError(f"{text[:200]!r}: the value of {name!r} is not quoted", reason="series_invalid")
            if name in labels:
                raise InputError(f"{text[:200]!r} has the label {name!r} twice", reason="label_duplicate")
            labels[name] = unescaped(value[1])
            at = value.end()
        elif quoted is not None and METRIC_NAME not in labels:
            labels[METRIC_NAME] = name
        else:
            raise InputError(f"{text[:200]!r}: {name!r} has no value", reason="series_invalid")
        at = _blank(text, at)
        if text.startswith(",", at):
            at += 1
        elif not text.startswith("}", at):
            raise InputError(f"{text[:200]!r}: no comma at character {at}", reason="series_invalid")


def unescaped(text: str) -> str:
    r"""`\n`, `\"` and `\\` as what they stand for; any other escape stays as it is.

    >>> unescaped(r'a\"b\\c\d')
    'a"b\\c\\d'
    """
    return _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[0]), text) if "\\" in text else text


def _blank(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t":
        at += 1
    return at
