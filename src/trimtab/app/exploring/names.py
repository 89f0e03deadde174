"""Series by their labels, as Prometheus writes them: `up{instance="10.0.0.1:9100",job="api"}`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from trimtab.store.metrics.block import METRIC_NAME, Labels
from trimtab.store.promql.lexer import quoted

_METRIC = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*", re.ASCII)
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def series_text(labels: Labels) -> str:
    """One series.

    >>> print(series_text((("__name__", "up"), ("job", 'a"b'))), series_text((("__name__", "http.time"),)))
    up{job="a\\"b"} {"http.time"}
    """
    name, pairs = parts_of(labels)
    inside = ",".join(f"{label}={value}" for label, value in pairs)
    if name and _METRIC.fullmatch(name):
        return f"{name}{{{inside}}}" if inside else name
    return "{" + ",".join(filter(None, (quoted(name) if name else "", inside))) + "}"


def parts_of(labels: Labels) -> tuple[str, list[tuple[str, str]]]:
    """The metric's name ('' where there is none), and its labels with quoted values.

    >>> parts_of((("__name__", "up"), ("http.status", "200")))
    ('up', [('"http.status"', '"200"')])
    """
    name = next((value for label, value in labels if label == METRIC_NAME), "")
    return name, [
        (label if _LABEL.fullmatch(label) else quoted(label), quoted(value))
        for label, value in labels
        if label != METRIC_NAME
    ]


def common_of(series: Sequence[Labels]) -> Labels:
    """Labels that all series have with the same value; none where there are fewer than two series.

    >>> common_of([(("a", "1"), ("b", "2")), (("a", "1"), ("b", "3"))]), common_of([(("a", "1"),)])
    ((('a', '1'),), ())
    """
    if len(series) < 2:
        return ()
    shared = set(series[0]).intersection(*series[1:])
    return tuple(pair for pair in series[0] if pair in shared)


def shared_words(shared: Labels) -> str:
    """What all lines have in common, as a sentence.

    >>> print(shared_words((("device", "vda"), ("job", "node"))))
    All lines have device="vda", job="node".
    >>> print(shared_words((("__name__", "queue"), ("job", "node"))))
    All lines are queue with job="node".
    >>> print(shared_words((("__name__", "http.time"),)))
    All lines are "http.time".
    """
    name, pairs = parts_of(shared)
    told = ", ".join(f"{label}={value}" for label, value in pairs)
    if not name:
        return f"All lines have {told}."
    name = name if _METRIC.fullmatch(name) else quoted(name)
    return f"All lines are {name} with {told}." if told else f"All lines are {name}."


def short_names(series: Sequence[Labels]) -> list[str]:
    """Each series without what all have in common: what tells it from the others.

    >>> short_names([(("__name__", "up"), ("job", "a")), (("__name__", "up"), ("job", "b"))])
    ['{job="a"}', '{job="b"}']
    """
    shared = set(common_of(series))
    return [series_text(tuple(pair for pair in labels if pair not in shared)) for labels in series]
