"""What each worker of a run does before its first test, without what brings nothing: each of them collects all tests.

- A module is looked through for examples in its docstrings where its text has some. `test_collected_soon.py` imports
  those that have none, once in a run.
- With `-m`, a file is not imported if the marks that it gives to all of its tests (`pytestmark`) leave none to run.
- What was made while tests are collected stays until the end: the collector of garbage does not go through it
  meanwhile, nor later, each time that it looks through everything.
"""

from __future__ import annotations

import functools
import gc
import itertools
import re
from collections.abc import Generator
from pathlib import Path

import pytest
from _pytest.doctest import DoctestModule
from _pytest.mark.expression import Expression

Found = list[pytest.Collector]
EXAMPLE = ">>>"
_MARKS_OF_FILE = re.compile(r"^pytestmark = (\[.*?\]|[^\n]*)", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"pytest\.mark\.(\w+)")
_WORD = re.compile(r"\w+")


def marks_of_file(text: str) -> frozenset[str]:
    """What a file gives to each of its tests, as far as it stands there in plain words.

    >>> sorted(marks_of_file("import pytest\\npytestmark = [pytest.mark.store,\\n pytest.mark.slow]\\n"))
    ['slow', 'store']
    """
    found = _MARKS_OF_FILE.search(text)
    return frozenset(_MARK.findall(found[1])) if found else frozenset()


@functools.cache
def can_be_chosen(marks: frozenset[str], expression: str) -> bool:
    """Whether `-m` may choose a test that has these marks and any others.

    >>> can_be_chosen(frozenset({"store"}), "not store and not slow"), can_be_chosen(frozenset({"store"}), "slow")
    (False, True)
    """
    asked = Expression.compile(expression)
    others = sorted({*_WORD.findall(expression)} - {"not", "and", "or"} - marks)
    choices = itertools.product((False, True), repeat=len(others))
    return any(asked.evaluate(_Having(marks | {*itertools.compress(others, choice)})) for choice in choices)


class _Having:
    """Answers whether a mark is there."""

    def __init__(self, marks: frozenset[str]) -> None:
        self._marks = marks

    def __call__(self, name: str, /, **_: object) -> bool:
        return name in self._marks


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Generator[None, Found, Found]:
    """Leave out what has no example, and what has no test to run."""
    found = yield
    if not found:
        return found
    text = file_path.read_text(encoding="utf-8")
    if EXAMPLE not in text:
        found = [one for one in found if not isinstance(one, DoctestModule)]
    expression = parent.config.option.markexpr
    if expression and not can_be_chosen(marks_of_file(text), expression):
        found = [one for one in found if not isinstance(one, pytest.Module)]
    return found


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Without the collector of garbage; what is there at the end is none."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
