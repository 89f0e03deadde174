"""Lists of shapes: right numbers, units per observed second, search, every sort, pages that miss and double nothing."""

from __future__ import annotations

import random

import pytest

from tests.app.reading.conftest import Reading
from tests.store.facts_of_a_shop import executions, slice_rows, trace_request
from trimtab.app.reading.answers import ShapeRow, ShapeSort
from trimtab.app.reading.ranges import Range
from trimtab.model.errors import InputError, NotFound
from trimtab.model.finding import Finding, FindingKind, Severity
from trimtab.store.tables import QUERY_EXECUTIONS, table_of

pytestmark = pytest.mark.store
MINUTE_MS = 60_000
TEXT = "SELECT * FROM Orders WHERE id = $1"


def at(reading: Reading, minutes_ago: float) -> int:
    return reading.clock.now_ms() - round(minutes_ago * MINUTE_MS)


def test_numbers_are_per_observed_second_and_shares_of_the_systems_load(reading: Reading) -> None:
    start = at(reading, 30)
    reading.shapes(("aa", TEXT, "public.orders"), ("bb", "SELECT 2", ""))
    windows = [(start + 1000 * i, start + 1000 * (i + 1)) for i in range(20)]
    reading.telemetry.write("query_slices", slice_rows("shop", windows))
    blank = dict.fromkeys(QUERY_EXECUTIONS.names, 0)
    rows = [
        {
            **blank,
            "system": "shop",
            "fingerprint": "aa",
            "started_at_ms": windows[place][0],
            "ended_at_ms": windows[place][1],
            "calls": 10,
            "total_exec_time_ms": 150.0,
            "rows": 30,
            "shared_blks_hit": 90,
            "shared_blks_read": 10,
        }
        for place in (0, 5)
    ]
    reading.telemetry.write("query_executions", table_of("query_executions", rows))
    reading.telemetry.write("query_executions", executions("shop", [("bb", *windows[3], 4, 100.0)]))
    reading.telemetry.write("query_executions", executions("other", [("aa", *windows[3], 1, 999.0)]))
    reading.telemetry.flush(20)
    found = reading.reader.shapes("shop", Range(start, start + 10 * MINUTE_MS))
    assert (found.total, found.observed_s, found.source) == (2, 20.0, "query_executions")
    first, second = found.rows
    assert first == ShapeRow(
        system="shop",
        fingerprint="aa",
        text=TEXT,
        statement="select",
        tables=("public.orders",),
        calls=20,
        calls_per_s=1.0,
        mean_exec_time_ms=15.0,
        total_exec_time_ms=300.0,
        load_ms_per_s=15.0,
        load_share=0.75,
        rows_per_call=3.0,
        hit_ratio=0.9,
        p95_ms=None,
        case_id=None,
        case_state=None,
    )
    assert (second.hit_ratio, second.load_share, second.rows_per_call) == (None, 0.25, 2.0)
    everywhere = reading.reader.shapes(None, Range(start, start + 10 * MINUTE_MS))
    assert [(row.system, row.fingerprint, row.load_share) for row in everywhere.rows] == [
        ("other", "aa", 1.0),
        ("shop", "aa", 0.75),
        ("shop", "bb", 0.25),
    ]
    assert everywhere.rows[0].calls_per_s == 0.0, "that system was not observed"


def test_a_case_and_the_callers_latency_stand_beside_the_shape(reading: Reading) -> None:
    start = at(reading, 20)
    reading.telemetry.append_otlp_traces(
        trace_request(
            [f"s{i}" for i in range(101)],
            text="SELECT * FROM orders WHERE id = 7",
            durations_ms=[float(i) for i in range(101)],
            start_ns=start * 1_000_000,
        )
    )
    reading.telemetry.flush(20)
    found = reading.telemetry.query("SELECT any(db_query_fingerprint) AS f FROM spans")
    fingerprint = str(found["f"][0].as_py())
    reading.telemetry.write("query_executions", executions("shop", [(fingerprint, start, start + 1000, 9, 9.0)]))
    finding = Finding(
        "shop", fingerprint, FindingKind.OBJECTIVE_BROKEN, Severity.WARNING, start, "mean 90 ms is over 50 ms", 1.0, ()
    )
    case = reading.state.open_case(finding, TEXT)
    reading.telemetry.flush(20)
    within = Range(start - MINUTE_MS, start + MINUTE_MS)
    [row] = reading.reader.shapes("shop", within).rows
    assert (row.case_id, row.case_state) == (case.id, "open")
    assert row.p95_ms == pytest.approx(95.0, abs=0.001)
    story = reading.reader.shape("shop", fingerprint, within)
    assert story.totals == row
    assert [known.title for known in story.cases] == ["mean 90 ms is over 50 ms"]
    assert story.shape == TEXT, "the store does not know it, its case does"


