"""`_bulk` and its relatives: what is stored, what each item says, and what is refused as a whole."""

from __future__ import annotations

import gzip
import json
import random
import time
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
import zstandard

from tests.api.elasticsearch.conftest import LIMITS, stored
from tests.observe.metrics.wire import mutated
from trimtab.model.errors import SpoolFull
from trimtab.observe.room import Claim, Room
from trimtab.store.logs.answers import LogsWritten
from trimtab.store.telemetry import EmbeddedTelemetry

pytestmark = pytest.mark.store

NDJSON = {"Content-Type": "application/x-ndjson"}


def lines(*items: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(item).encode() + b"\n" for item in items)


def bulk(url: str, body: bytes, headers: dict[str, str] | None = None, path: str = "/_bulk") -> httpx2.Response:
    return httpx2.post(f"{url}{path}", content=body, headers=NDJSON if headers is None else headers)


@pytest.mark.parametrize(
    "kind",
    [
        "application/x-ndjson",
        "application/json",
        "application/json; charset=UTF-8",
        "application/vnd.elasticsearch+json;compatible-with=8",
        "application/vnd.elasticsearch+x-ndjson; compatible-with=9",
    ],
)
def test_items(url: str, telemetry: EmbeddedTelemetry, kind: str) -> None:
    body = lines({"create": {"_index": "a"}}, {"message": "one"}, {"index": {"_id": "x"}}, {"message": "two"})
    answer = bulk(url, body, {"Content-Type": kind}, "/b/_bulk")
    assert answer.status_code == 200
    assert answer.headers["x-elastic-product"] == "Elasticsearch"
    said = answer.json()
    assert answer.content.startswith(b'{"took":')
    assert b',"errors":false,"items":[' in answer.content
    [one, two] = said["items"]
    assert one["create"].pop("_id")
    assert one == {
        "create": {
            "_index": "a",
            "_version": 1,
            "result": "created",
            "_shards": {"total": 1, "successful": 1, "failed": 0},
            "_seq_no": 0,
            "_primary_term": 1,
            "status": 201,
        }
    }
    assert (two["index"]["_index"], two["index"]["_id"], two["index"]["status"]) == ("b", "x", 201)
    rows = stored(telemetry, "body, resource")
    assert sorted((row["body"], json.loads(row["resource"])["elasticsearch.index"]) for row in rows) == [
        ("one", "a"),
        ("two", "b"),
    ]


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "identity"])
def test_packed(url: str, telemetry: EmbeddedTelemetry, encoding: str) -> None:
    packers: dict[str, Callable[[bytes], bytes]] = {
        "gzip": gzip.compress,
        "zstd": zstandard.compress,
        "identity": bytes,
    }
    body = packers[encoding](lines({"create": {"_index": "a"}}, {"message": "one"}))
    assert bulk(url, body, NDJSON | {"Content-Encoding": encoding}).json()["errors"] is False
    assert [row["body"] for row in stored(telemetry)] == ["one"]


def test_what_cannot_be_kept_is_said_item_by_item(url: str, telemetry: EmbeddedTelemetry) -> None:
    old_ms = time.time_ns() // 1_000_000 - 15 * 86_400_000
    body = (
        lines({"create": {"_index": "a"}}, {"message": "good"}, {"create": {"_index": "a"}})
        + b"{broken\n"
        + lines(
            {"create": {"_index": "a"}},
            {"@timestamp": "yesterday"},
            {"create": {"_index": "a"}},
            {"@timestamp": old_ms},
            {"create": {"_index": "a"}},
            {"@timestamp": old_ms + 17 * 86_400_000},
            {"update": {"_index": "a", "_id": "1"}},
            {"doc": {}},
            {"delete": {"_index": "a", "_id": "1"}},
            {"create": {"_index": "a", "pipeline": "nginx"}},
            {"message": "not parsed"},
            {"create": {"_index": "a", "pipeline": "_none"}},
            {"message": "good, too"},
        )
    )
    said = bulk(url, body).json()
    assert said["errors"] is True
    items = [next(iter(item.values())) for item in said["items"]]
    assert [item["status"] for item in items] == [201, 400, 400, 400, 400, 400, 400, 400, 201]
    assert [next(iter(item)) for item in said["items"]][5:7] == ["update", "delete"]
    reasons = [item["error"]["reason"] for item in items[1:8]]
    for reason, words in zip(
        reasons,
        ["not JSON", "[@timestamp]", "older than logs are kept", "day in the future", "changed", "deleted", "[nginx]"],
        strict=True,
    ):
        assert words in reason
    assert items[1]["error"]["type"] == "document_parsing_exception"
    assert [row["body"] for row in stored(telemetry)] == ["good", "good, too"]
    counts = telemetry.logs.counts()
    assert counts.stored_count == 2
    assert {reason: count for reason, count in counts.refused.items() if count} == {
        "document_broken": 1,
        "bad_date": 1,
        "too_old": 1,
        "too_new": 1,
        "operation": 2,
        "pipeline": 1,
    }


