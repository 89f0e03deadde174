"""The timetable gives every kind of request its number in every second, and forgets what is late."""

from __future__ import annotations

from collections import Counter

from demo.load.requests import Request
from demo.load.timetable import Timetable


def nothing(_: object) -> None:
    """Handles no request."""


REQUESTS = (
    Request("GET /often", 5.0, nothing),
    Request("GET /some", 1.5, nothing),
    Request("GET /seldom", 0.5, nothing),
)


def test_every_second_has_its_share() -> None:
    table = Timetable(REQUESTS, seed=3, clock=lambda: 50.0)
    seconds: dict[int, Counter[str]] = {}
    for _ in range(70):
        request, due = table.take()
        seconds.setdefault(int(due), Counter())[request.route] += 1
    assert all(seconds[second]["GET /often"] == 5 for second in range(50, 59))
    assert all(seconds[second]["GET /some"] in (1, 2) for second in range(50, 59))
    assert sum(seconds[second]["GET /seldom"] for second in range(50, 58)) == 4


def test_moments_only_go_forward() -> None:
    table = Timetable(REQUESTS, seed=3, clock=lambda: 0.0)
    moments = [table.take()[1] for _ in range(50)]
    assert moments == sorted(moments)


def test_what_is_late_is_forgotten_not_caught_up() -> None:
    now = [100.0]
    table = Timetable(REQUESTS, seed=3, clock=lambda: now[0])
    for _ in range(7):
        table.take()
    now[0] = 130.0
    _, due = table.take()
    assert due >= 130.0
