"""Searching on the real engine: what is found is what a plain loop over the records finds."""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.empty_store import make_tables
from trimtab.model.errors import InputError
from trimtab.store.logs.answers import LEVELS, LogQuery, LogRecord, LogRow
from trimtab.store.logs.language import LogQueryError
from trimtab.store.logs.reads import LogReads
from trimtab.store.telemetry import EmbeddedTelemetry, TelemetryLimits
from trimtab.store.traces.typed_json import values_of

pytestmark = pytest.mark.store

LIMITS = TelemetryLimits(load_interval_s=0.05, logs_load_interval_s=0.05)
NOW_MS = time.time_ns() // 1_000_000
FROM_MS = NOW_MS - 3_600_000
RECORDS_COUNT = 3000
TRACE = "ab" * 16


def made() -> list[LogRow]:
    dice = random.Random(3)
    rows = []
    for number in range(RECORDS_COUNT):
        user = dice.randrange(300)
        body = dice.choice(
            [
                f"user {user} logged in from 10.0.{user % 7}.{number % 256}",
                f"Connection refused: checkout-service:{number}",
                "connection was not refused by cart_service",
                f"GET /orders/{number} took {dice.randrange(900)} ms",
                "Über-Straße 50%_ off \\ today",
                f"timeouts after {number} tries, TIMEOUT={user}",
                '{"level":"info","msg":"json line"}',
                "",
            ]
        )
        service = dice.choice(["shop", "cart", "mail"])
        resource = {"service.name": service, "host.name": f"node-{number % 4}"}
        if service == "cart":
            resource["zone"] = "a"
        attributes: dict[str, str | int | float] = {
            "http.status_code": dice.choice([200, 404, 500]),
            "user.id": str(user),
        }
        if number % 3 == 0:
            attributes["zone"] = dice.choice("abc")
        rows.append(
            LogRow(
                body,
                (FROM_MS + 1) * 1_000_000 + number * 1_150_000_000 // (number % 5 + 1),
                severity_number=dice.choice([0, 5, 9, 13, 17, 21]),
                attributes=attributes,
                resource=resource,
                trace_id=TRACE if number % 100 == 0 else "",
                span_id="cd" * 8 if number % 200 == 0 else "",
                event_name="login" if body.startswith("user") else "",
            )
        )
    return rows


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedTelemetry]:
    path: Path = tmp_path_factory.mktemp("logs")
    with EmbeddedTelemetry.open(make_tables(path), LIMITS) as opened:
        rows = made()
        for start in range(0, RECORDS_COUNT, 500):
            assert opened.logs.append_rows(rows[start : start + 500]).stored_count == 500
        opened.flush()
        yield opened


@pytest.fixture(scope="module")
def logs(store: EmbeddedTelemetry) -> LogReads:
    return LogReads(store)


@pytest.fixture(scope="module")
def everything(logs: LogReads) -> list[LogRecord]:
    found = logs.search(LogQuery(FROM_MS, NOW_MS, limit=5000)).records
    assert len(found) == RECORDS_COUNT
    return list(found)


def word(text: str) -> Callable[[LogRecord], bool]:
    pattern = re.compile(rf"(?<![0-9A-Za-z\x80-\U0010ffff]){text}(?![0-9A-Za-z\x80-\U0010ffff])", re.IGNORECASE)
    return lambda one: pattern.search(one.body_text) is not None


def either(one: LogRecord, name: str) -> object:
    return one.resource.get(name, one.attributes.get(name))


def status(one: LogRecord) -> int:
    found = one.attributes["http.status_code"]
    assert isinstance(found, int)
    return found