def test_filter_path(url: str) -> None:
    body = lines({"create": {"_index": "a"}}, {"message": "x"}, {"create": {"_index": "a"}}, {"@timestamp": "x"})
    answer = bulk(url, body, path="/_bulk?filter_path=errors,items.*.error,items.*.status").json()
    assert set(answer) == {"errors", "items"}
    assert answer["items"][0] == {"create": {"status": 201}}
    assert set(answer["items"][1]["create"]) == {"status", "error"}
    assert bulk(url, body, path="/_bulk?filter_path=errors").json() == {"errors": True}


@pytest.mark.parametrize(
    ("body", "headers", "status", "words"),
    [
        (b"", NDJSON, 400, "request body is required"),
        (b"{}\n{}\n", NDJSON, 400, "Malformed action/metadata line [1]"),
        (b'{"create":{"_index":"a"}}\n{"m":1}', NDJSON, 400, "terminated by a newline"),
        (b"x", {"Content-Type": "text/plain"}, 406, "Content-Type header [text/plain] is not supported"),
        (b"x", NDJSON | {"Content-Encoding": "gzip"}, 400, "gzip body is cut short"),
        (b"x", NDJSON | {"Content-Encoding": "br"}, 400, "'br' is not known"),
        (b"x" * (LIMITS.message_bytes_max + 1), NDJSON, 413, "400000 bytes"),
        (gzip.compress(b"x" * 10_000_000), NDJSON | {"Content-Encoding": "gzip"}, 413, "400000 bytes unpacked"),
        (lines({"create": {"_index": "a"}}, {}) * 2001, NDJSON, 400, "2000 actions"),
    ],
)
def test_bodies_that_are_refused(
    url: str, telemetry: EmbeddedTelemetry, body: bytes, headers: dict[str, str], status: int, words: str
) -> None:
    answer = bulk(url, body, headers)
    said = answer.json()
    assert (answer.status_code, said["status"]) == (status, status)
    assert words in said["error"]["reason"]
    assert said["error"]["root_cause"] == [{"type": said["error"]["type"], "reason": said["error"]["reason"]}]
    assert answer.headers["x-elastic-product"] == "Elasticsearch"
    assert stored(telemetry) == []


def test_no_room_in_memory(url: str, room: Room) -> None:
    body = lines({"create": {"_index": "a"}}, {"message": "x"})
    with Claim(room) as claim:
        claim.grow_to(LIMITS.inflight_bytes_max - 10)
        answer = bulk(url, body)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
    assert answer.json()["error"]["type"] == "es_rejected_execution_exception"
    assert bulk(url, body).status_code == 200


