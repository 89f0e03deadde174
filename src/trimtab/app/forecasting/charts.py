"""Which forecast belongs to which line of which chart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

_PREFIXED = re.compile(r"(?:promql/|(?:named|ranked)/[^/]*/)")
_WINDOW = re.compile(r"\[[^\[\]:]*\]")


def canonical(key: str) -> str:
    """What a chart's key asks for, whatever its lines are called and however long its windows are.

    >>> canonical("named/{device}/max by (device) (rate(x[5m]))"), canonical("promql/rate(x[1h])")
    ('max by (device) (rate(x[w]))', 'rate(x[w])')
    >>> canonical("system/shop/mean_ms")
    'system/shop/mean_ms'
    """
    found = _PREFIXED.match(key)
    return key if found is None else _WINDOW.sub("[w]", key[found.end() :]).strip()


@dataclass(frozen=True, slots=True)
class ChartLine:
    """A line of a chart that has a forecast. `about` are the labels of the line as the chart has them ('' where the
    key alone says which line it is)."""

    key: str
    about: str
    series: str


@dataclass(frozen=True, slots=True)
class ChartBook:
    """Forecasts by charts. Never changed, only replaced."""

    by_key: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    """By canonical key: labels of a line, and its series."""

    def lines(self, keys: Iterable[str]) -> list[ChartLine]:
        """The lines of some charts that have a forecast."""
        return [
            ChartLine(key, about, series)
            for key in dict.fromkeys(keys)
            for about, series in self.by_key.get(canonical(key), ())
        ]


def book_of(lines: Iterable[tuple[str, str, str]]) -> ChartBook:
    """Of canonical key, labels of the line, series."""
    found: dict[str, list[tuple[str, str]]] = {}
    for key, about, series in lines:
        found.setdefault(key, []).append((about, series))
    return ChartBook(found)