CASES: list[tuple[str, Callable[[LogRecord], bool]]] = [
    ("", lambda one: True),
    ("user", word("user")),
    ("USER", word("user")),
    ("timeout", word("timeout")),
    ("timeouts", word("timeouts")),
    ("timeout*", lambda one: "timeout" in one.body_text.lower()),
    ("*imeout", lambda one: re.search(r"imeout(?![a-z])", one.body_text.lower()) is not None),
    ("*imeou*", lambda one: "imeou" in one.body_text.lower()),
    ("time", word("time")),
    ("connection refused", lambda one: word("connection")(one) and word("refused")(one)),
    ('"connection refused"', lambda one: "connection refused" in one.body_text.lower()),
    ('"onnection refused"', lambda one: False),
    ("checkout-service", word("checkout-service")),
    ("checkout-serv", lambda one: False),
    ("checkout-serv*", lambda one: "checkout-serv" in one.body_text),
    ("cart_service", word("cart_service")),
    ("10.0.3.*", lambda one: "10.0.3." in one.body_text),
    ("über-straße", lambda one: "Über-Straße" in one.body_text),
    ("ÜBER", word("Über")),
    ('"50%_ off"', lambda one: "50%_ off" in one.body_text),
    (r'"\\ today"', lambda one: "today" in one.body_text),
    ("-user", lambda one: not word("user")(one)),
    ("NOT (user OR timeout)", lambda one: not word("user")(one) and not word("timeout")(one)),
    ("user OR refused", lambda one: word("user")(one) or word("refused")(one)),
    (r"/orders\/\d*7 took/", lambda one: re.search(r"orders/\d*7 took", one.body_text) is not None),
    ("/GET.*MS/", lambda one: False),
    (r"/ after (\d|[a-z]+) TRIES,/i", lambda one: re.search(r" after \d tries,", one.body_text) is not None),
    (
        r"/(?:GET|POST) \/orders\/\d+ took \d/",
        lambda one: re.search(r"GET /orders/\d+ took", one.body_text) is not None,
    ),
    ("/get.*MS$/i", lambda one: one.body_text.startswith("GET")),
    (r"/timeouts? after [0-9]{1,2} /", lambda one: re.search(r"timeouts? after \d{1,2} ", one.body_text) is not None),
    ('"json line"', lambda one: "json line" in one.body_text),
    ("body:user", word("user")),
    ("service:shop", lambda one: one.service_name == "shop"),
    ("service!=shop", lambda one: one.service_name != "shop"),
    ("service:s*", lambda one: one.service_name.startswith("s")),
    ("service:/^(shop|mail)$/", lambda one: one.service_name in {"shop", "mail"}),
    ("level:error", lambda one: one.level == "error"),
    ("level>=warn", lambda one: LEVELS.index(one.level) >= 4),
    ("level<info", lambda one: LEVELS.index(one.level) < 3),
    ("http.status_code:500", lambda one: status(one) == 500),
    ("http.status_code>=404", lambda one: status(one) >= 404),
    ("http.status_code<404.5", lambda one: status(one) < 404.5),
    ("user.id:17", lambda one: one.attributes["user.id"] == "17"),
    ("user.id:1*", lambda one: str(one.attributes["user.id"]).startswith("1")),
    ("user.id:/^[12].$/", lambda one: re.fullmatch("[12].", str(one.attributes["user.id"])) is not None),
    ("user.id!=17", lambda one: one.attributes["user.id"] != "17"),
    ("host.name:node-1", lambda one: one.resource["host.name"] == "node-1"),
    ("host.name:*", lambda one: True),
    ("host.name>node-1", lambda one: str(one.resource["host.name"]) > "node-1"),
    ("zone:a", lambda one: either(one, "zone") == "a"),
    ("zone:*", lambda one: either(one, "zone") is not None),
    ("-zone:*", lambda one: either(one, "zone") is None),
    ("zone!=a", lambda one: either(one, "zone") != "a"),
    ("zone:/[ab]/", lambda one: either(one, "zone") in {"a", "b"}),
    ("resource.zone:a", lambda one: one.resource.get("zone") == "a"),
    ("attributes.zone:a", lambda one: one.attributes.get("zone") == "a"),
    ("no.such:x", lambda one: False),
    ("-no.such:x", lambda one: True),
    (f"trace_id:{TRACE.upper()}", lambda one: one.trace_id == TRACE),
    ("span_id:*", lambda one: one.span_id != ""),
    ("event:login", lambda one: one.event_name == "login"),
    (
        "user service:shop level>=error -zone:a",
        lambda one: (
            word("user")(one)
            and one.service_name == "shop"
            and LEVELS.index(one.level) >= 5
            and either(one, "zone") != "a"
        ),
    ),
    (
        "(user OR timeout) -(http.status_code:500 OR http.status_code:404)",
        lambda one: (word("user")(one) or word("timeout")(one)) and status(one) == 200,
    ),
]