def test_no_room_on_disk(url: str, telemetry: EmbeddedTelemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    """What had room is said to be stored, the rest is to be sent again; where nothing had, all of it is."""
    real, room_for = telemetry.logs.append_otlp, [1]

    def append(body: bytes | bytearray) -> LogsWritten:
        if room_for[0] == 0:
            raise SpoolFull("the spool is full")
        room_for[0] -= 1
        return real(body)

    monkeypatch.setattr(telemetry.logs, "append_otlp", append)
    body = b"".join(lines({"create": {"_index": "a"}}, {"message": f"{n} " + "x" * 3000}) for n in range(120))
    monkeypatch.setattr("trimtab.observe.elasticsearch.records._RECORDS_A_MESSAGE", 50)
    statuses = [item["create"]["status"] for item in bulk(url, body).json()["items"]]
    assert statuses == [201] * 50 + [429] * 70
    assert len(stored(telemetry)) == 50
    answer = bulk(url, body)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert telemetry.logs.counts().refused["full"] == 70


def test_ids_that_are_known(url: str, telemetry: EmbeddedTelemetry) -> None:
    one = lines({"create": {"_index": "a", "_id": "1"}}, {"message": "one"})
    two = lines({"create": {"_index": "a", "_id": "2"}}, {"message": "two"})

    def statuses(body: bytes) -> list[int]:
        return [next(iter(item.values()))["status"] for item in bulk(url, body).json()["items"]]

    assert statuses(one + one) == [201, 409]
    assert statuses(one + two) == [409, 201]
    assert statuses(lines({"index": {"_index": "a", "_id": "2"}}, {"message": "two"})) == [200]
    assert statuses(lines({"index": {"_index": "a", "_id": "2"}}, {"message": "two, changed"})) == [201]
    assert statuses(lines({"create": {"_index": "b", "_id": "1"}}, {"message": "one of b"})) == [201]
    assert statuses(lines({"create": {"_index": "a", "_id": "3"}}, {"@timestamp": "never"})) == [400]
    assert statuses(lines({"create": {"_index": "a", "_id": "3"}}, {"message": "three"})) == [201]
    assert sorted(row["body"] for row in stored(telemetry)) == ["one", "one of b", "three", "two", "two, changed"]


def test_single_documents(url: str, telemetry: EmbeddedTelemetry) -> None:
    json_ = {"Content-Type": "application/json"}

    def send(method: str, path: str, document: bytes) -> tuple[int, dict[str, Any]]:
        answer = httpx2.request(method, f"{url}{path}", content=document, headers=json_)
        return answer.status_code, answer.json()

    status, said = send("POST", "/logs/_doc", b'{\n "message": "one"\n}')
    assert (status, said["result"], said["_index"]) == (201, "created", "logs")
    assert send("PUT", "/logs/_create/7", b'{"message": "two"}')[0] == 201
    status, said = send("PUT", "/logs/_create/7", b'{"message": "two"}')
    assert (status, said["error"]["type"]) == (409, "version_conflict_engine_exception")
    assert send("PUT", "/logs/_doc/7", b'{"message": "two"}')[0] == 200
    status, said = send("POST", "/logs/_doc", b'{"@timestamp": "x"}')
    assert (status, said["error"]["type"]) == (400, "document_parsing_exception")
    assert send("POST", "/logs/_doc", b"")[0] == 400
    assert [row["body"] for row in stored(telemetry)] == ["one", "two"]


def test_fuzzed(url: str, telemetry: EmbeddedTelemetry) -> None:
    """Whatever comes: an answer in Elasticsearch's shape, and as many records as it says."""
    dice = random.Random(11)
    seeds = [
        lines(
            {"create": {"_index": "a"}}, {"message": "é\n", "n": [1, {"x": 2}], "@timestamp": time.time_ns() // 10**6}
        )
        * 3,
        lines({"index": {"_index": "b", "_id": "1"}}, {"log": "x", "level": "warn"}),
    ]
    told = 0
    with httpx2.Client(headers=NDJSON) as client:
        for _ in range(400):
            answer = client.post(f"{url}/_bulk", content=mutated(seeds, dice))
            said = answer.json()
            assert answer.status_code in (200, 400), said
            if answer.status_code == 200:
                told += sum(next(iter(item.values()))["status"] == 201 for item in said["items"])
            else:
                assert said["error"]["reason"]
    telemetry.flush()
    assert telemetry.query("SELECT count() AS n FROM log_records").to_pylist() == [{"n": told}]
    assert told > 100
