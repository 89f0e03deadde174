"""Elasticsearch and OpenSearch as stores of logs: their official clients over a fake, and over trimtab's own door."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from tests.api.serving import running
from tests.empty_store import make_tables
from tests.integrations.fake_elasticsearch import Fake
from trimtab.api.elasticsearch.routes import elasticsearch_routes
from trimtab.app.sources.logs import page_of, question_of
from trimtab.extend.registry import load
from trimtab.extend.sources import SOURCES, Address, FoundLog, LogQuestion, LogSource, SourceError
from trimtab.model.errors import InputError
from trimtab.observe.room import Room
from trimtab.store.limits import TelemetryLimits
from trimtab.store.logs.answers import LogQuery
from trimtab.store.telemetry import EmbeddedTelemetry

pytestmark = pytest.mark.slow

FROM_MS, TO_MS = 1_777_889_000_000, 1_777_890_000_000


def document(at_s: int, message: str, level: str, service: str = "shop", **more: Any) -> dict[str, Any]:
    at = f"2026-05-04T10:{11 + at_s // 60:02d}:{at_s % 60:02d}.5Z"
    return {"@timestamp": at, "message": message, "log": {"level": level}, "service": {"name": service}, **more}


@pytest.fixture(params=["elasticsearch", "opensearch"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def fake(kind: str) -> Fake:
    made = Fake(product=kind == "elasticsearch")
    made.add("logs-1", "a", document(1, "connection refused by db", "error", http={"status": 503}))
    made.add("logs-1", "b", document(2, "GET /cart 200", "INFO", labels={"team": "checkout"}))
    made.add("logs-2", "c", document(3, "retry of connection", "warning", "cart", trace={"id": "4b" * 16}, n=[1, 2]))
    made.add("other", "d", document(4, "not of these indexes", "error"))
    made.add("logs-2", "e", {"@timestamp": "2026-05-04T10:12:00Z", "log": "as Fluent Bit has it: timeouts"})
    return made


@pytest.fixture
def source(kind: str, fake: Fake) -> Iterator[LogSource]:
    with running(fake.app) as url:
        made: LogSource = load(SOURCES)[kind](Address("prod", url, "logs-*", 5.0, "", lambda: "ApiKey abc"))
        yield made
        made.close()


def ask(text: str, **more: Any) -> LogQuestion:
    return question_of(LogQuery(FROM_MS, TO_MS, text, **more))


@pytest.mark.parametrize(
    ("text", "more", "ids"),
    [
        ("", {}, "ecba"),
        ("connection", {}, "ca"),
        ("connection -refused", {}, "c"),
        ('"connection refused"', {}, "a"),
        ("connec*", {}, "ca"),
        ("*onnectio*", {}, "ca"),
        ("refused OR cart", {}, "ba"),
        ("/GET .cart [0-9]+/", {}, "b"),
        ("timeouts", {}, "e"),
        ("service:cart", {}, "c"),
        ("service!=shop", {}, "ec"),
        ("level>=warn", {}, "ca"),
        ("level:info", {}, "b"),
        ("http.status>=500", {}, "a"),
        ("team:checkout", {}, "b"),
        ("labels.team:check*", {}, "b"),
        ("trace_id:*", {}, "c"),
        ("n:2", {}, "c"),
        ("", {"service": "shop", "severity_min": "error"}, "a"),
        ("", {"trace_id": "4b" * 16}, "c"),
        ("", {"attributes": {"http.status": "503"}}, "a"),
        ("", {"order": "oldest"}, "abce"),
    ],
)
def test_searches(source: LogSource, text: str, more: dict[str, Any], ids: str) -> None:
    found = source.search(ask(text, **more))
    assert "".join(record.id[-1] for record in found.records) == ids


def test_a_record(source: LogSource) -> None:
    [found] = source.search(ask("retry")).records
    [record] = page_of(source.search(ask("retry")), "prod").records
    assert (record.id, record.body_text, record.level, record.severity_text) == (
        "logs-2/c",
        "retry of connection",
        "warn",
        "warning",
    )
    assert (record.service_name, record.trace_id) == ("cart", "4b" * 16)
    assert record.at_ns == 1_777_889_463_500_000_000
    assert found.attributes["n"] == (1, 2)
    assert found.attributes["elasticsearch.index"] == "logs-2"


def test_pages(source: LogSource) -> None:
    seen, cursor = "", None
    for _ in range(5):
        page = page_of(source.search(ask("", limit=2, cursor=cursor)), "prod")
        seen += "".join(record.id[-1] for record in page.records)
        cursor = page.next_cursor
        if cursor is None:
            break
    assert (seen, cursor) == ("ecba", None)
    with pytest.raises(InputError, match="cursor"):
        source.search(ask("", cursor="18fae27693b40000-7-ff"))


def test_credentials_are_sent(source: LogSource, fake: Fake) -> None:
    source.search(ask(""))
    assert {headers["authorization"] for _, _, headers in fake.asked} == {"ApiKey abc"}


def test_partial_answers_say_so(source: LogSource, fake: Fake) -> None:
    fake.more = {"timed_out": True, "_shards": {"total": 5, "failed": 2}}
    assert page_of(source.search(ask("")), "prod").missing == (
        "prod: the search took too long and was cut short",
        "prod: 2 of 5 shards failed",
    )


@pytest.mark.parametrize("status", [401, 404, 429, 503])
def test_refusals(source: LogSource, fake: Fake, status: int) -> None:
    fake.status = status
    with pytest.raises(SourceError, match="prod") as caught:
        source.search(ask(""))
    assert "abc" not in caught.value.message


def test_what_is_no_answer_of_elasticsearch(source: LogSource, fake: Fake) -> None:
    fake.more = {"hits": 7}
    with pytest.raises(SourceError, match="did not answer as it should"):
        source.search(ask(""))


def test_nobody_is_there(kind: str) -> None:
    source: LogSource = load(SOURCES)[kind](Address("gone", "http://127.0.0.1:9", "", 1.0))
    with pytest.raises(SourceError, match="gone"):
        source.search(ask(""))
    source.close()


def records(*messages: str) -> list[FoundLog]:
    now_ns = time.time_ns()
    return [FoundLog(f"id-{text}", now_ns, text, "info", "shop", attributes={"a.b": 1}) for text in messages]


def test_writes(kind: str, fake: Fake) -> None:
    with running(fake.app) as url:
        source: LogSource = load(SOURCES)[kind](Address("prod", url, "written", 5.0))
        sent = source.write(records("one", "two", "refuse me"))
        assert (sent.taken_count, sent.refused) == (2, {"document_parsing_exception": 1})
        assert source.write(records("one", "two")).taken_count == 2, "they are there: that is as good"
        source.close()
    written = [source for index, _, source in fake.documents if index == "written"]
    assert [one["message"] for one in written] == ["one", "two"]
    assert written[0]["service.name"] == "shop"


def test_writing_needs_one_index(source: LogSource) -> None:
    with pytest.raises(InputError, match="one index"):
        source.write(records("x"))


@pytest.mark.store
def test_writes_to_another_trimtab(kind: str, tmp_path: Path) -> None:
    make: Callable[[Address], LogSource] = load(SOURCES)[kind]
    with EmbeddedTelemetry.open(make_tables(tmp_path)) as telemetry:
        routes, _ = elasticsearch_routes(telemetry.logs, TelemetryLimits(), Room(1 << 20))
        with running(Starlette(routes=list(routes))) as url:
            source = make(Address("peer", f"{url}/elasticsearch", "logs", 5.0))
            assert source.write(records("one", "two")).taken_count == 2
            assert source.write(records("one", "two")).taken_count == 2
            source.close()
        telemetry.flush()
        assert telemetry.query("SELECT count() AS n FROM log_records").to_pylist() == [{"n": 2}]
