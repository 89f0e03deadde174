"""`/anomalies`: episodes in which series were not as expected, on a timeline, in groups that began together."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from trimtab.app.detecting.answers import EpisodeRow, MuteRow, episode_row, looked_at, mute_row
from trimtab.app.detecting.groups import groups_of
from trimtab.app.reading.ranges import Range
from trimtab.model.anomalies import Source, SpokenTest
from trimtab.model.errors import InputError
from trimtab.store.anomaly_state import Sort, Wanted
from trimtab.web.pages.analysis.address import in_address
from trimtab.web.pages.analysis.anomaly_words import TESTS
from trimtab.web.pages.analysis.lane_values import values_of
from trimtab.web.pages.analysis.lanes import Lane, lane_of
from trimtab.web.pages.frame import Asked
from trimtab.web.view import Message

LANES = 40
"""Episodes of a page."""
TICKS = 3
NOTICES = {
    "normal": Message("Kept: that is normal, and is not told any more."),
    "taken-back": Message("Taken back: it is told again."),
}


@dataclass(frozen=True, slots=True)
class Together:
    """Lanes of episodes that began together."""

    start_ms: int
    end_ms: int | None
    lanes: tuple[Lane, ...]


def anomalies(asked: Asked) -> Response:
    """The page, or its results alone."""
    keeper, within, now_ms = asked.service.anomalies, asked.within, asked.service.now_ms()
    wanted = _wanted(asked, within)
    sort, number = _sort(asked), _page(asked)
    total, _ = keeper.state.find(wanted, sort, now_ms, 1)
    pages = max(1, -(-total // LANES))
    number = min(number, pages)
    first = (number - 1) * LANES
    _, found = keeper.state.find(wanted, sort, now_ms, LANES, first)
    rows = {one.id: episode_row(one) for one in found}
    lanes, is_late = lanes_of(asked, list(rows.values()), within, now_ms)
    if sort is Sort.NEWEST:
        groups = [
            Together(
                group.start_ms,
                None if group.is_open else max(one.closed_at_ms or one.end_ms for one in group.episodes),
                tuple(lanes[one.id] for one in group.episodes),
            )
            for group in groups_of(found)
        ]
    else:
        groups = [Together(one.start_ms, one.closed_at_ms, (lanes[one.id],)) for one in found]
    notice = NOTICES.get(asked.query("notice"))
    context = {
        "title": "Anomalies",
        "groups": groups,
        "is_late": is_late,
        "total": total,
        "tests": TESTS,
        "ticks": [within.from_ms + within.length_ms * tick // (TICKS - 1) for tick in range(TICKS)],
        "search": wanted.search,
        "is_open": wanted.is_open,
        "open_count": len(keeper.now.open),
        "source": asked.query("source"),
        "test": asked.query("test"),
        "sort": sort.value,
        "sorts": [one.value for one in Sort],
        "sources": [one.value for one in Source],
        "normal": normal_of(asked),
        "looked": looked_at(keeper),
        "is_enabled": asked.service.config.anomalies.enabled,
        "first": first + 1,
        "last": first + len(found),
        "previous": number - 1 if number > 1 else None,
        "next": number + 1 if number < pages else None,
    }
    messages = [] if notice is None else [notice]
    return in_address(
        asked, asked.page("anomalies.html", "analysis", context, fragments=("results",), messages=messages)
    )


def lanes_of(asked: Asked, rows: list[EpisodeRow], within: Range, now_ms: int) -> tuple[dict[int, Lane], bool]:
    """Lanes by the ids of episodes, and whether their numbers are still to come."""
    is_part = asked.fragment is not None
    values = values_of(asked.service, rows, within, is_patient=is_part)
    lanes = {row.id: lane_of(row, within, (values or {}).get(row.series_key, ()), now_ms) for row in rows}
    return lanes, values is None and not is_part


def normal_of(asked: Asked) -> list[MuteRow]:
    """What is said to be normal, newest first."""
    return [mute_row(one) for one in asked.service.anomalies.state.mutes(asked.service.now_ms())]


def _wanted(asked: Asked, within: Range) -> Wanted:
    source, test = asked.query("source"), asked.query("test")
    if source and source not in {one.value for one in Source}:
        raise InputError(f"source: one of {', '.join(Source)}, found {source[:30]!r}", field="source")
    if test and test not in {one.value for one in SpokenTest}:
        raise InputError(f"test: one of {', '.join(SpokenTest)}, found {test[:30]!r}", field="test")
    is_open = asked.query("open") == "1"
    return Wanted(
        None if is_open else within.from_ms,
        None if is_open else within.to_ms,
        asked.query("q").strip()[:200],
        is_open,
        Source(source) if source else None,
        SpokenTest(test) if test else None,
    )


def _sort(asked: Asked) -> Sort:
    text = asked.query("sort") or Sort.NEWEST.value
    if text not in {one.value for one in Sort}:
        raise InputError(f"sort: one of {', '.join(Sort)}, found {text[:30]!r}", field="sort")
    return Sort(text)


def _page(asked: Asked) -> int:
    text = asked.query("page") or "1"
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:6]) <= 100_000:
        raise InputError(f"page: from 1 to 100000, found {text[:20]!r}", field="page")
    return int(text)
