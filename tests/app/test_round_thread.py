"""Rounds come again whatever goes wrong in one, not while they are switched off, and not after the end."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from trimtab.app.round_thread import RoundThread
from trimtab.model.errors import InputError


def made(
    work: Callable[[], object], is_enabled: Callable[[], bool] = lambda: True, pause_s: float = 0.0
) -> RoundThread:
    return RoundThread("example_rounds", work, is_enabled, lambda: pause_s, first_s=0.0, tick_s=0.005)


@pytest.mark.parametrize("error", [InputError("bad"), RuntimeError("ours")])
def test_a_round_that_goes_wrong_is_not_the_last(error: Exception) -> None:
    third = threading.Event()
    seen: list[int] = []

    def work() -> None:
        seen.append(1)
        if len(seen) == 3:
            third.set()
        raise error

    thread = made(work)
    thread.start()
    assert third.wait(20)
    thread.stop()
    told = {number.name: number.value for number in thread.numbers()}
    assert told["trimtab_analysis_rounds_total"] == told["trimtab_analysis_rounds_failed_total"] == len(seen)
    assert told["trimtab_analysis_round_age_seconds"] >= 0.0


def test_it_waits_until_it_is_switched_on_and_a_round_hears_of_the_end() -> None:
    enabled, entered, heard = threading.Event(), threading.Event(), threading.Event()
    early: list[bool] = []

    def is_enabled() -> bool:
        early.append(entered.is_set())
        if len(early) == 4:
            enabled.set()
        return enabled.is_set()

    def work() -> None:
        entered.set()
        while not thread.is_stopping():
            threading.Event().wait(0.005)
        heard.set()

    thread = made(work, is_enabled, pause_s=3600.0)
    thread.start()
    assert entered.wait(20)
    thread.stop()
    assert heard.is_set()
    assert early[:4] == [False] * 4