@pytest.mark.parametrize("is_merged", [False, True])
@pytest.mark.parametrize("case", CASES, ids=[text for text, _ in CASES])
def test_what_is_found(
    store: EmbeddedTelemetry,
    logs: LogReads,
    everything: list[LogRecord],
    case: tuple[str, Callable[[LogRecord], bool]],
    is_merged: bool,
) -> None:
    if is_merged:  # then the text indexes are there
        store._engine.write("OPTIMIZE TABLE log_records FINAL")
    text, is_wanted = case
    expected = [one for one in everything if is_wanted(one)]
    query = LogQuery(FROM_MS, NOW_MS, text, limit=5000)
    assert [one.id for one in logs.search(query).records] == [one.id for one in expected]
    histogram = logs.histogram(query)
    by_level = Counter(one.level for one in expected)
    assert {name: sum(counts) for name, counts in histogram.counts.items()} == dict(by_level)


def test_the_other_fields_of_a_query(logs: LogReads, everything: list[LogRecord]) -> None:
    query = LogQuery(
        FROM_MS,
        NOW_MS,
        "user",
        service="shop",
        severity_min="info",
        attributes={"http.status_code": "200"},
        limit=5000,
        order="oldest",
    )
    expected = [
        one
        for one in everything[::-1]
        if word("user")(one) and one.service_name == "shop" and LEVELS.index(one.level) >= 3 and status(one) == 200
    ]
    assert list(logs.search(query).records) == expected
    in_trace = logs.search(LogQuery(FROM_MS, NOW_MS, trace_id=TRACE, span_id="cd" * 8)).records
    assert len(in_trace) == RECORDS_COUNT // 200
    assert len(logs.of_trace(TRACE, NOW_MS).records) == RECORDS_COUNT // 100


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_pages(logs: LogReads, everything: list[LogRecord], order: str) -> None:
    found: list[LogRecord] = []
    cursor = None
    while True:
        page = logs.search(
            LogQuery(FROM_MS, NOW_MS, "-user", limit=170, order=order, cursor=cursor)  # type: ignore[arg-type]
        )
        found += page.records
        cursor = page.next_cursor
        if cursor is None:
            break
    expected = [one for one in everything if not word("user")(one)]
    assert found == (expected if order == "newest" else expected[::-1])


def test_around(logs: LogReads, everything: list[LogRecord]) -> None:
    oldest = everything[::-1]
    for at in (0, 1500, RECORDS_COUNT - 1):
        found = logs.around(oldest[at].id, 20, is_whole=True)
        assert found.record == oldest[at]
        assert list(found.before) == oldest[max(0, at - 20) : at]
        assert list(found.after) == oldest[at + 1 : at + 21]
    of_service = [one for one in oldest if one.service_name == oldest[1500].service_name]
    place = of_service.index(oldest[1500])
    found = logs.around(oldest[1500].id, 20)
    assert [*found.before, *found.after] == [*of_service[place - 20 : place], *of_service[place + 1 : place + 21]]
    assert logs.around("1-2-3", 5).record is None


