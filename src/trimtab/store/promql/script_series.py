"""One series with its values as test scripts write them: `up{job="shop"} 1+2x3 _ stale {{count:1}}x2`.

`a+bxN` is `a` and `N` more, each `b` greater than the one before; `axN` is `N + 1` times `a`; `_` is no sample, `_xN`
are `N` of them; `stale` ends the series. Histograms add up in the same way.
"""

from __future__ import annotations

import re
import struct
from ast import literal_eval
from dataclasses import dataclass

from trimtab.model.errors import InputError
from trimtab.store.metrics.block import STALE_BITS, Labels
from trimtab.store.promql.histogram import FloatHistogram
from trimtab.store.promql.histogram_notation import has_hint, histogram_of
from trimtab.store.promql.histogram_sum import MixedSchemas, added, subtracted

VALUES_MAX = 1_000_000
"""Of one series: what `x` may repeat."""

STALE: float = struct.unpack("<d", struct.pack("<Q", STALE_BITS))[0]

_NUMBER = r"(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|[iI][nN][fF]|[nN][aA][nN])"
_FLOATS = re.compile(rf"([+-]?{_NUMBER})([+-]{_NUMBER})?(?:x(\d+))?(?=\s|$)")
_BLANKS = re.compile(r"_(?:x(\d+))?(?=\s|$)")
_HISTOGRAM = r"\{\{[^{}]*\}\}"
_HISTOGRAMS = re.compile(rf"({_HISTOGRAM})(?:([+-])({_HISTOGRAM}))?(?:x(\d+))?(?=\s|$)")
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`')


@dataclass(frozen=True, slots=True)
class SeriesValue:
    """A value of a series: a number (also `STALE`), or a histogram."""

    number: float = 0.0
    histogram: FloatHistogram | None = None
    names_hint: bool = False
    """Whether the text says what the histogram's hint is."""


def series_of(text: str) -> tuple[Labels, list[SeriesValue | None]]:
    """Labels and values of a line; `None` is no sample.

    >>> labels, values = series_of('up{job="shop"} 1+2x2 _ stale')
    >>> labels, [value and value.number for value in values]
    ((('__name__', 'up'), ('job', 'shop')), [1.0, 3.0, 5.0, None, nan])
    """
    labels, rest = labels_of(text.strip())
    return labels, values_of(rest)


def labels_of(text: str) -> tuple[Labels, str]:
    """The labels at the beginning of a line, and what follows them."""
    labels: dict[str, str] = {}
    name = _NAME.match(text)
    at = 0
    if name:
        labels["__name__"] = name[0]
        at = name.end()
    if text[at : at + 1] == "{" and text[at : at + 2] != "{{":
        at += 1
        while True:
            at = _skip(text, at)
            if text[at : at + 1] == "}":
                at += 1
                break
            key, at = _word(text, at)
            at = _skip(text, at)
            if text[at : at + 1] == "=":
                value, at = _quoted(text, _skip(text, at + 1))
                labels[key] = value
            else:
                labels["__name__"] = key
            at = _skip(text, at)
            if text[at : at + 1] == ",":
                at += 1
            elif text[at : at + 1] != "}":
                raise InputError(f"a comma or a closing brace is missing at column {at + 1} of {text!r}", text=text)
    elif not name:
        raise InputError(f"not a series: {text!r}", text=text)
    return tuple(sorted((key, value) for key, value in labels.items() if value)), text[at:]


def values_of(text: str) -> list[SeriesValue | None]:
    """The values of a line, from after the labels on."""
    values: list[SeriesValue | None] = []
    at = _skip(text, 0)
    while at < len(text):
        if match := _BLANKS.match(text, at):
            values += [None] * _count(match[1] or "1", text)
        elif text.startswith("stale", at) and (at + 5 == len(text) or text[at + 5].isspace()):
            values.append(SeriesValue(STALE))
            at += 5
        elif match := _FLOATS.match(text, at):
            number, step, count = float(match[1]), float(match[2] or 0), _count(match[3] or "0", text)
            for _ in range(count + 1):
                values.append(SeriesValue(number))
                number += step
        elif match := _HISTOGRAMS.match(text, at):
            values += _histograms(match[1], match[2], match[3], _count(match[4] or "0", text))
        else:
            raise InputError(f"not a value: {text[at:]!r}", text=text)
        if len(values) > VALUES_MAX:
            raise InputError(f"more than {VALUES_MAX} values in one series", limit=VALUES_MAX, observed=len(values))
        at = _skip(text, match.end() if match else at)
    return values


def unquoted(text: str) -> str:
    """What a quoted text says; backslashes mean what they mean in Go (and, for what is used, in Python).

    >>> unquoted('"a\\\\tb"'), unquoted('`a\\\\tb`')
    ('a\\tb', 'a\\\\tb')
    """
    if not _STRING.fullmatch(text):
        raise InputError(f"not a quoted text: {text}", text=text)
    if text[0] == "`":
        return text[1:-1]
    try:
        value = literal_eval(text)
    except (SyntaxError, ValueError) as broken:
        raise InputError(f"not a quoted text: {text}", text=text) from broken
    return str(value)


def _histograms(first: str, sign: str | None, step: str | None, count: int) -> list[SeriesValue | None]:
    histogram, names_hint = histogram_of(first), has_hint(step or first)
    values: list[SeriesValue | None] = [SeriesValue(histogram=histogram, names_hint=names_hint)]
    if step is None:
        return values * (count + 1)
    other, combined = histogram_of(step), added if sign == "+" else subtracted
    for _ in range(count):
        try:
            histogram, _met = combined(histogram, other)
        except MixedSchemas as mixed:
            raise InputError(f"{first} and {step} have different kinds of buckets", text=first) from mixed
        values.append(SeriesValue(histogram=histogram, names_hint=names_hint))
    return values


def _count(digits: str, text: str) -> int:
    count = int(digits)
    if count > VALUES_MAX:
        raise InputError(f"x{digits} in {text.strip()!r}: at most {VALUES_MAX}", limit=VALUES_MAX, observed=count)
    return count


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _word(text: str, at: int) -> tuple[str, int]:
    match = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*").match(text, at)
    return (match[0], match.end()) if match else _quoted(text, at)


def _quoted(text: str, at: int) -> tuple[str, int]:
    match = _STRING.match(text, at)
    if not match:
        raise InputError(f"a quoted text is missing at column {at + 1} of {text!r}", text=text)
    return unquoted(match[0]), match.end()
