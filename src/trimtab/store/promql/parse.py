"""From the text of a query to its tree, with the place of each part and Prometheus' words for what is wrong.

Why not a library: those there are give no places (annotations name them), and know nothing of the functions and
operators that came to PromQL since. Operators bind as in Prometheus: `^` to the right and strongest, then unary minus
together with `* / % atan2`, `+ -`, comparisons, `and unless`, `or`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager

from trimtab.store.metrics.block import METRIC_NAME, Matcher, MatchOp
from trimtab.store.promql import durations
from trimtab.store.promql.checks import check
from trimtab.store.promql.errors import QueryError, parse_error
from trimtab.store.promql.lexer import AGGREGATORS, KEYWORDS, Token, quoted, tokens, words
from trimtab.store.promql.matching_clause import parse_labels, parse_matching
from trimtab.store.promql.signatures import SIGNATURES
from trimtab.store.promql.syntax import (
    Aggregate,
    Binary,
    Call,
    Extension,
    Matrix,
    Node,
    Number,
    Paren,
    Selector,
    String,
    Subquery,
    Unary,
    walk,
)

LENGTH_MAX = 200_000
DEPTH_MAX = 120

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
_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000, "y": 31_536_000_000}
_PART_OF_DURATION = re.compile(r"(\d+)(ms|[ywdhms])")
_NOT_A_METRIC = frozenset(["atan2", "bool", "on", "ignoring", "group_left", "group_right"])
_MATCH_OPS: dict[str, MatchOp] = {"=": "=", "!=": "!=", "=~": "=~", "!~": "!~"}


def parse(query: str, times: durations.QueryTimes | None = None) -> Node:
    """Read a query and check that it means something. `times` is what `step()` and `range()` are in durations.

    >>> tree = parse('sum by (job) (rate(http_requests_total{code=~"5.."}[5m] offset 1h)) > 2')
    >>> type(tree).__name__, tree.operator, tree.left.grouping, tree.left.expression.arguments[0].selector.offset_ms
    ('Binary', '>', ['job'], 3600000)
    """
    if len(query) > LENGTH_MAX:
        raise QueryError(f"the query has {len(query):,} characters, more than {LENGTH_MAX:,}", limit=LENGTH_MAX)
    parser = Parser(query, times)
    tree = parser.whole()
    check(query, tree)
    return tree


def duration_ms(text: str) -> int | None:
    """Milliseconds of a duration: units from large to small, each at most once; None if it is none.

    >>> duration_ms("1h30m"), duration_ms("1m1h"), duration_ms("5ms")
    (5400000, None, 5)
    """
    total, last = 0, math.inf
    for count, unit in _PART_OF_DURATION.findall(text):
        if _UNITS_MS[unit] >= last:
            return None
        last = _UNITS_MS[unit]
        total += int(count) * _UNITS_MS[unit]
    return total


class Parser:
    """Reads words one after the other; each method reads one kind of thing and stands after it."""

    def __init__(self, query: str, times: durations.QueryTimes | None = None) -> None:
        self.query = query
        self.times = times or durations.QueryTimes()
        self.words = tokens(query)
        self.index = 0
        self.depth = 0
        self.aggregations = 0
        """How many aggregations are open."""

    @property
    def word(self) -> Token:
        """The next word."""
        return self.words[self.index]

    @property
    def last_end(self) -> int:
        """Where the word before ended."""
        return self.words[self.index - 1].end if self.index else 0

    def take(self) -> Token:
        """The next word, and go on."""
        word = self.words[self.index]
        self.index += 1
        return word

    def is_at(self, *texts: str) -> bool:
        """Whether the next word is one of these symbols or keywords."""
        return self.word.kind in ("symbol", "keyword") and self.word.text in texts

    def expect(self, text: str, context: str, expected: str) -> Token:
        """The next word, which has to be this symbol."""
        if not self.is_at(text):
            raise self.unexpected(context, expected)
        return self.take()

    def unexpected(self, context: str = "", expected: str = "") -> QueryError:
        """The error for a word that cannot stand here."""
        context = context or ("aggregation" if self.aggregations else "")
        where = f" in {context}" if context else ""
        wanted = f", expected {expected}" if expected else ""
        return self.error(self.word.start, f"unexpected {self.word}{where}{wanted}")

    def error(self, offset: int, what: str) -> QueryError:
        """An error at a place."""
        return parse_error(self.query, offset, what)

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
                raise self._too_deep(node.start)
            depths.update((id(child), depth + 1) for child in node.children())
        return tree

    def _too_deep(self, offset: int) -> QueryError:
        return self.error(offset, f"the expression is nested deeper than {DEPTH_MAX} levels")

    def expression(self, binding_min: int) -> Node:
        """Operands with operators between them that bind stronger than `binding_min`."""
        with self.deeper():
            return self._expression(binding_min)

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """One level below; error where there are too many."""
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise self._too_deep(self.word.start)
        yield
        self.depth -= 1

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
            return self._with_suffixes(self._primary())
        sign = self.take()
        operand = self.expression(_UNARY_BINDING)
        if isinstance(operand, Number):
            operand.start = sign.start
            operand.value = -operand.value if sign.text == "-" else operand.value
            return operand
        return Unary(start=sign.start, end=operand.end, operator=sign.text, expression=operand)

    def _with_suffixes(self, node: Node) -> Node:
        while True:
            if self.is_at("["):
                node = self._brackets(node)
            elif self.is_at("offset"):
                self._offset(node)
            elif self.is_at("@"):
                self._at(node)
            elif self.is_at("anchored", "smoothed"):
                self._extension(node)
            else:
                return node

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
            return self._selector("")
        following = self.words[self.index + 1] if word.kind != "end" else word
        if word.kind == "keyword" and word.text in AGGREGATORS and following.text in ("(", "by", "without"):
            return self._aggregate()
        is_name = word.kind == "identifier" or (word.kind == "keyword" and word.text in _CALLED)
        if is_name and following.kind == "symbol" and following.text == "(":
            return self._call()
        if word.kind in ("identifier", "metric identifier") or (
            word.kind == "keyword" and word.text in KEYWORDS - _NOT_A_METRIC
        ):
            return self._selector(self.take().written or word.text)
        raise self.unexpected()

    def number(self) -> Number:
        word = self.take()
        if word.kind == "duration":
            value_ms = duration_ms(word.text)
            if value_ms is None:
                raise self.error(word.start, f"not a valid duration string: {quoted(word.text)}")
            return Number(start=word.start, end=word.end, value=value_ms / 1000, is_duration=True)
        text = word.text
        if text[:2] in ("0x", "0X"):
            value = float(int(text, 16))
        elif len(text) > 1 and text[0] == "0" and text.isdigit() and not set(text) & set("89"):
            value = float(int(text, 8))
        else:
            value = float(text)
        return Number(start=word.start, end=word.end, value=value)

    def _brackets(self, node: Node) -> Node:
        bracket = self.take()
        range_ms = durations.range_ms(self, "subquery or range selector")
        if self.is_at(":"):
            self.take()
            step_ms = None
            if not self.is_at("]"):
                step_ms = durations.range_ms(self, "subquery selector", 'number, duration, step(), range(), or "]"')
            end = self.expect("]", "subquery selector", '"]"').end
            return Subquery(start=node.start, end=end, expression=node, range_ms=range_ms, step_ms=step_ms)
        end = self.expect("]", "subquery or range", '":" or "]"').end
        if not isinstance(node, Selector):
            raise self.error(bracket.start, "ranges only allowed for vector selectors")
        if node.offset_ms:
            raise self.error(bracket.start, "no offset modifiers allowed before range")
        if node.is_pinned:
            raise self.error(bracket.start, "no @ modifiers allowed before range")
        return Matrix(start=node.start, end=end, selector=node, range_ms=range_ms)

    def _timed(self, node: Node, what: str) -> Selector | Subquery:
        timed = node.selector if isinstance(node, Matrix) else node
        if isinstance(timed, Selector | Subquery):
            return timed
        raise self.error(
            node.start,
            f"{what} modifier must be preceded by an instant vector selector or range vector selector or a subquery",
        )

    def _extension(self, node: Node) -> None:
        extension: Extension = "anchored" if self.take().text == "anchored" else "smoothed"
        selector = node.selector if isinstance(node, Matrix) else node
        if not isinstance(selector, Selector):
            what = "is not supported for subqueries" if isinstance(node, Subquery) else "not implemented"
            raise self.error(node.start, f"{extension} modifier {what}")
        if selector.extension and selector.extension != extension:
            raise self.error(node.start, "anchored and smoothed modifiers cannot be used together")
        selector.extension = extension
        node.end = self.last_end

    def _offset(self, node: Node) -> None:
        self.take()
        offset_ms = durations.offset_ms(self)
        timed = self._timed(node, "offset")
        if timed.offset_ms:
            raise self.error(node.start, "offset may not be set multiple times")
        timed.offset_ms = offset_ms
        node.end = self.last_end

    def _at(self, node: Node) -> None:
        self.take()
        at_s = 0.0
        bound = None
        if self.is_at("start", "end"):
            bound = self.take().text
            self.expect("(", "@", "timestamp")
            self.expect(")", "@", "timestamp")
        else:
            sign = -1 if self.is_at("-") else 1
            if self.is_at("+", "-"):
                self.take()
            if self.word.kind not in ("number", "duration"):
                raise self.unexpected("@", "timestamp")
            at_s = sign * self.number().value
        timed = self._timed(node, "@")
        if timed.is_pinned:
            raise self.error(node.start, "@ <timestamp> may not be set multiple times")
        if bound is not None:
            timed.at_bound = "start" if bound == "start" else "end"
        elif not math.isfinite(at_s) or abs(at_s) >= 2**63:
            raise self.error(node.start, f"timestamp out of bounds for @ modifier: {at_s:f}")
        else:
            timed.at_ms = round(at_s * 1000)
        node.end = self.last_end

    def _selector(self, name: str) -> Selector:
        start = self.words[self.index - 1].start if name else self.word.start
        alternatives: list[list[Matcher]] = [[]]
        if self.is_at("{"):
            self.take()
            while not self.is_at("}"):
                alternatives[-1].append(self._matcher())
                if self.word.kind == "identifier" and self.word.text.lower() == "or":
                    self.take()
                    alternatives.append([])
                elif self.is_at(","):
                    self.take()
                elif not self.is_at("}"):
                    raise self.unexpected("label matching", '"," or "}"')
            self.take()
        if name:
            for matchers in alternatives:
                matchers.append(Matcher(METRIC_NAME, "=", name))
        return Selector(start=start, end=self.last_end, name=name, alternatives=alternatives)

    def _matcher(self) -> Matcher:
        name = self.word
        if name.kind not in ("identifier", "string"):
            raise self.unexpected("label matching", 'identifier or "}"')
        self.take()
        if not self.is_at("=", "!=", "=~", "!~"):
            if name.kind == "string":
                return Matcher(METRIC_NAME, "=", name.text)
            raise self.unexpected("label matching", "label matching operator")
        operator = self.take().text
        if self.word.kind != "string":
            raise self.unexpected("label matching", "string")
        return Matcher(name.text, _MATCH_OPS[operator], self.take().text)

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
