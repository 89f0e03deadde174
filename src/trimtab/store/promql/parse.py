"""From the text of a query to its tree, with the place of each part and Prometheus' words for what is wrong.

Why not a library: those there are give no places (annotations name them), and know nothing of the functions and
operators that came to PromQL since. Operators bind as in Prometheus: `^` to the right and strongest, then unary minus
together with `* / % atan2`, `+ -`, comparisons, `and unless`, `or`.
"""

from __future__ import annotations

from functools import lru_cache

from trimtab.store.promql import durations
from trimtab.store.promql.checks import check
from trimtab.store.promql.errors import QueryError
from trimtab.store.promql.lexer import AGGREGATORS, KEYWORDS, quoted, words
from trimtab.store.promql.matching_clause import parse_labels, parse_matching
from trimtab.store.promql.reader import DEPTH_MAX, Reader
from trimtab.store.promql.selector_clause import parse_selector, with_suffixes
from trimtab.store.promql.signatures import SIGNATURES
from trimtab.store.promql.syntax import (
    Aggregate,
    Binary,
    Call,
    Node,
    Number,
    Paren,
    String,
    Unary,
    walk,
)

LENGTH_MAX = 200_000
_KEPT_MAX, _KEPT_LENGTH_MAX = 256, 4096
"""Trees that are kept, and of how many characters at most."""

WITH_PARAMETER = frozenset(words("topk bottomk count_values quantile limitk limit_ratio"))
BINDING: dict[str, int] = {
    "or": 1,
    "and": 2,
    "unless": 2,
    **dict.fromkeys(("==", "!=", "<=", "<", ">=", ">", "</", ">/"), 3),
    **dict.fromkeys("+-", 4),
    **dict.fromkeys(("*", "/", "%", "atan2"), 5),
    "^": 6,
}
_UNARY_BINDING = 5
_NOT_A_METRIC = frozenset(["atan2", "bool", "on", "ignoring", "group_left", "group_right"])


def parse(query: str, times: durations.QueryTimes | None = None) -> Node:
    """Read a query and check that it means something. `times` is what `step()` and `range()` are in durations.

    >>> tree = parse('sum by (job) (rate(http_requests_total{code=~"5.."}[5m] offset 1h)) > 2')
    >>> type(tree).__name__, tree.operator, tree.left.grouping, tree.left.expression.arguments[0].selector.offset_ms
    ('Binary', '>', ['job'], 3600000)
    """
    if len(query) > LENGTH_MAX:
        raise QueryError(f"the query has {len(query):,} characters, more than {LENGTH_MAX:,}", limit=LENGTH_MAX)
    read = _read_again if len(query) <= _KEPT_LENGTH_MAX else _read
    return read(query, times)


def _read(query: str, times: durations.QueryTimes | None) -> Node:
    tree = Parser(query, times).whole()
    check(query, tree)
    return tree


_read_again = lru_cache(_KEPT_MAX)(_read)
"""Dashboards ask the same again and again. Nobody changes a tree after it was checked."""


class Parser(Reader):
    """Reads expressions."""

    def whole(self) -> Node:
        """The whole text is one expression."""
        if len(self.words) == 1:
            raise QueryError("unknown position: parse error: no expression found in input", offset=0)
        tree = self.expression(0)
        if self.word.kind != "end":
            raise self.unexpected()
        depths = {id(tree): 1}
        for node in walk(tree):
            if (depth := depths[id(node)]) > DEPTH_MAX:
                raise self.too_deep(node.start)
            depths.update((id(child), depth + 1) for child in node.children())
        return tree

    def expression(self, binding_min: int) -> Node:
        """Operands with operators between them that bind stronger than `binding_min`."""
        with self.deeper():
            return self._expression(binding_min)

    def _expression(self, binding_min: int) -> Node:
        left = self._unary()
        while self.word.kind in ("symbol", "keyword") and BINDING.get(self.word.text, 0) > binding_min:
            operator = self.take().text
            is_bool, matching = parse_matching(self)
            binding = BINDING[operator]
            right = self.expression(binding - 1 if operator == "^" else binding)
            left = Binary(
                start=left.start,
                end=right.end,
                operator=operator,
                left=left,
                right=right,
                is_bool=is_bool,
                matching=matching,
            )
        return left

    def _unary(self) -> Node:
        if not self.is_at("+", "-"):
            return with_suffixes(self, self._primary())
        sign = self.take()
        operand = self.expression(_UNARY_BINDING)
        if isinstance(operand, Number):
            operand.start = sign.start
            operand.value = -operand.value if sign.text == "-" else operand.value
            return operand
        return Unary(start=sign.start, end=operand.end, operator=sign.text, expression=operand)

    def _primary(self) -> Node:
        word = self.word
        if word.kind in ("number", "duration"):
            return self.number()
        if word.kind == "string":
            self.take()
            return String(start=word.start, end=word.end, value=word.text)
        if self.is_at("("):
            self.take()
            inner = self.expression(0)
            end = self.expect(")", "", "").end
            return Paren(start=word.start, end=end, expression=inner)
        if self.is_at("{"):
            return parse_selector(self, "")
        following = self.words[self.index + 1] if word.kind != "end" else word
        if word.kind == "keyword" and word.text in AGGREGATORS and following.text in ("(", "by", "without"):
            return self._aggregate()
        is_name = word.kind == "identifier" or (word.kind == "keyword" and word.text in _CALLED)
        if is_name and following.kind == "symbol" and following.text == "(":
            return self._call()
        if word.kind in ("identifier", "metric identifier") or (
            word.kind == "keyword" and word.text in KEYWORDS - _NOT_A_METRIC
        ):
            return parse_selector(self, self.take().written or word.text)
        raise self.unexpected()

    def _arguments(self) -> list[Node]:
        self.take()
        arguments: list[Node] = []
        while not self.is_at(")"):
            arguments.append(self.expression(0))
            if self.is_at(","):
                comma = self.take()
                if self.is_at(")"):
                    raise self.error(comma.start, "trailing commas not allowed in function call args")
            elif not self.is_at(")"):
                raise self.unexpected()
        self.take()
        return arguments

    def _call(self) -> Call:
        name = self.take()
        arguments = self._arguments()
        signature = SIGNATURES.get(name.text)
        if signature is None:
            raise self.error(name.start, f"unknown function with name {quoted(name.text)}")
        return Call(start=name.start, end=self.last_end, name=name.text, arguments=arguments, returns=signature.gives)

    def _aggregate(self) -> Aggregate:
        operator = self.take()
        grouping: list[str] = []
        is_without = has_grouping = False
        if self.is_at("by", "without"):
            has_grouping, is_without = True, self.take().text == "without"
            grouping = parse_labels(self)
        if not self.is_at("("):
            raise self.unexpected("aggregation")
        self.aggregations += 1
        arguments = self._arguments()
        self.aggregations -= 1
        if not has_grouping and self.is_at("by", "without"):
            is_without = self.take().text == "without"
            grouping = parse_labels(self)
        wanted = 2 if operator.text in WITH_PARAMETER else 1
        if not arguments:
            raise self.error(operator.start, "no arguments for aggregate expression provided")
        if len(arguments) != wanted:
            raise self.error(
                operator.start,
                f"wrong number of arguments for aggregate expression provided, expected {wanted}, got {len(arguments)}",
            )
        return Aggregate(
            start=operator.start,
            end=self.last_end,
            operator=operator.text,
            expression=arguments[-1],
            parameter=arguments[0] if wanted == 2 else None,
            grouping=grouping,
            is_without=is_without,
        )


_CALLED = frozenset(words("start end step range max_of min_of"))
