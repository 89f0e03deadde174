"""What a short form, or the seed's `SLI(query, target, window)`, means as an indicator and a target.

Each kind knows its direction. A threshold on a value makes time slices, of which 99 % have to be good where nothing
else is said; a share of events is the target itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.analyze.slo.quantities import ShortForm
from trimtab.analyze.slo.queries import (
    RATE_WINDOW,
    checked_query,
    is_selector,
    quantile_query,
    ratio_of_samples,
)
from trimtab.model.objectives import (
    TIME_SLICE_TARGET,
    Comparison,
    EventsSli,
    Sli,
    SliKind,
    TimeSliceSli,
)
from trimtab.store.promql.parse import parse
from trimtab.store.promql.syntax import Binary, Call, Node, Number, Selector, unwrapped, walk


@dataclass(frozen=True, slots=True)
class Meant:
    """An indicator and its target, and how it was read where that is not plain."""

    sli: Sli
    target: float
    notices: tuple[str, ...] = ()


def samples_sli(selector: str) -> EventsSli:
    """Availability: of all samples (of `up`), those that are 1, as sums of samples in a slice."""
    return EventsSli(
        total=f"sum(count_over_time({selector}[$slice]))",
        good=f"sum(sum_over_time({selector}[$slice]))",
        kind=SliKind.AVAILABILITY,
    )


def freshness_query(timestamp: str) -> str:
    """How old the newest of these timestamps (Unix seconds) is; of any other query, that query."""
    return f"time() - max({timestamp})" if is_selector(timestamp) else timestamp


def throughput_query(counter: str) -> str:
    """How much comes a second, of all series; of any other query, that query."""
    return f"sum(rate({counter}[{RATE_WINDOW}]))" if is_selector(counter) else counter


def quantile_meant(selector: str, form: ShortForm) -> TimeSliceSli:
    """`p95 < 500ms` of a histogram: slices in which the quantile is below."""
    if form.quantile is None:
        raise ValueError("of a histogram a quantile is compared, such as 'p95 < 500ms'")
    query = quantile_query(selector, form.quantile)
    return TimeSliceSli(query, form.comparison, form.threshold, "s", SliKind.LATENCY)


def events_target(form: ShortForm) -> float:
    """The share of good events that `> 99.9%` (of good ones) or `< 0.1%` (of bad ones) asks for."""
    if form.unit != "ratio":
        raise ValueError("of events a share is wanted, such as '> 99.9%' (good ones) or '< 0.1%' (bad ones)")
    return float(f"{1 - form.threshold:.12g}") if form.is_good_below else form.threshold


def threshold_meant(query: str, form: ShortForm, kind: SliKind) -> TimeSliceSli:
    """Slices in which the value of a query compares as the short form says."""
    unit = form.unit if form.out_of is None else f"of {form.out_of:g}"
    return TimeSliceSli(query, form.comparison, form.threshold, unit, kind)


def seed_meant(name: str, query: str, target: float) -> Meant:
    """What `SLI(query=…, target=…)` means, by the form of its query; ValueError where nobody can tell.

    >>> meant = seed_meant("freshness", "time() - max(last_update_timestamp)", 300)
    >>> meant.sli.comparison.value, meant.sli.threshold, meant.target
    ('<', 300, 0.99)
    >>> seed_meant("up", 'sum(up{job="d"}) / count(up{job="d"})', 0.999).sli.good
    'sum(sum_over_time(up{job="d"}[$slice]))'
    """
    query = checked_query(query)
    tree = unwrapped(parse(query.replace("$slice", "1m")))
    samples = ratio_of_samples(query)
    if samples is not None:
        if not 0 < target < 1:
            raise ValueError(f"the target of {name} is a share of samples: it lies between 0 and 1, found {target:g}")
        return Meant(samples_sli(samples), target, (f"counted are samples of {samples}: those that are 1, of all",))
    slices = f"a slice of a minute is good where the value is as wanted; {TIME_SLICE_TARGET:.0%} of them have to be"
    if isinstance(tree, Call) and tree.name == "histogram_quantile":
        bare, quantile = unwrapped(tree.arguments[1]), unwrapped(tree.arguments[0])
        read: tuple[str, ...] = ()
        if isinstance(bare, Selector) and isinstance(quantile, Number):
            before = query
            query = quantile_query(query[bare.start : bare.end], quantile.value)
            read = (f"{before} was read as {query}: a histogram is asked for its rate",)
        sli = TimeSliceSli(query, Comparison.BELOW, target, "s", SliKind.LATENCY)
        return Meant(sli, TIME_SLICE_TARGET, (*read, slices))
    if _is_age(tree):
        sli = TimeSliceSli(query, Comparison.BELOW, target, "s", SliKind.FRESHNESS)
        return Meant(sli, TIME_SLICE_TARGET, (slices,))
    if any(isinstance(node, Call) and node.name in ("rate", "irate", "increase") for node in walk(tree)):
        sli = TimeSliceSli(query, Comparison.ABOVE, target, "/s", SliKind.THROUGHPUT)
        return Meant(sli, TIME_SLICE_TARGET, (slices,))
    raise ValueError(
        f"{name}: it cannot be seen from the query which way is better; say it as a short form, such as '> 95%'"
    )


def _is_age(tree: Node) -> bool:
    left = unwrapped(tree.left) if isinstance(tree, Binary) and tree.operator == "-" else None
    return isinstance(left, Call) and left.name == "time"