def test_a_histogram(logs: LogReads, everything: list[LogRecord]) -> None:
    found = logs.histogram(LogQuery(FROM_MS + 61_234, NOW_MS), 50)
    assert len(found.starts_ms) <= 50
    expected = Counter(
        (one.at_ns // 1_000_000 // found.step_ms * found.step_ms, one.level)
        for one in everything
        if one.at_ns >= (FROM_MS + 61_234) * 1_000_000
    )
    told = {
        (start_ms, level): count
        for level, counts in found.counts.items()
        for start_ms, count in zip(found.starts_ms, counts, strict=True)
        if count
    }
    assert told == dict(expected)
    assert found.total_count == expected.total()
    assert found.starts_ms[0] <= FROM_MS + 61_234 < found.starts_ms[1]


def test_patterns(logs: LogReads, everything: list[LogRecord]) -> None:
    found = logs.patterns(LogQuery(FROM_MS, NOW_MS))
    assert (found.lines_count, found.total_count) == (RECORDS_COUNT, RECORDS_COUNT)
    by_template = {one.template: one for one in found.patterns}
    login = by_template["user <*> logged in from <*>"]
    expected = [one for one in everything if one.body_text.startswith("user")]
    assert login.count == len(expected) == sum(login.counts)
    assert login.by_level == dict(Counter(one.level for one in expected))
    assert (login.first_ns, login.last_ns) == (expected[-1].at_ns, expected[0].at_ns)
    assert login.example is not None
    assert login.example.body_text.startswith("user")
    assert set(login.services) == {"shop", "cart", "mail"}
    lines = logs.search(LogQuery(FROM_MS, NOW_MS, login.query, limit=5000)).records
    assert [one.id for one in lines] == [one.id for one in expected]
    assert {one.pattern_id for one in lines} == {login.id}
    assert "GET /orders/<*> took <*> ms" in by_template
    assert sum(one.count for one in found.patterns) == RECORDS_COUNT
    assert len(logs.patterns(LogQuery(FROM_MS, NOW_MS, "nothing_is_like_this")).patterns) == 0


def test_fields_and_values(logs: LogReads, everything: list[LogRecord]) -> None:
    query = LogQuery(FROM_MS, NOW_MS)
    found = logs.fields(query)
    assert found.records_count == RECORDS_COUNT
    by_name = {(one.place, one.name): one for one in found.fields}
    codes = by_name["attribute", "http.status_code"]
    counted = Counter(str(status(one)) for one in everything)
    assert (codes.share, codes.values_count, codes.top_values) == (1.0, 3, tuple(counted.most_common()))
    zone = by_name["attribute", "zone"]
    assert zone.share == pytest.approx(1 / 3)
    assert by_name["resource", "zone"].top_values[0][0] == "a"
    assert dict(logs.attribute_values(query, "zone").values) == {
        **Counter(str(one.attributes["zone"]) for one in everything if "zone" in one.attributes),
        "a": sum(("zone" in one.resource) + (one.attributes.get("zone") == "a") for one in everything),
    }
    services = dict(logs.attribute_values(query, "service").values)
    assert services == dict(Counter(one.service_name for one in everything))
    assert dict(logs.attribute_values(query, "level", "e").values) == {
        "error": sum(one.level == "error" for one in everything)
    }
    assert [name for name, _ in logs.attribute_keys(query, "host").values] == ["host.name"]


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("a (b", 3, "not closed"),
        ("a ) b", 3, "closes nothing"),
        ('say "what', 5, "this quote is not closed"),
        ("level:loud", 1, "there is no level 'loud'"),
        ("ok /[a/", 4, "no regular expression"),
        ("a*b", 2, "a * stands at the beginning or at the end"),
        ("a OR", 3, "behind OR something must stand"),
        ("k:", 3, "behind : a value must stand"),
        ("pattern:xyz", 1, "pattern takes the numbers"),
        ("body>5", 1, "body can be searched"),
        ("k>*", 1, "behind > a number or a text"),
        ("x " * 101, 201, "may have 100 terms"),
        ("x" * 4001, 4001, "may have 4000 characters"),
        ("(" * 30, 22, "20 deep"),
        ("-" * 40 + "a", 23, "20 deep"),
    ],
)
def test_queries_that_are_wrong_say_where(logs: LogReads, text: str, column: int, message: str) -> None:
    with pytest.raises(LogQueryError) as caught:
        logs.search(LogQuery(FROM_MS, NOW_MS, text))
    assert message in caught.value.message
    assert caught.value.facts["column"] == column


