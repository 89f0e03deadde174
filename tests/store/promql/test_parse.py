"""What a query says, and in which words a wrong one is refused (Prometheus' own)."""

from __future__ import annotations

import random

import pytest

from trimtab.store.promql.errors import QueryError
from trimtab.store.promql.parse import LENGTH_MAX, parse
from trimtab.store.promql.reader import DEPTH_MAX
from trimtab.store.promql.syntax import Aggregate, Binary, Call, Matrix, Number, Selector, Subquery, Unary, walk


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("", "no expression found in input"),
        ("sum(", "1:5: parse error: unclosed left parenthesis"),
        ("foo{", "1:5: parse error: unexpected end of input inside braces"),
        ("foo[5m", "1:7: parse error: unclosed left bracket"),
        ("(foo))", "1:6: parse error: unexpected right parenthesis ')'"),
        ("1 +", "1:4: parse error: unexpected end of input"),
        ("sum by (job (foo)", "1:18: parse error: unclosed left parenthesis"),
        ("nope(foo)", '1:1: parse error: unknown function with name "nope"'),
        ("rate(foo)", '1:6: parse error: expected type range vector in call to function "rate", got instant vector'),
        ("sum(1)", "1:5: parse error: expected type instant vector in aggregation expression, got scalar"),
        ("topk(foo, bar)", "1:6: parse error: expected type scalar in aggregation parameter, got instant vector"),
        ("abs()", '1:1: parse error: expected 1 argument(s) in call to "abs", got 0'),
        ("round(foo, 1, 2)", '1:1: parse error: expected at most 2 argument(s) in call to "round", got 3'),
        ("label_join(foo)", '1:1: parse error: expected at least 3 argument(s) in call to "label_join", got 1'),
        ("sum(a, b)", "wrong number of arguments for aggregate expression provided, expected 1, got 2"),
        ("abs(foo,)", "1:8: parse error: trailing commas not allowed in function call args"),
        ("1 == 2", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
        ("foo + bool bar", "1:5: parse error: bool modifier can only be used on comparison operators"),
        ("foo and 1", '1:1: parse error: set operator "and" not allowed in binary scalar expression'),
        ("foo and on(a) group_left b", '1:1: parse error: no grouping allowed for "and" operation'),
        ("a + on(x) group_left(x) b", 'label "x" must not occur in ON and GROUP clause at once'),
        ("foo + on(a) 1", "1:1: parse error: vector matching only allowed between instant vectors"),
        ('foo + "x"', "1:7: parse error: binary expression must contain only scalar and instant vector types"),
        ("-foo[5m]", "unary expression only allowed on expressions of type scalar or instant vector"),
        ("(a + b)[5m]", "1:8: parse error: ranges only allowed for vector selectors"),
        ("foo offset 1m[5m]", "1:14: parse error: no offset modifiers allowed before range"),
        ("foo @ 1 [5m]", "1:9: parse error: no @ modifiers allowed before range"),
        ("foo offset 1m offset 2m", "1:1: parse error: offset may not be set multiple times"),
        ("foo @ 1 @ 2", "1:1: parse error: @ <timestamp> may not be set multiple times"),
        ("(foo) offset 1m", "offset modifier must be preceded by an instant vector selector"),
        ("foo[0s]", "1:5: parse error: duration must be greater than 0"),
        ("foo[1h1h]", '1:5: parse error: not a valid duration string: "1h1h"'),
        ("foo[5x]", '1:5: parse error: bad number or duration syntax: "5x"'),
        ("1 + 5foo", '1:5: parse error: bad number or duration syntax: "5foo"'),
        ("foo[5m][5m]", "1:8: parse error: ranges only allowed for vector selectors"),
        ("rate(foo[5m])[5m", "1:17: parse error: unclosed left bracket"),
        ("foo[5m][5m:1m]", "1:1: parse error: subquery is only allowed on instant vector, got matrix instead"),
        ("{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        ('{a=~".*"}', "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        ('foo{__name__="bar"}', '1:1: parse error: metric name must not be set twice: "foo" or "bar"'),
        ('foo{a=~"("}', "1:1: parse error: error parsing regexp: missing ): ("),
        ("foo{a}", '1:6: parse error: unexpected "}" in label matching, expected label matching operator'),
        ("foo{a=b}", '1:7: parse error: unexpected identifier "b" in label matching, expected string'),
        ('foo{a="b" c="d"}', '1:11: parse error: unexpected identifier "c" in label matching, expected "," or "}"'),
        ('"unterminated', "1:1: parse error: unterminated quoted string"),
        (r'"\q"', "unknown escape sequence"),
        ("foo $ bar", "1:5: parse error: unexpected character: '$'"),
        ("sum(foo) by foo", '1:13: parse error: unexpected identifier "foo" in grouping opts, expected "("'),
        ("a\n  +\n  )", "3:3: parse error: unexpected right parenthesis ')'"),
    ],
)
def test_what_is_wrong_is_said_in_prometheus_words(query: str, said: str) -> None:
    with pytest.raises(QueryError) as raised:
        parse(query)
    assert said in raised.value.message


