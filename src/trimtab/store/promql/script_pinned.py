"""A query whose selectors are all pinned to one time with `@`, and the times at which it must give the same."""

from __future__ import annotations

from collections.abc import Sequence

from trimtab.store.promql.parse import parse
from trimtab.store.promql.syntax import Call, Matrix, Node, Timed

_DEPEND_ON_THE_TIME = {
    *("days_in_month", "day_of_month", "day_of_week", "day_of_year", "end", "hour", "minute", "month", "year"),
    *("predict_linear", "range", "start", "step", "time", "timestamp"),
}


def pinned(query: str, at_ms: int) -> str | None:
    """The query with `@` at each selector that has none; None where a function looks at the time itself.

    What stands in a subquery is left alone: the subquery is pinned.

    >>> pinned("rate(a[5m]) + sum_over_time((b offset 1m)[1h:5m]) + c @ 5", 60_000)
    'rate(a[5m] @ 60.000) + sum_over_time((b offset 1m)[1h:5m] @ 60.000) + c @ 5'
    """
    places: list[int] = []
    waiting: list[Node] = [parse(query)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Call) and node.name in _DEPEND_ON_THE_TIME:
            return None
        timed = node.selector if isinstance(node, Matrix) else node
        if isinstance(timed, Timed):
            if not timed.is_pinned:
                places.append(node.end)
            continue
        waiting.extend(node.children())
    text = query
    for place in sorted(places, reverse=True):
        text = f"{text[:place]} @ {at_ms / 1000:.3f}{text[place:]}"
    return text


def times_of(at_ms: int) -> Sequence[int]:
    """When to ask a pinned query again."""
    return (-10 * at_ms, 0, at_ms // 5, at_ms, 10 * at_ms) if at_ms else (-1_000, 0, 1_000)