@pytest.fixture
def many(reading: Reading) -> tuple[Reading, Range]:
    """Sixty shapes of two systems, some of them equal in every number."""
    draw = random.Random(2)
    start = at(reading, 30)
    reading.telemetry.write("query_slices", slice_rows("shop", [(start, start + 1000)]))
    for system in ("shop", "archive"):
        names = [f"{i:016x}" for i in range(30)]
        reading.shapes(
            *((n, f"select {i % 7} from T{i % 3}", f"public.t{i % 3}") for i, n in enumerate(names)), system=system
        )
        rows = [(name, start, start + 1000, draw.choice([1, 2, 5]), draw.choice([1.0, 5.0])) for name in names]
        reading.telemetry.write("query_executions", executions(system, rows))
    reading.telemetry.flush(20)
    return reading, Range(start - MINUTE_MS, start + MINUTE_MS)


@pytest.mark.parametrize("sort", list(ShapeSort))
@pytest.mark.parametrize("descending", [True, False])
def test_every_sort_is_an_order_and_its_pages_are_the_whole(
    many: tuple[Reading, Range], sort: ShapeSort, descending: bool
) -> None:
    reading, within = many
    whole = reading.reader.shapes(None, within, sort=sort, descending=descending, limit=1000)
    assert whole.total == len(whole.rows) == 60
    values = [_value(row, sort) for row in whole.rows]
    assert values == sorted(values, reverse=descending)
    pages = [
        reading.reader.shapes(None, within, sort=sort, descending=descending, limit=7, offset=first)
        for first in range(0, 63, 7)
    ]
    assert [row for page in pages for row in page.rows] == list(whole.rows)
    ties: dict[object, list[tuple[str, str]]] = {}
    for row in whole.rows:
        ties.setdefault(_value(row, sort), []).append((row.system, row.fingerprint))
    assert all(names == sorted(names) for names in ties.values())


def _value(row: ShapeRow, sort: ShapeSort) -> float | str:
    match sort:
        case ShapeSort.LOAD:
            return row.total_exec_time_ms
        case ShapeSort.CALLS:
            return row.calls
        case ShapeSort.MEAN:
            return row.mean_exec_time_ms
        case ShapeSort.ROWS:
            return row.rows_per_call
        case ShapeSort.P95:
            return row.p95_ms or 0.0
        case ShapeSort.NAME:
            return (row.text or "").lower()


@pytest.mark.parametrize(
    ("search", "count"),
    [
        ("", 60),
        ("SELECT 3", 8),
        ("from t1", 20),
        ("PUBLIC.T2", 20),
        ("00000000000000A", 2),
        ("nothing", 0),
        ("  t1 ", 20),
    ],
)
def test_search_is_in_text_tables_and_fingerprint(many: tuple[Reading, Range], search: str, count: int) -> None:
    reading, within = many
    found = reading.reader.shapes(None, within, search=search, limit=5)
    assert found.total == count
    assert len(found.rows) == min(5, count)


def test_what_is_not_there(reading: Reading) -> None:
    within = Range(at(reading, 10), at(reading, 0))
    assert reading.reader.shapes("shop", within).rows == ()
    with pytest.raises(NotFound):
        reading.reader.shapes("nowhere", within)
    with pytest.raises(NotFound):
        reading.reader.shape("shop", "nothing", within)
    for limit, offset, search in ((0, 0, ""), (1001, 0, ""), (1, -1, ""), (1, 0, "x" * 201)):
        with pytest.raises(InputError):
            reading.reader.shapes("shop", within, search=search, limit=limit, offset=offset)


def test_names_that_could_be_sql_are_names(reading: Reading) -> None:
    """Systems, fingerprints and needles are the user's: quotes, escapes, newlines."""
    start = at(reading, 10)
    for nasty in ("it's", "a\\", "tab\there", "new\nline", "'; DROP TABLE query_executions; --", "{x:String}"):
        reading.shapes((nasty, nasty, nasty), system=nasty)
        reading.telemetry.write("query_executions", executions(nasty, [(nasty, start, start + 1000, 1, 1.0)]))
        reading.telemetry.flush(20)
        [row] = reading.reader.shapes(nasty, Range(start, start + MINUTE_MS), search=nasty).rows
        assert (row.system, row.fingerprint, row.calls) == (nasty, nasty, 1)
        assert reading.reader.shape(nasty, nasty, Range(start, start + MINUTE_MS)).totals is not None
