"""Long ranges, counted from sums by the minute, say what a plain loop over the records says; and a search that has only
so much time is gone on with until all is found."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.empty_store import make_tables
from tests.store.traces.test_calls import roll
from tests.store.traces.test_effort import Clock
from trimtab.store.logs.answers import LEVELS, LogHistogram, LogQuery, LogRow, level_of
from trimtab.store.logs.drain import normal_form
from trimtab.store.logs.reads import LogReads
from trimtab.store.telemetry import EmbeddedTelemetry, TelemetryLimits

pytestmark = pytest.mark.store

LIMITS = TelemetryLimits(load_interval_s=0.05, logs_load_interval_s=0.05, rollup_interval_s=3600.0)
HOUR_MS = 3_600_000
Row = tuple[int, str, str, int]
"""Milliseconds before now, body, service, severity."""


def lines(now_ms: int, first: int, count: int) -> list[LogRow]:
    """Some kinds of lines over eight hours, a few of which are rare."""
    draw = random.Random(first)
    found = []
    for number in range(first, first + count):
        kind = draw.choices(range(4), (50, 30, 15, 1))[0]
        body = (
            f"request {number} took {draw.randrange(900)} ms",
            f"cache miss for product:{number}",
            "",
            "out of memory",
        )[kind]
        found.append(
            LogRow(
                body,
                (now_ms - draw.randrange(8 * HOUR_MS)) * 1_000_000 + draw.randrange(1_000_000),
                severity_number=(9, 5, 13, 21)[kind] if draw.random() < 0.9 else 0,
                resource={"service.name": draw.choice(["shop", "cart"])},
            )
        )
    return found


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmbeddedTelemetry, list[LogRow], int]]:
    """Records of which most are summed up, the last ones not yet; and the time now."""
    import time

    path: Path = tmp_path_factory.mktemp("minutes")
    now_ms = time.time_ns() // 1_000_000
    with EmbeddedTelemetry.open(make_tables(path), LIMITS) as telemetry:
        rows: list[LogRow] = []
        for number in range(3):
            fresh = lines(now_ms, number * 1000, 1000)
            telemetry.logs.append_rows(fresh)
            telemetry.flush(60)
            rows += fresh
            if number < 2:
                roll(telemetry)
        assert telemetry.marks()["log_records"] > 0
        yield telemetry, rows, now_ms


def fitting(rows: Sequence[LogRow], query: LogQuery) -> list[LogRow]:
    """By a loop."""
    least = LEVELS.index(query.severity_min) if query.severity_min else 0
    return [
        row
        for row in rows
        if query.from_ms * 1_000_000 <= row.at_ns < query.to_ms * 1_000_000
        and (query.service is None or row.resource["service.name"] == query.service)
        and LEVELS.index(level_of(row.severity_number)) >= least
    ]


QUERIES: Sequence[Callable[[int], LogQuery]] = (
    lambda now_ms: LogQuery(now_ms - 9 * HOUR_MS, now_ms + 1),
    lambda now_ms: LogQuery(now_ms - 7 * HOUR_MS - 12_345, now_ms - HOUR_MS - 777),
    lambda now_ms: LogQuery(now_ms - 6 * HOUR_MS, now_ms, service="cart"),
    lambda now_ms: LogQuery(now_ms - 6 * HOUR_MS, now_ms, severity_min="warn"),
    lambda now_ms: LogQuery(now_ms - HOUR_MS, now_ms),
)


@pytest.mark.parametrize("number", range(len(QUERIES)))
def test_histograms_of_long_ranges(logs: tuple[EmbeddedTelemetry, list[LogRow], int], number: int) -> None:
    telemetry, rows, now_ms = logs
    query = QUERIES[number](now_ms)
    for bars in (20, 100):
        found = LogReads(telemetry).histogram(query, bars)
        wanted: dict[str, Counter[int]] = defaultdict(Counter)
        for row in fitting(rows, query):
            wanted[level_of(row.severity_number)][row.at_ns // 1_000_000 // found.step_ms * found.step_ms] += 1
        told = {
            name: {start: n for start, n in zip(found.starts_ms, counts, strict=True) if n}
            for name, counts in found.counts.items()
        }
        assert told == wanted
        assert (found.total_count, found.looked_from_ms) == (len(fitting(rows, query)), None)


@pytest.mark.parametrize("number", range(len(QUERIES)))
def test_levels_and_services_of_long_ranges(logs: tuple[EmbeddedTelemetry, list[LogRow], int], number: int) -> None:
    telemetry, rows, now_ms = logs
    query, reads = QUERIES[number](now_ms), LogReads(telemetry)
    mine = fitting(rows, query)
    assert dict(reads.attribute_values(query, "level").values) == Counter(level_of(r.severity_number) for r in mine)
    services = Counter(str(row.resource["service.name"]) for row in mine)
    assert dict(reads.attribute_values(query, "service").values) == services
    assert dict(reads.attribute_values(query, "service.name").values) == services


@pytest.mark.parametrize("number", range(len(QUERIES)))
def test_patterns_of_long_ranges(logs: tuple[EmbeddedTelemetry, list[LogRow], int], number: int) -> None:
    telemetry, rows, now_ms = logs
    query = QUERIES[number](now_ms)
    found = LogReads(telemetry).patterns(query)
    wanted = Counter(normal_form(str(row.body)) for row in fitting(rows, query))
    assert found.total_count == wanted.total()
    told = {one.template: one for one in found.patterns}
    assert set(told) == set(wanted)
    for form, count in wanted.items():
        assert told[form].count == count
        mine = [row for row in fitting(rows, query) if normal_form(str(row.body)) == form]
        assert told[form].by_level == Counter(level_of(row.severity_number) for row in mine)
        assert (told[form].first_ns, told[form].last_ns) == (min(r.at_ns for r in mine), max(r.at_ns for r in mine))
        assert set(told[form].services) == {str(row.resource["service.name"]) for row in mine}
        assert sum(told[form].counts) == count
        example = told[form].example
        assert example is not None
        assert normal_form(example.body_text) == form


@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.parametrize("text", [r"/took 1\d\d ms/", "*emor*", "/product:[0-9]*7$/ level:debug"])
def test_a_search_goes_on_where_its_time_was_over(
    logs: tuple[EmbeddedTelemetry, list[LogRow], int], text: str, order: str
) -> None:
    telemetry, rows, now_ms = logs
    query = LogQuery(now_ms - 9 * HOUR_MS, now_ms + 1, text=text, limit=60, order=order)  # type: ignore[arg-type]
    whole = LogReads(telemetry).search(replace(query, limit=len(rows)))
    assert whole.records
    assert whole.next_cursor is None
    ids: list[str] = []
    cuts, cursor = 0, None
    while True:
        page = LogReads(telemetry, Clock(0.15)).search(replace(query, effort_ms=400, cursor=cursor))
        ids += [one.id for one in page.records]
        if page.looked_to_ms is not None:
            cuts += 1
            assert len(page.records) <= 60
            looked_ns = page.looked_to_ms * 1_000_000
            seen = [one.id for one in whole.records if (one.at_ns >= looked_ns) == (order == "newest")]
            assert ids == seen
        cursor = page.next_cursor
        if cursor is None:
            break
    assert cuts > 0
    assert ids == [one.id for one in whole.records]


def test_a_histogram_says_how_far_back_it_counted(logs: tuple[EmbeddedTelemetry, list[LogRow], int]) -> None:
    telemetry, _, now_ms = logs
    query = LogQuery(now_ms - 9 * HOUR_MS, now_ms + 1, text=r"/took \d+ ms/")
    whole = LogReads(telemetry).histogram(query)
    part = LogReads(telemetry, Clock(0.15)).histogram(replace(query, effort_ms=400))
    assert whole.looked_from_ms is None
    assert part.looked_from_ms is not None
    newest = LogReads(telemetry).histogram(replace(query, from_ms=part.looked_from_ms), 240)
    assert part.total_count == newest.total_count < whole.total_count
    assert _newer(part, part.looked_from_ms + whole.step_ms) == _newer(whole, part.looked_from_ms + whole.step_ms)


@pytest.mark.parametrize("text", [r"/took \d+ ms/", '"cache miss"'])
def test_patterns_and_fields_of_what_there_was_time_for(
    logs: tuple[EmbeddedTelemetry, list[LogRow], int], text: str
) -> None:
    telemetry, _, now_ms = logs
    query = LogQuery(now_ms - 9 * HOUR_MS, now_ms + 1, text=text)
    whole = LogReads(telemetry).patterns(query)
    assert whole.looked_from_ms is None
    for clock_s, is_cut in ((Clock(0.15), True), (lambda: 0.0, False)):
        reads = LogReads(telemetry, clock_s)
        part = reads.patterns(replace(query, effort_ms=400))
        fields = reads.fields(replace(query, effort_ms=400))
        assert (part.looked_from_ms is not None, fields.looked_from_ms is not None) == (is_cut, is_cut)
        wanted = LogReads(telemetry).patterns(replace(query, from_ms=part.looked_from_ms or query.from_ms))
        told, same = ([replace(one, counts=()) for one in found.patterns] for found in (part, wanted))
        assert told == same
        assert part.total_count == wanted.total_count == fields.records_count > 0
        assert part.total_count < whole.total_count or not is_cut
        assert sum(sum(one.counts) for one in part.patterns) == part.lines_count


def _newer(found: LogHistogram, from_ms: int) -> list[tuple[int, ...]]:
    places = [place for place, start in enumerate(found.starts_ms) if start >= from_ms]
    return [tuple(counts[place] for place in places) for _, counts in sorted(found.counts.items())]