def test_operators_bind_as_in_prometheus() -> None:
    tree = parse("-x ^ 2 ^ 3 * 4 + 1 > 0 or foo and bar")
    assert isinstance(tree, Binary)
    assert tree.operator == "or"
    assert isinstance(tree.right, Binary)
    assert tree.right.operator == "and"
    compared = tree.left
    assert isinstance(compared, Binary)
    assert compared.operator == ">"
    added = compared.left
    assert isinstance(added, Binary)
    assert added.operator == "+"
    multiplied = added.left
    assert isinstance(multiplied, Binary)
    assert multiplied.operator == "*"
    assert isinstance(multiplied.left, Unary)
    power = multiplied.left.expression
    assert isinstance(power, Binary)
    assert power.operator == "^"
    assert isinstance(power.right, Binary)


def test_every_part_knows_its_place() -> None:
    query = 'sum by (job) (rate(http_requests_total{code=~"5.."}[5m] offset 1h))'
    places = {type(node): query[node.start : node.end] for node in walk(parse(query))}
    assert places[Aggregate] == query
    assert places[Call] == 'rate(http_requests_total{code=~"5.."}[5m] offset 1h)'
    assert places[Matrix] == 'http_requests_total{code=~"5.."}[5m] offset 1h'
    assert places[Selector] == 'http_requests_total{code=~"5.."}'


def test_times() -> None:
    tree = parse("foo[1h:5m] @ end() offset -1m30s")
    assert isinstance(tree, Subquery)
    assert (tree.range_ms, tree.step_ms, tree.offset_ms, tree.at_bound) == (3_600_000, 300_000, -90_000, "end")
    selector = parse("foo @ 1609746000.123")
    assert isinstance(selector, Selector)
    assert selector.at_ms == 1_609_746_000_123


@pytest.mark.parametrize(
    ("text", "value"), [("0x1F", 31.0), ("017", 15.0), ("1e3", 1000.0), (".5", 0.5), ("1h30m", 5400.0), ("5.", 5.0)]
)
def test_numbers(text: str, value: float) -> None:
    tree = parse(text)
    assert isinstance(tree, Number)
    assert tree.value == value


def test_any_text_can_be_a_name() -> None:
    tree = parse('{"my.metric", "label with spaces"="ü", or="x"}')
    assert isinstance(tree, Selector)
    assert [(matcher.name, matcher.value) for matcher in tree.matchers] == [
        ("__name__", "my.metric"),
        ("label with spaces", "ü"),
        ("or", "x"),
    ]


def test_alternatives() -> None:
    tree = parse('foo{a="1" or b="2",c="3"}')
    assert isinstance(tree, Selector)
    assert [[matcher.name for matcher in one] for one in tree.alternatives] == [
        ["a", "__name__"],
        ["b", "c", "__name__"],
    ]


@pytest.mark.parametrize(
    "query",
    ["(" * (DEPTH_MAX + 5) + "1" + ")" * (DEPTH_MAX + 5), "-" * (DEPTH_MAX + 5) + "foo", " + ".join(["foo"] * 300)],
)
def test_deep_queries_are_refused(query: str) -> None:
    with pytest.raises(QueryError, match="nested deeper than"):
        parse(query)


def test_long_queries_are_refused() -> None:
    with pytest.raises(QueryError, match="more than"):
        parse("x" * (LENGTH_MAX + 1))


def test_whatever_is_written_is_read_or_refused() -> None:
    pieces = [*"()[]{}+-*/^%<>=!~,:@\"'`\\ $#\n", "foo", "rate", "sum", "by", "on", "5m", "1e", "0x", '"a"', "offset"]
    chance = random.Random(20)
    for _ in range(20_000):
        query = "".join(chance.choices(pieces, k=chance.randrange(1, 12)))
        try:
            parse(query)
        except QueryError as refused:
            assert "parse error" in refused.message  # noqa: PT017 - either is right
