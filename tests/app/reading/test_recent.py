"""Answers of a moment ago: how old, how many, and one for all who ask at the same time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from trimtab.app.reading.recent import ENTRIES_MAX, Recent


def test_an_answer_is_made_anew_when_it_is_too_old_for_who_asks() -> None:
    now_s = [0.0]
    recent = Recent(lambda: now_s[0])
    assert recent.get("a", 5.0, lambda: 1) == 1
    now_s[0] = 4.0
    assert recent.get("a", 5.0, lambda: 2) == 1
    assert recent.get("a", 3.0, lambda: 3) == 3
    now_s[0] = 8.0
    assert recent.get("a", 5.0, lambda: 4) == 3


def test_few_are_remembered() -> None:
    recent = Recent()
    for number in range(ENTRIES_MAX + 1):
        recent.get(number, 60.0, lambda: "old")
    assert recent.get(1, 60.0, lambda: "new") == "old"
    assert recent.get(0, 60.0, lambda: "new") == "new"


def test_a_failure_is_not_remembered() -> None:
    recent = Recent()
    with pytest.raises(ZeroDivisionError):
        recent.get("a", 60.0, lambda: 1 // 0)
    assert recent.get("a", 60.0, lambda: 2) == 2


def test_who_asks_at_the_same_time_waits_for_one_answer() -> None:
    recent, begun, go_on, made = Recent(), threading.Event(), threading.Event(), [0]

    def make() -> int:
        begun.set()
        go_on.wait(10)
        made[0] += 1
        return made[0]

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(recent.get, "a", 60.0, make) for _ in range(4)]
        begun.wait(10)
        go_on.set()
        assert [one.result() for one in asked] == [1, 1, 1, 1]
