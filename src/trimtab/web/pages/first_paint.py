"""What a first paint does not wait for: a page whose main question takes long is drawn without its answer, and asks for
that at once, as a fragment (`late` in its address), which waits for the question that is already being asked.

Only where a browser draws a page anew. Who has no script is led to the whole page by the page's head (`whole`); who
asks without a browser, or exchanges a part, always gets all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

from trimtab.app.sources.kept import Kept
from trimtab.model.errors import StoreError
from trimtab.web.pages.frame import Asked
from trimtab.web.pages.meanwhile import Meanwhile

T = TypeVar("T")
LATE_S = 15.0
"""How long an answer may take that comes when the page is there; less than what the page's script waits."""
ROWS = 50
"""Of a long list: more would be laid out before anything is seen."""

Begun = Kept[tuple[Hashable, ...], Meanwhile[T]]


def begun() -> Begun[T]:
    """For the questions of one page that are being asked."""
    return Kept(16, 3.0)


def is_drawn_anew(asked: Asked) -> bool:
    """Whether a browser is about to draw this page, and would run its script."""
    headers, given = asked.request.headers, asked.request.query_params
    is_browser = headers.get("sec-fetch-mode") == "navigate" or headers.get("upgrade-insecure-requests") == "1"
    return is_browser and asked.fragment is None and "whole" not in given


def is_late(asked: Asked) -> bool:
    """Whether a page that is there already asks for the rest of it."""
    return asked.fragment is not None and "late" in asked.request.query_params


def in_time(asked: Asked, running: Begun[T], key: tuple[Hashable, ...], work: Callable[[], T]) -> T | None:
    """What `work` answers; None where a browser waits and it is late. What goes wrong is raised."""
    if not is_drawn_anew(asked) and not is_late(asked):
        return work()
    meanwhile = running.get(key, lambda: Meanwhile(work))
    if is_drawn_anew(asked):
        return meanwhile.within()
    answer = meanwhile.within(LATE_S)
    if answer is None:
        raise StoreError(f"there was no answer within {LATE_S:g} s", limit=LATE_S)
    return answer
