"""Queries to begin with, made from the metrics that there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

EXAMPLES_MAX = 5


@dataclass(frozen=True, slots=True)
class Example:
    """A query and what it shows."""

    query: str
    about: str


def examples(names: Sequence[str]) -> list[Example]:
    """At most EXAMPLES_MAX of them, one of each kind that fits.

    >>> [one.query for one in examples(["free_bytes", "requests_total", "up"])]
    ['up', 'sum(rate(requests_total[5m]))', 'topk(5, rate(requests_total[5m]))', 'free_bytes']
    """
    found = [Example("up", "which targets answered")] if "up" in names else []
    counter = _first(names, "_total")
    if counter:
        found.append(Example(f"sum(rate({counter}[5m]))", "how often a second, all together"))
        found.append(Example(f"topk(5, rate({counter}[5m]))", "the five that grow fastest"))
    bucket = _first(names, "_bucket")
    if bucket:
        query = f"histogram_quantile(0.95, sum by (le) (rate({bucket}[5m])))"
        found.append(Example(query, "19 of 20 were at least this fast"))
    endings = ("_total", "_bucket", "_sum", "_count", "_created", "_info")
    gauge = next((name for name in names if name != "up" and not name.endswith(endings) and _is_plain(name)), "")
    if gauge:
        found.append(Example(gauge, "as it is"))
    return found[:EXAMPLES_MAX]


def _first(names: Sequence[str], ending: str) -> str:
    return next((name for name in names if name.endswith(ending) and _is_plain(name)), "")


def _is_plain(name: str) -> bool:
    """Whether it may stand outside of braces."""
    return name.isascii() and name.replace(":", "_").isidentifier()
