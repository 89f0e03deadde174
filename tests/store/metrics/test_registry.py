"""Series are found by every kind of matcher, keep their slots and ids, and are refused beyond limits, by name."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.model.errors import InputError, SpoolFull
from trimtab.store.metrics.block import Labels, Matcher, MatchOp
from trimtab.store.metrics.limits import MetricLimits
from trimtab.store.metrics.registry import Definition, Registry
from trimtab.store.metrics.series_id import id_of


def labels(**values: str) -> Labels:
    named = {"__name__" if name == "metric" else name: value for name, value in values.items()}
    return tuple(sorted(named.items()))


def registry(limits: MetricLimits | None = None) -> tuple[Registry, list[Definition]]:
    defined: list[Definition] = []
    return Registry(limits or MetricLimits(), defined.extend), defined


def test_a_series_has_one_slot_and_is_defined_once() -> None:
    series, defined = registry()
    up, down = labels(metric="up", job="a"), labels(metric="up", job="b")
    first = series.register([up, down, up]).slots.tolist()
    second = series.register([down, up]).slots.tolist()
    assert (first, second) == ([0, 1, 0], [1, 0])
    assert [definition.labels for definition in defined] == [up, down]
    assert series.ids[:2].tolist() == [definition.id for definition in defined]
    assert series.slots_of(series.ids[:2]).tolist() == [0, 1]


def test_what_cannot_be_defined_durably_is_not_there() -> None:
    is_full = True

    def define(batch: Sequence[Definition]) -> None:
        if is_full:
            raise SpoolFull("full")

    series = Registry(MetricLimits(), define)
    with pytest.raises(SpoolFull):
        series.register([labels(metric="up")])
    assert series.count == 0
    is_full = False
    assert series.register([labels(metric="up")]).slots.tolist() == [0]


def test_restored_series_keep_their_ids_and_new_ones_make_way() -> None:
    up, other = labels(metric="up", job="a"), labels(metric="up", job="z")
    series, defined = registry()
    series.register([up])
    taken = defined[0].id
    again, _ = registry()
    again.restore([taken], [other], [5])  # as if the two had met in one number
    again.restore([taken], [up], [6])
    assert again.count == 1
    slot = int(again.register([up]).slots[0])
    assert again.ids[slot] == taken + 1
    assert id_of(taken >> 32, up, {taken}, ()) == taken + 1


@pytest.mark.parametrize(
    ("limits", "refused", "reason"),
    [
        (MetricLimits(series_max=1), labels(metric="b"), "series_max"),
        (MetricLimits(series_of_a_metric_max=1), labels(metric="a", x="2"), "series_of_a_metric_max"),
        (MetricLimits(labels_max=2), labels(metric="a", x="1", y="2"), "labels_max"),
        (MetricLimits(label_name_bytes_max=8), labels(metric="a", xxxxxxxxx="1"), "label_name_bytes_max"),
        (MetricLimits(label_value_bytes_max=3), labels(metric="a", x="éé"), "label_value_bytes_max"),
        (MetricLimits(labels_bytes_max=10), labels(metric="a", x="123"), "labels_bytes_max"),
        (MetricLimits(), labels(metric="a", x="\udc80"), "label_value_not_utf8"),
        (MetricLimits(), labels(metric="a", x=""), "label_name_invalid"),
        (MetricLimits(), labels(x="1"), "metric_name_missing"),
        (MetricLimits(), (("__name__", "a"), ("b", "1"), ("b", "2")), "label_duplicate"),
        (MetricLimits(), (("b", "1"), ("__name__", "a")), "label_names_not_sorted"),
    ],
)
def test_refusals_have_a_reason_and_do_not_spoil_the_batch(limits: MetricLimits, refused: Labels, reason: str) -> None:
    series, _ = registry(limits)
    answer = series.register([labels(metric="a"), refused])
    assert answer.slots.tolist()[0] == 0
    assert answer.slots.tolist()[1] == -1
    assert answer.refused[1][0] == reason
    assert +series.refused == {reason: 1}


NAMES, TEXTS = ("a", "b", "c"), ("", "x", "y", "xy", "1\n2")
PATTERNS = ("x", "x|y", ".*", ".+", "x.*", "", "(x|y)?", "[^x]+", "1.2", "nothing", "x|")
series_of_tests = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(TEXTS[1:]))
matchers = st.one_of(
    st.builds(Matcher, st.sampled_from(NAMES), st.sampled_from(("=", "!=")), st.sampled_from(TEXTS)),
    st.builds(Matcher, st.sampled_from(NAMES), st.sampled_from(("=~", "!~")), st.sampled_from(PATTERNS)),
)


def fulfils(series: Labels, matcher: Matcher) -> bool:
    """The same, the slow way."""
    value = dict(series).get(matcher.name, "")
    if matcher.op in ("=", "!="):
        return (value == matcher.value) == (matcher.op == "=")
    return (re.fullmatch(matcher.value, value, re.DOTALL) is not None) == (matcher.op == "=~")


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(
    st.lists(series_of_tests, max_size=12),
    st.lists(series_of_tests, max_size=4),
    st.lists(st.lists(matchers, max_size=3), max_size=3),
)
def test_every_matcher_finds_what_a_slow_one_finds(
    first: list[dict[str, str]], later: list[dict[str, str]], alternatives: list[list[Matcher]]
) -> None:
    series, _ = registry()
    for batch in (first, later):
        series.register([labels(metric="m", **values) for values in batch])
        found = series.select(alternatives).tolist()
        wanted = [
            slot
            for slot in range(series.count)
            if any(all(fulfils(series.labels_of(slot), one) for one in each) for each in alternatives)
        ]
        assert found == wanted


@pytest.mark.parametrize("op", ["=~", "!~"])
def test_a_wrong_pattern_is_an_input_error(op: MatchOp) -> None:
    series, _ = registry()
    series.register([labels(metric="m", a="x")])
    with pytest.raises(InputError, match=r"the regular expression 'a\(' is wrong"):
        series.select([[Matcher("a", op, "a(")]])


def test_pairs_of_some_series_are_counted() -> None:
    series, _ = registry()
    slots = series.register([labels(metric="m", a=value) for value in "xyx"] + [labels(metric="n", a="x")]).slots
    counts, pairs = series.pairs_of(np.unique(slots))
    assert dict(zip(pairs, counts.tolist(), strict=True)) == {
        ("__name__", "m"): 2,
        ("__name__", "n"): 1,
        ("a", "x"): 2,
        ("a", "y"): 1,
    }
