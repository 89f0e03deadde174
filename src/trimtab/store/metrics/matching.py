"""From matchers to series.

A matcher becomes a set of label pairs that a series must have, or must not have: `job!="api"` is "has not the pair
job=api", `job=~"a.*|"` is "has none of the pairs of job that do not match". Of the sets that a series must have, the
one with the fewest series gives the candidates, the others sieve them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from trimtab.model.errors import InputError
from trimtab.store.metrics.arrays import I32
from trimtab.store.metrics.block import Matcher

if TYPE_CHECKING:
    import re2

_CACHED_MAX = 256
_META = frozenset(".+*?()[]{}^$\\")


@dataclass(slots=True)
class Values:
    """The values that a label has had, in the order in which they came: `pairs[i]` is the pair of `texts[i]`."""

    texts: list[str]
    pairs: list[int]


@dataclass(frozen=True, slots=True)
class PairSet:
    """Label pairs; with `is_complement`, a series must have none of them."""

    pairs: I32
    is_complement: bool


class _Sieve:
    """One regular expression on one label: what it said of the values that it has seen."""

    def __init__(self, pattern: str) -> None:
        self._compiled = compile_pattern(pattern)
        self._lock = threading.Lock()
        self.matches_empty = self._compiled.fullmatch("") is not None
        self._seen_count = 0
        self._deciding: I32 = np.zeros(0, np.int32)

    def deciding(self, values: Values) -> I32:
        """Pairs of the values that match; where the empty text matches, too: of those that do not."""
        with self._lock:
            count = len(values.pairs)
            if self._seen_count < count:
                fullmatch, wanted = self._compiled.fullmatch, not self.matches_empty
                fresh = zip(values.texts[self._seen_count : count], values.pairs[self._seen_count : count], strict=True)
                pairs = [pair for text, pair in fresh if (fullmatch(text) is not None) == wanted]
                self._deciding = np.concatenate([self._deciding, np.array(pairs, np.int32)])
                self._seen_count = count
            return self._deciding


def compile_pattern(pattern: str) -> re2._Regexp[str]:
    """A regular expression as Prometheus understands it (`.` is any character, also a line feed).

    >>> compile_pattern("a(b|c)").fullmatch("ac") is not None
    True
    >>> compile_pattern("a(")
    Traceback (most recent call last):
    ...
    trimtab.model.errors.InputError: the regular expression 'a(' is wrong: missing ): a(
    """
    import re2

    options = re2.Options()
    options.dot_nl = True
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise InputError(f"the regular expression {pattern!r} is wrong: {text}", pattern=pattern) from None


class Matching:
    """Turns matchers into sets of pairs; remembers what regular expressions said."""

    def __init__(self, values_by_name: Mapping[str, Values], pair_ids: Mapping[tuple[str, str], int]) -> None:
        self._values, self._pair_ids = values_by_name, pair_ids
        self._sieves: OrderedDict[str, dict[str, _Sieve]] = OrderedDict()
        self._lock = threading.Lock()

    def pair_set(self, matcher: Matcher) -> PairSet:
        """What a series must have, or must not. Raises InputError where the regular expression is wrong."""
        if matcher.op in {"=~", "!~"}:
            if _META.isdisjoint(matcher.value):
                return self._of_texts(matcher.name, matcher.value.split("|"), is_not=matcher.op == "!~")
            return self._of_pattern(matcher)
        return self._of_texts(matcher.name, [matcher.value], is_not=matcher.op == "!=")

    def _of_texts(self, name: str, texts: Sequence[str], *, is_not: bool) -> PairSet:
        if "" not in texts:
            found = [self._pair_ids[(name, text)] for text in set(texts) if (name, text) in self._pair_ids]
            return PairSet(np.array(found, np.int32), is_not)
        if name not in self._values:
            return PairSet(np.zeros(0, np.int32), not is_not)
        values = self._values[name]
        wanted = set(texts)
        others = [pair for text, pair in zip(values.texts, values.pairs, strict=False) if text not in wanted]
        return PairSet(np.array(others, np.int32), not is_not)

    def _of_pattern(self, matcher: Matcher) -> PairSet:
        sieve = self._sieve(matcher.name, matcher.value)
        is_not = matcher.op == "!~"
        if matcher.name not in self._values:
            return PairSet(np.zeros(0, np.int32), sieve.matches_empty != is_not)
        return PairSet(sieve.deciding(self._values[matcher.name]), sieve.matches_empty != is_not)

    def _sieve(self, name: str, pattern: str) -> _Sieve:
        with self._lock:
            by_name = self._sieves.get(pattern)
            if by_name is not None and name in by_name:
                self._sieves.move_to_end(pattern)
                return by_name[name]
        sieve = _Sieve(pattern)
        with self._lock:
            self._sieves.setdefault(pattern, {})[name] = sieve
            while len(self._sieves) > _CACHED_MAX:
                self._sieves.popitem(last=False)
        return sieve
