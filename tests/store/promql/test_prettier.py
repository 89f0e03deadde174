"""A query that is written down from its tree means the same, and reads as Prometheus would write it."""

from __future__ import annotations

import random

import pytest

from trimtab.store.promql.errors import QueryError
from trimtab.store.promql.parse import parse
from trimtab.store.promql.prettier import LINE_CHARS_MAX, pretty, text_of
from trimtab.store.promql.syntax import walk


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("1h", "1h"),
        ("-1h", "-1h"),
        ("0x10", "16"),
        ("1e3", "1000"),
        ('{__name__="foo"}', '{__name__="foo"}'),
        ('foo{b="2",a=~"1"}', 'foo{a=~"1",b="2"}'),
        ('{"my metric",x="1"}', '{__name__="my metric",x="1"}'),
        ("foo offset 90s @ 5", "foo @ 5.000 offset 1m30s"),
        ("rate(foo[5m]@end() offset -1d)", "rate(foo[5m] @ end() offset -1d)"),
        ("max_over_time(foo[1h:])", "max_over_time(foo[1h:])"),
        ("sum(foo)without(a,b)", "sum without (a, b) (foo)"),
        ("sum by()(foo)", "sum(foo)"),
        ("topk(5,foo)", "topk(5, foo)"),
        ("a+on(x)group_left(y)b", "a + on (x) group_left (y) b"),
        ("a*ignoring()b", "a * b"),
        ("a==bool 1", "a == bool 1"),
        ("- - a", "--a"),
        ("foo[step() * 2]", "foo[step() * 2]"),
        ("foo[1h:step()+1m] offset -(5m  + range())", "foo[1h:step()+1m] offset -(5m + range())"),
        ("foo offset - 5m", "foo offset -5m"),
        ("rate(foo[5m] anchored)", "rate(foo[5m] anchored)"),
        ("a + fill(0) b", "a + fill (0) b"),
        ("a + on(x) fill_right(1) fill_left(-2) b", "a + on (x) fill_left (-2) fill_right (1) b"),
        ('"a\\nb"', '"a\\nb"'),
    ],
)
def test_on_one_line(query: str, text: str) -> None:
    assert text_of(parse(query)) == text


def test_long_queries_go_over_several_lines() -> None:
    query = (
        'histogram_quantile(0.9, sum by (le, job) (rate(http_request_duration_seconds_bucket{env="production"}[5m]))) '
        "> on (job) group_left (team) (objective_seconds * 2)"
    )
    assert pretty(parse(query)).splitlines() == [
        "  histogram_quantile(",
        "    0.9,",
        '    sum by (le, job) (rate(http_request_duration_seconds_bucket{env="production"}[5m]))',
        "  )",
        "> on (job) group_left (team)",
        "  (objective_seconds * 2)",
    ]


@pytest.mark.slow
def test_what_is_written_is_read_as_the_same() -> None:
    pieces = ["foo", 'bar{a="1"}', "1", "sum by (a) (", "rate(foo[5m])", "abs(", ")", "+", "-", "* on (a)", "and", "^"]
    pieces += ["[5m:1m]", "offset 1m", "@ 5", "max_over_time(", "(", "== bool", "quantile(0.9,"]
    chance = random.Random(3)
    read = 0
    for _ in range(30_000):
        query = " ".join(chance.choices(pieces, k=chance.randrange(1, 9)))
        try:
            tree = parse(query)
        except QueryError:
            continue
        read += 1
        for text in (text_of(tree), pretty(tree)):
            again = parse(text)
            assert text_of(again) == text_of(tree), query
            assert [type(node) for node in walk(again)] == [type(node) for node in walk(tree)], query
    assert read > 1_000
    assert LINE_CHARS_MAX == 100