def test_other_things_that_are_wrong(logs: LogReads) -> None:
    for query in (
        LogQuery(NOW_MS, NOW_MS),
        LogQuery(-5, NOW_MS),
        LogQuery(FROM_MS, 10**16),
        LogQuery(FROM_MS, NOW_MS, limit=0),
        LogQuery(FROM_MS, NOW_MS, limit=5001),
        LogQuery(FROM_MS, NOW_MS, cursor="x"),
        LogQuery(FROM_MS, NOW_MS, severity_min="loud"),
    ):
        with pytest.raises(InputError):
            logs.search(query)


PIECES = [*"a\"'\\()-:*/ %=<[]+1ü\n\t\0", "OR", "{x:String}", "level", "zone", ";--", "BODY(rows)", "SHARD(x)"]


def test_hostile_texts_are_searched_for_or_refused(logs: LogReads) -> None:
    dice = random.Random(11)
    columns = []
    for _ in range(300):
        text = "".join(dice.choice(PIECES) for _ in range(dice.randint(1, 12)))
        try:
            logs.search(LogQuery(FROM_MS, NOW_MS, text, limit=1))
        except LogQueryError as error:
            columns.append((int(str(error.facts["column"])), len(text)))
    assert 20 < len(columns) < 280
    assert all(1 <= column <= length + 1 for column, length in columns)


def test_resources_are_known_by_the_day(store: EmbeddedTelemetry, everything: list[LogRecord]) -> None:
    rows = store.query("SELECT day_ms, resource FROM log_resources FINAL").to_pylist()
    day_ms = 86_400_000
    wanted = {(one.at_ns // 1_000_000 // day_ms * day_ms, tuple(sorted(one.resource.items()))) for one in everything}
    found = {(row["day_ms"], tuple(sorted(values_of(row["resource"]).items()))) for row in rows}
    assert found == wanted
    assert len(rows) == len(wanted)


def test_a_phrase_is_counted_by_patterns_and_in_long_lines(store: EmbeddedTelemetry, logs: LogReads) -> None:
    long = "import of file 7 " + "and so on " * 300
    bodies = [f"payment declined {n}" for n in range(40)] + [f"{n} declined: payment" for n in range(30)]
    bodies += [f"{long} payment declined"] * 5 + [f"{long} payment was declined"] * 7
    bodies += ["payment\tdeclined", "Payment Declined.", "prepayment declined", "payment declined5"]
    bodies += ["payment 5 declined"]
    from_ms = FROM_MS - 7_200_000
    rows = [LogRow(body, (from_ms + 1000 * n) * 1_000_000, severity_number=9) for n, body in enumerate(bodies)]
    assert store.logs.append_rows(rows).stored_count == len(bodies)
    store.flush()
    asked = ('"payment declined"', "payment declined", 46), ('declined "payment was"', "payment was", 7)
    for text, phrase, count in asked:
        wanted = [body for body in bodies[::-1] if re.search(rf"(?i)(?<!\w){phrase}(?!\w)", body)]
        query = LogQuery(from_ms, from_ms + 3_600_000, text, limit=5000)
        found = logs.search(query).records
        assert [one.body_text for one in found] == wanted
        assert logs.histogram(query).total_count == len(wanted) == count
    assert all(int(one.pattern_id, 16) % 2 for one in found)
