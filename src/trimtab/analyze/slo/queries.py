"""What an indicator asks of the metrics: PromQL for the counts of one slice.

`$slice` becomes the length of a slice. On trimtab's own store, `rate`, `increase` and `delta` over a slice are made
`anchored`: they count from the last sample before the slice, so that slices add up to what the counter grew by, also
where it is scraped once a slice. Another server is asked in plain PromQL, for what came in five minutes, of which a
slice gets its share: what is scraped once a minute has no increase within one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from trimtab.analyze.slo.quantities import duration_text
from trimtab.model.errors import InputError
from trimtab.model.objectives import Comparison, DurationsSli, EventsSli, LatencySli, Sli
from trimtab.store.promql.parse import parse
from trimtab.store.promql.syntax import Aggregate, Binary, Call, Matrix, Node, Paren, Selector, unwrapped, walk

SLICE = "$slice"
PLAIN_MS = 300_000
"""Over what another server is asked for increases."""
RATE_WINDOW = "5m"
"""Over what a rate is taken whose query does not say it."""
_ANCHORED = frozenset(("rate", "increase", "delta"))
_WINDOW = re.compile(r"\{\{\s*\.window\s*\}\}")


@dataclass(frozen=True, slots=True)
class Asked:
    """The queries of one indicator. Events: `total` and one of `good` and `bad`; time slices: `value` alone.

    `needs_good`: where there is a total and no good, something is wrong with the question (no such bucket), and nothing
    is counted; else none of the events were good (or bad).
    """

    total: str = ""
    good: str = ""
    bad: str = ""
    scale: float = 1.0
    needs_good: bool = False
    value: str = ""
    comparison: Comparison = Comparison.BELOW
    threshold: float = 0.0
    is_ratio: bool = False

    @property
    def queries(self) -> tuple[str, ...]:
        """All that has to be evaluated."""
        return tuple(query for query in (self.total, self.good, self.bad, self.value) if query)


def asked_of(sli: Sli, slice_ms: int, *, is_anchored: bool = True) -> Asked:
    """The queries of an indicator for slices of this length; InputError for one that is not asked of metrics.

    >>> asked_of(EventsSli(total="requests_total", bad='requests_total{code="500"}'), 60_000).total
    'sum(increase(requests_total[1m] anchored))'
    """
    if isinstance(sli, DurationsSli):
        raise InputError("durations of spans and executions are not asked of metrics")
    over_ms = slice_ms if is_anchored else max(slice_ms, PLAIN_MS)
    made = _Maker(duration_text(over_ms), is_anchored=is_anchored)
    if isinstance(sli, EventsSli):
        good, bad, total = (made.events(query) if query else "" for query in (sli.good, sli.bad, sli.total))
        share = slice_ms / over_ms if SLICE in sli.total or is_selector(sli.total) else 1.0
        return Asked(
            total=total, good=good, bad=bad, scale=sli.scale if is_per_second(sli.total) else sli.scale * share
        )
    if isinstance(sli, LatencySli):
        return replace(made.latency(sli), scale=slice_ms / over_ms)
    return Asked(value=made.ready(sli.query), comparison=sli.comparison, threshold=sli.threshold, is_ratio=sli.is_ratio)


def checked_query(query: str) -> str:
    """The query with `{{.window}}` as `$slice`; ValueError says what is wrong with it, and where in it."""
    query = _WINDOW.sub(SLICE, query).strip()
    from trimtab.store.promql.errors import QueryError

    try:
        tree = parse(query.replace(SLICE, "1m"))
    except QueryError as error:
        raise ValueError(error.message) from None
    if tree.type not in ("vector", "scalar"):
        raise ValueError(f"it gives a {tree.type}; wanted is an instant vector")
    return query


def is_selector(query: str) -> bool:
    """Whether it is nothing but a selector of series."""
    return isinstance(unwrapped(parse(query.replace(SLICE, "1m"))), Selector)


def is_per_second(query: str) -> bool:
    """Whether a rate is in it: then its value is per second, and not a number of events."""
    return any(isinstance(node, Call) and node.name in ("rate", "irate", "deriv") for node in nodes(query))


def nodes(query: str) -> Iterator[Node]:
    """All parts of a query."""
    return walk(parse(query.replace(SLICE, "1m")))


def suffixed(selector: str, suffix: str, matcher: str = "") -> str:
    """A selector of `name` as one of `name` + suffix, with one more matcher; ValueError where it is no such thing.

    >>> suffixed('took_seconds{job="db"}', "_bucket", 'le="0.5"')
    'took_seconds_bucket{job="db",le="0.5"}'
    """
    node = unwrapped(parse(selector))
    if not isinstance(node, Selector) or not node.name or not selector.strip().startswith(node.name):
        raise ValueError(f"{selector!r} must be a selector that begins with a metric's name")
    rest = selector.strip()[len(node.name) :]
    name = node.name.removesuffix("_bucket") + suffix
    if not matcher:
        return name + rest
    if "{" not in rest:
        return f"{name}{{{matcher}}}{rest}"
    inside, _, behind = rest.lstrip()[1:].rpartition("}")
    inside = inside.rstrip().rstrip(",")
    return f"{name}{{{inside}{',' if inside else ''}{matcher}}}{behind}"


def bound_matcher(seconds: float) -> str:
    """A matcher for the bucket with this bound, in whichever form its `le` is written.

    >>> print(bound_matcher(1))
    le=~"1|1\\\\.0|1e\\\\+00"
    """
    text = f"{seconds:.12g}"
    forms = [text] if "." in text or "e" in text else [text, f"{text}.0"]
    mantissa, _, exponent = f"{seconds:.11e}".partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".")
    forms.append(f"{mantissa}e{exponent}")
    return 'le=~"' + "|".join(re.escape(form).replace("\\", "\\\\") for form in dict.fromkeys(forms)) + '"'


def quantile_query(selector: str, quantile: float, window: str = RATE_WINDOW) -> str:
    """A quantile of a histogram, classic or native, whichever there is."""
    buckets = suffixed(selector, "_bucket")
    return (
        f"histogram_quantile({quantile:g}, sum by (le) (rate({buckets}[{window}]))) or "
        f"histogram_quantile({quantile:g}, sum(rate({selector}[{window}])))"
    )


class _Maker:
    """Makes queries for slices of one length."""

    def __init__(self, slice_text: str, *, is_anchored: bool) -> None:
        self.slice = slice_text
        self.over = f"[{slice_text}] anchored" if is_anchored else f"[{slice_text}]"
        self.is_anchored = is_anchored

    def ready(self, query: str) -> str:
        """`$slice` filled in; anchored, where it may be."""
        filled = query.replace(SLICE, self.slice)
        if not self.is_anchored or SLICE not in query:
            return filled
        ends = []
        for node in walk(parse(filled)):
            over = unwrapped(node.arguments[0]) if isinstance(node, Call) and node.name in _ANCHORED else None
            if isinstance(over, Matrix) and not (over.range_text or over.selector.extension or _is_moved(over)):
                ends.append(filled.index("]", over.selector.end) + 1)
        for end in sorted(set(ends), reverse=True):
            filled = f"{filled[:end]} anchored{filled[end:]}"
        return filled

    def events(self, query: str) -> str:
        """A number of events in a slice: of a selector, what its counters grew by."""
        if is_selector(query):
            return f"sum(increase({query}{self.over}))"
        return self.ready(query)

    def latency(self, sli: LatencySli) -> Asked:
        """Events up to the threshold, and all."""
        low = suffixed(sli.histogram, "_bucket", bound_matcher(sli.threshold_s))
        classic_good = f"sum(increase({low}{self.over}))"
        classic_total = f"sum(increase({suffixed(sli.histogram, '_count')}{self.over}))"
        native = f"sum(increase({sli.histogram}{self.over}))"
        native_total = f"histogram_count({native})"
        native_good = f"histogram_fraction(0, {sli.threshold_s:.12g}, {native}) * {native_total}"
        if sli.is_native is None:
            return Asked(
                good=f"{classic_good} or {native_good}", total=f"{classic_total} or {native_total}", needs_good=True
            )
        good, total = (native_good, native_total) if sli.is_native else (classic_good, classic_total)
        return Asked(good=good, total=total, needs_good=True)


def _is_moved(over: Matrix) -> bool:
    return over.selector.is_pinned or bool(over.selector.offset_ms or over.selector.offset_text)


def ratio_of_samples(query: str) -> str | None:
    """The selector S of `sum(S) / count(S)`, or of `avg(S)`: a share of samples that are 1; None for another query.

    >>> ratio_of_samples('sum(up{job="db"}) / count(up{job="db"})')
    'up{job="db"}'
    """
    tree = unwrapped(parse(query))
    if isinstance(tree, Aggregate) and tree.operator == "avg":
        inner = unwrapped(tree.expression)
        return query[inner.start : inner.end] if isinstance(inner, Selector) else None
    if not isinstance(tree, Binary) or tree.operator != "/":
        return None
    left, right = unwrapped(tree.left), unwrapped(tree.right)
    if not (isinstance(left, Aggregate) and isinstance(right, Aggregate)):
        return None
    if (left.operator, right.operator) != ("sum", "count"):
        return None
    over, under = _text(query, left.expression), _text(query, right.expression)
    return over if over == under and is_selector(over) else None


def _text(query: str, node: Node) -> str:
    inner = node.expression if isinstance(node, Paren) else node
    return (
        "".join(query[inner.start : inner.end].split()) if isinstance(inner, Selector) else query[node.start : node.end]
    )
