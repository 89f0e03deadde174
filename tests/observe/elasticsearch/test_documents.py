"""Documents become records: as a second implementation says, for any JSON, and for what only looks like it."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.observe.elasticsearch.twin import expected, made, parsed
from tests.observe.metrics.wire import mutated
from tests.store.logs.requests import any_value
from trimtab.observe.elasticsearch import walk_kernels as walk
from trimtab.observe.elasticsearch.document_kernels import BAD_DATE, GOOD, TOO_LONG
from trimtab.observe.elasticsearch.json_kernels import DEPTH_MAX

NAMES = st.sampled_from(
    [
        "message",
        "log",
        "level",
        "@timestamp2",
        "a",
        "b.c",
        "service",
        "name",
        "host",
        "trace",
        "id",
        "span",
        "é",
        "log.level",
    ]
) | st.text(max_size=8).filter(lambda text: text.isprintable() and "\x7f" not in text)
SCALARS = (
    st.text(max_size=20).filter(lambda text: not any(0xD800 <= ord(c) < 0xE000 for c in text))
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.none()
    | st.sampled_from(["4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", "0" * 32])
)
VALUES = st.recursive(
    SCALARS | st.lists(SCALARS, max_size=4), lambda inner: st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)
DOCUMENTS = st.dictionaries(NAMES, VALUES, max_size=6)


def compare(document: bytes) -> None:
    codes, [record] = made([document])
    assert codes == [GOOD]
    wanted = expected(document, "logs")
    assert record["body"] == any_value(wanted.pop("body")), document
    for name, value in wanted.items():
        assert record[name] == value, (name, document)


@pytest.mark.slow
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(DOCUMENTS, st.booleans(), st.booleans())
def test_as_the_twin_says(document: dict[str, Any], escapes: bool, indents: bool) -> None:
    compare(json.dumps(document, ensure_ascii=escapes, indent=1 if indents else None).encode())


def test_a_document_of_filebeat() -> None:
    document = {
        "@timestamp": "2026-05-04T10:11:12.345Z",
        "message": 'GET "/cart" — 500',
        "log": {"level": "error", "offset": 7},
        "service": {"name": "shop"},
        "host": {"name": "web-1", "ip": ["10.0.0.1", "fe80::1"]},
        "trace": {"id": "4BF92F3577B34DA6A3CE929D0E0E4736"},
        "span": {"id": "00f067aa0ba902b7"},
        "labels": {"team": "checkout"},
        "nothing": None,
    }
    [code], [record] = made([json.dumps(document).encode()], "filebeat-9")
    assert code == GOOD
    assert record["at_ns"] == 1_777_889_472_345_000_000
    assert record["body"].string_value == 'GET "/cart" — 500'
    assert (record["level"], record["trace"], record["span"]) == (
        "error",
        "4bf92f3577b34da6a3ce929d0e0e4736",
        "00f067aa0ba902b7",
    )
    assert record["attributes"] == [("log.offset", any_value(7)), ("labels.team", any_value("checkout"))]
    assert record["resource"] == [
        ("elasticsearch.index", any_value("filebeat-9")),
        ("service.name", any_value("shop")),
        ("host.name", any_value("web-1")),
        ("host.ip", any_value(("10.0.0.1", "fe80::1"))),
    ]


def test_without_a_message_the_document_is_the_line() -> None:
    document = b'{"code": 7, "@timestamp": 1777889472345}'
    _, [record] = made([document])
    assert record["body"].string_value == document.decode()
    assert record["at_ns"] == 1_777_889_472_345_000_000
    assert record["attributes"] == [("code", any_value(7))]


def test_lists_with_objects_are_kept_as_they_were_sent() -> None:
    _, [record] = made([b'{"message":"a","list":[1, {"b": [2]}]}'])
    assert record["attributes"] == [("list", any_value('[1, {"b": [2]}]'))]


def test_halves_of_surrogates() -> None:
    _, [record] = made([rb'{"message":"\ud83d\ude00 \ud83d \ude00\u00e9\u0000"}'])
    assert record["body"].string_value == "\U0001f600 � �é\0"


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (b"", walk.NO_OBJECT),
        (b"[]", walk.NO_OBJECT),
        (b"{", walk.BAD_JSON),
        (b'{"a":1}}', walk.BAD_JSON),
        (b'{"a":1,}', walk.BAD_JSON),
        (b'{"a" 1}', walk.BAD_JSON),
        (b'{"a":01}', walk.BAD_JSON),
        (b'{"a":NaN}', walk.BAD_JSON),
        (b'{"a":[1,]}', walk.BAD_JSON),
        (b'{"a":"\x01"}', walk.BAD_JSON),
        (rb'{"a":"\x"}', walk.BAD_JSON),
        (b'{"a":"\xff"}', walk.NO_UTF8),
        (b'{"a":' * (DEPTH_MAX + 1) + b"1" + b"}" * (DEPTH_MAX + 1), walk.TOO_DEEP),
        (json.dumps({f"f{n}": n for n in range(walk.FIELDS_MAX + 1)}).encode(), walk.TOO_MANY_FIELDS),
        (json.dumps({"x" * walk.NAME_BYTES_MAX: 1}).encode(), walk.NAME_TOO_LONG),
        (b'{"@timestamp":"yesterday"}', BAD_DATE),
        (b'{"@timestamp":true}', BAD_DATE),
        (b'{"@timestamp":["2026-05-04"]}', BAD_DATE),
        (b'{"message":"' + b"x" * (1 << 22) + b'"}', TOO_LONG),
    ],
)
def test_refused_by_itself(document: bytes, code: int) -> None:
    codes, records = made([b'{"message":"before"}', document, b'{"message":"behind"}'])
    assert codes == [GOOD, code, GOOD]
    assert [record["body"].string_value for record in records] == ["before", "behind"]


def test_the_most_that_fits() -> None:
    fields = {f"f{n}": n for n in range(walk.FIELDS_MAX)}
    _, [record] = made([json.dumps(fields).encode()])
    assert len(record["attributes"]) == walk.FIELDS_MAX
    deep = b'{"a":' * DEPTH_MAX + b"1" + b"}" * DEPTH_MAX
    _, [record] = made([deep])
    assert record["attributes"] == [(".".join("a" * DEPTH_MAX), any_value(1))]


def test_resources_are_shared_by_documents_behind_each_other() -> None:
    documents = [json.dumps({"message": str(n), "host": {"name": f"h{n // 3}"}}).encode() for n in range(9)]
    codes, records = made(documents)
    assert codes == [GOOD] * 9
    assert [dict(record["resource"])["host.name"].string_value for record in records] == ["h0"] * 3 + ["h1"] * 3 + [
        "h2"
    ] * 3


def is_json_object(document: bytes) -> bool:
    try:
        return isinstance(parsed(document), dict) and document.decode() is not None
    except (ValueError, ZeroDivisionError, RecursionError):
        return False


def test_fuzzed_documents() -> None:
    dice = random.Random(20)
    seeds = [
        json.dumps({"message": "a\n\u1234", "n": [1, -2.5e3, {"b": None}], "o": {"p": {"q": "r"}}, "t": True}).encode(),
        b'{"log":{"level":"warn","x":[]},"trace":{"id":"4bf92f3577b34da6a3ce929d0e0e4736"},"e":{},"f":false}',
        json.dumps({"message": "é" * 20, "s": "\U0001f600"}).encode(),
    ]
    accepted = 0
    for _ in range(4000):
        document = mutated(seeds, dice).replace(b"\n", b" ")
        [code], _ = made([document])
        assert (code == GOOD) == is_json_object(document), (code, document)
        accepted += code == GOOD
    assert 100 < accepted < 3900
