"""Takes words off a query, one after the other, and says what is wrong with the next one."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager

from trimtab.store.promql import durations
from trimtab.store.promql.errors import QueryError, parse_error
from trimtab.store.promql.lexer import Token, quoted, tokens
from trimtab.store.promql.syntax import Number

DEPTH_MAX = 120

_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000, "y": 31_536_000_000}
_PART_OF_DURATION = re.compile(r"(\d+)(ms|[ywdhms])")


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


class Reader:
    """Stands before a word; each method reads one kind of thing and stands after it."""

    def __init__(self, query: str, times: durations.QueryTimes | None = None) -> None:
        self.query = query
        self.times = times or durations.QueryTimes()
        self.words = tokens(query)
        self.index = 0
        self.depth = 0
        self.aggregations = 0
        """How many aggregations are open: it is part of what an error says."""

    @property
    def word(self) -> Token:
        """The next word."""
        return self.words[self.index]

    @property
    def last_end(self) -> int:
        """Where the word before ended."""
        return self.words[self.index - 1].end if self.index else 0

    def written_since(self, index: int) -> str:
        """What was read since a word, where it is more than that word."""
        if self.index <= index + 1:
            return ""
        return " ".join(self.query[self.words[index].start : self.last_end].split())

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

    def number(self) -> Number:
        """A number; a duration is a number of seconds."""
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

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """One level below; error where there are too many."""
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise self.too_deep(self.word.start)
        yield
        self.depth -= 1

    def too_deep(self, offset: int) -> QueryError:
        """The error of a query with too many levels."""
        return self.error(offset, f"the expression is nested deeper than {DEPTH_MAX} levels")
