"""The client: what it sends, what it makes of answers, and that the password stays where it belongs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from urllib.parse import parse_qs, urlsplit

import httpx2
import pyarrow as pa
import pytest

from tests.clickhouse.servers import PASSWORD, Shard, address_of
from tests.clickhouse.shim import fields_of
from trimtab.model.errors import EngineRefused, InputError, MissingError, ServerUnsupported, StoreError
from trimtab.store.clickhouse import engine as engine_module
from trimtab.store.clickhouse.address import Address
from trimtab.store.clickhouse.connection import Connection, QueryIds, arrow_of
from trimtab.store.clickhouse.engine import ClickHouseEngine
from trimtab.store.clickhouse.shard import Shard as ShardHere
from trimtab.store.engine import Body, Merge
from trimtab.store.limits import MIB, TelemetryLimits

ADDRESS = Address(("h:8123",), "obs", "ann", "geheim")
NASTY = ["it's", 'a"b', "a\\", "tab\there", "line\nbreak", "\\N", "'; DROP TABLE x; --", "ü€", "", "?&=%", "{v:String}"]


def connection_to(answer: Callable[[httpx2.Request], httpx2.Response]) -> Connection:
    return Connection(ADDRESS, "h:8123", transport=httpx2.MockTransport(answer))


def stream_of(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        for batch in table.to_batches(2):
            writer.write_batch(batch)
    return sink.getvalue().to_pybytes()


def test_secrets_travel_in_a_header_and_values_apart_from_the_statement() -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200)

    connection = connection_to(answer)
    connection.run("SELECT {v:String}", {"v": "it's"}, {"readonly": 1}, query_id="q1")
    (request,) = seen
    query = parse_qs(urlsplit(str(request.url)).query)
    assert query == {
        "database": ["obs"],
        "default_format": ["ArrowStream"],
        "readonly": ["1"],
        "query_id": ["q1"],
        "param_v": ["it's"],
    }
    assert request.content == b"SELECT {v:String}"
    assert request.headers["X-ClickHouse-Key"] == "geheim"
    assert "geheim" not in str(request.url)


def test_long_values_and_bodies_go_as_a_form() -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200)

    ids = list(range(10_000))
    bodies = {"rows": Body([b"1\r\n--", memoryview(b"\0\xff")], "TSV", "id Int64")}
    connection_to(answer).run("SELECT 1", {"ids": ids}, {}, bodies, query_id="q1")
    (request,) = seen
    fields, files = fields_of(request.read(), request.headers["Content-Type"])
    assert fields == {"query": "SELECT 1", "param_ids": "[" + ",".join(map(str, ids)) + "]"}
    assert files == {"rows": b"1\r\n--\0\xff"}
    query = parse_qs(urlsplit(str(request.url)).query)
    assert (query["rows_format"], query["rows_structure"]) == (["TSV"], ["id Int64"])


@pytest.mark.parametrize(
    ("status", "headers", "code", "is_machine"),
    [
        (500, {"X-ClickHouse-Exception-Code": "241"}, 241, True),
        (400, {"X-ClickHouse-Exception-Code": "62"}, 62, False),
        (200, {"X-ClickHouse-Exception-Code": "395"}, 395, False),
        (502, {}, None, True),
        (302, {"Location": "http://elsewhere/"}, None, True),
    ],
)
def test_what_the_server_refuses(status: int, headers: dict[str, str], code: int | None, is_machine: bool) -> None:
    connection = connection_to(lambda _: httpx2.Response(status, headers=headers, text="no, geheim is wrong"))
    with pytest.raises(EngineRefused, match=r"h:8123 refused: no, \*\*\* is wrong") as caught:
        connection.run("SELECT 1", None, {}, query_id="q")
    assert caught.value.facts["code"] == code
    assert caught.value.facts["is_machine"] is is_machine
    assert "geheim" not in repr(caught.value.facts)


@pytest.mark.parametrize(
    ("error", "is_begun"),
    [
        (httpx2.ConnectError("refused"), False),
        (httpx2.ConnectTimeout("slow"), False),
        (httpx2.PoolTimeout("busy"), False),
        (httpx2.ReadTimeout("slow"), True),
        (httpx2.RemoteProtocolError("gone"), True),
        (httpx2.WriteError("gone"), True),
    ],
)
def test_only_what_certainly_did_not_begin_is_said_not_to_have(error: Exception, is_begun: bool) -> None:
    def answer(_: httpx2.Request) -> httpx2.Response:
        raise error

    with pytest.raises(EngineRefused, match="h:8123 does not answer") as caught:
        connection_to(answer).run("INSERT", None, {}, query_id="q")
    assert caught.value.facts["is_begun"] is is_begun
    assert caught.value.facts["code"] == 210


@pytest.mark.parametrize(("error", "times"), [(httpx2.RemoteProtocolError("gone"), 2), (httpx2.ReadTimeout("slow"), 1)])
def test_a_question_is_asked_again_where_the_connection_broke_but_not_where_it_took_long(
    error: Exception, times: int
) -> None:
    seen: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(parse_qs(urlsplit(str(request.url)).query)["query_id"][0])
        raise error

    shard = ShardHere(connection_to(answer), QueryIds("somebody"), TelemetryLimits(), 30)
    with pytest.raises(EngineRefused, match="does not answer"):
        shard.read("SELECT 1", None, {})
    assert len(seen) == len(set(seen)) == times
    with pytest.raises(EngineRefused, match="does not answer"):
        shard.read("SELECT 1", None, {})  # for a while it is not asked at all
    assert len(seen) == times


def test_an_answer_that_is_cut_short_is_no_answer() -> None:
    """Arrow itself takes the end of the bytes for the end of the stream."""
    data = stream_of(pa.table({"n": [1, 2, 3, 4]}))
    assert arrow_of(data, "h")["n"].to_pylist() == [1, 2, 3, 4]
    assert arrow_of(b"", "h").num_columns == 0
    for end in range(1, len(data)):
        with pytest.raises(EngineRefused):
            arrow_of(data[:end], "h")
    with pytest.raises(EngineRefused, match="bytes too many"):
        arrow_of(data + b"\xff\xff\xff\xff\x00\x00\x00\x00", "h")


@pytest.fixture
def engine(running: list[Shard]) -> Iterator[ClickHouseEngine]:
    """Two shards, few limits."""
    limits = TelemetryLimits(query_s_max=2, query_rows_max=1000, query_memory_bytes_max=200 * MIB)
    with closing(ClickHouseEngine(address_of(*running), limits, "somebody")) as engine:
        engine.open()
        yield engine


def test_parameters_arrive_as_they_were(engine: ClickHouseEngine) -> None:
    for text in NASTY:
        assert engine.read("SELECT {v:String} AS v", {"v": text})["v"].to_pylist() == [text]
    assert engine.read("SELECT {v:Array(String)} AS v", {"v": NASTY * 2000})["v"].to_pylist() == [NASTY * 2000]
    with pytest.raises(InputError):
        engine.read("SELECT {v:String}", {"v": {}})


def test_a_reader_can_only_read_within_limits(engine: ClickHouseEngine) -> None:
    for sql in ("CREATE TABLE x (a Int64) ENGINE = Memory", "DROP DATABASE telemetry", "SET readonly = 0"):
        with pytest.raises(EngineRefused):
            engine.read(sql)
    with pytest.raises(EngineRefused) as slow:
        engine.read("SELECT count() FROM numbers(1000000000000)")
    assert slow.value.facts["code"] == 159
    with pytest.raises(EngineRefused) as many:
        engine.read("SELECT number FROM numbers(1001)")
    assert many.value.facts["code"] == 396
    assert engine.read("SELECT number FROM numbers(1001)", is_wide=True).num_rows == 1001


def test_what_is_spread_is_gathered_or_refused(engine: ClickHouseEngine) -> None:
    with pytest.raises(StoreError, match="rows of spans are spread over shards"):
        engine.read("SELECT count() FROM spans")
    body = Body([b"\n".join(b"%d" % number for number in range(1000))], "TSV", "id Int64")
    halves = []
    for shard in engine.shards:
        with engine.at(shard):
            answer = engine.write("SELECT id FROM BODY(rows) WHERE SHARD(id)", None, {"rows": body})
            halves.append(answer["id"].to_pylist())
    assert sorted(halves[0] + halves[1]) == list(range(1000))
    assert 400 < len(halves[0]) < 600
    found = engine.gather(
        "SELECT number % 2 AS k, 1 AS n FROM numbers(3)", merge=Merge((("k", "ascending"),), None, ("k",))
    )
    assert found.table.to_pylist() == [{"k": 0, "n": 4}, {"k": 1, "n": 2}]
    assert found.missing == ()
    with pytest.raises(EngineRefused, match="UNKNOWN_IDENTIFIER"):
        engine.gather("SELECT nothing")


def test_who_is_not_let_in_is_told_without_the_password(running: list[Shard]) -> None:
    wrong = Address((running[0].host,), "telemetry", "trimtab", "not " + PASSWORD)
    with (
        closing(ClickHouseEngine(wrong, TelemetryLimits(), "somebody")) as engine,
        pytest.raises(EngineRefused, match="Authentication failed") as caught,
    ):
        engine.open()
    assert caught.value.facts["code"] == 516
    assert PASSWORD not in f"{caught.value} {caught.value.facts}"


def test_an_old_server_is_refused_by_its_version(engine: ClickHouseEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "_VERSION_LEAST", (99, 1))
    with pytest.raises(ServerUnsupported, match=r"99\.1 or newer is needed"):
        engine.open()


def test_a_missing_file_of_certificates_is_named() -> None:
    with pytest.raises(MissingError, match="ca_file /nowhere"):
        Connection(Address(("h:1",), "d", is_secure=True, ca_file="/nowhere"), "h:1")
