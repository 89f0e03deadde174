"""From the wire to columns: every type as it was sent, and nothing that is let in at the door is broken later."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from tests.observe.metrics.wire import field, mutated
from tests.store.logs.requests import any_of, record, request
from trimtab.store.logs import door_kernels as door
from trimtab.store.logs.answers import LogRow, Value
from trimtab.store.logs.decode import decode
from trimtab.store.logs.encode import encode_rows
from trimtab.store.logs.schema import TABLE
from trimtab.store.masking import NO_MASKING, Masking
from trimtab.store.traces.typed_json import value_of, values_of

NOW = 1_800_000_000_000_000_000
DAY_NS = 86_400_000_000_000
YEARS_NS = 4_000_000_000_000_000_000


def rows(body: bytes, masking: Masking = NO_MASKING) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = decode(bytearray(body), 0, YEARS_NS, NOW, masking).table.to_pylist()
    return found


def survey(body: bytes, first_ns: int = 0, last_ns: int = YEARS_NS) -> tuple[int, list[int]]:
    counts = np.zeros(door.COUNTS, np.int64)
    at = door.survey(np.frombuffer(bytearray(body), np.uint8), TABLE, np.int64(first_ns), np.int64(last_ns), counts)
    return int(at), counts.tolist()


def attributes_of(row: dict[str, Any]) -> dict[str, Value]:
    kinds = row["attribute_kinds"] or "s" * len(row["attributes"])
    return {name: value_of(kind, text) for kind, (name, text) in zip(kinds, row["attributes"], strict=True)}


def same(one: Value, other: Value) -> bool:
    """Equal, with types: 1, 1.0 and True are different things."""
    return repr(one) == repr(other)


def test_a_record_whole() -> None:
    sent = record(
        "paid",
        NOW,
        {"n": 5, "ratio": 0.25, "ok": True, "raw": b"\x00\xff", "tags": ("a", 1), "who": {"id": 7}, "none": None},
        observed_time_unix_nano=NOW + 5,
        severity_number=18,
        severity_text="ERROR2",
        trace_id=bytes(range(16)),
        span_id=bytes(range(8)),
        flags=257,
        dropped_attributes_count=3,
        event_name="payment.done",
    )
    [row] = rows(request(sent, resource={"host.cpus": 4}))
    assert (row["at_ns"], row["observed_at_ns"], row["body"], row["body_kind"]) == (NOW, NOW + 5, "paid", "s")
    assert (row["level"], row["severity_number"], row["severity_text"]) == (5, 18, "ERROR2")
    assert (row["trace_id"], row["span_id"]) == ("000102030405060708090a0b0c0d0e0f", "0001020304050607")
    assert (row["flags"], row["dropped_attributes_count"], row["event_name"]) == (257, 3, "payment.done")
    expected = {"n": 5, "ratio": 0.25, "ok": True, "raw": b"\x00\xff", "tags": ("a", 1), "who": {"id": 7}, "none": None}
    assert attributes_of(row) == expected
    assert row["service_name"] == "shop"
    assert values_of(row["resource"]) == {"service.name": "shop", "host.cpus": 4}
    assert values_of(row["scope"]) == {"name": "tests", "version": "1.0", "attributes": {"of": "scope"}}


def test_times_that_are_missing() -> None:
    observed = record("a", 0, observed_time_unix_nano=NOW - 7)
    none = record("b", 0)
    first, second = rows(request(observed, none))
    assert (first["at_ns"], second["at_ns"], second["observed_at_ns"]) == (NOW - 7, NOW, NOW)


def test_levels_by_number_and_by_words() -> None:
    sent = [record(severity_number=number) for number in (0, 1, 4, 5, 9, 13, 17, 21, 24)]
    sent += [record(severity_text=text) for text in ("Warning", "CRITICAL", "E", "notice", "what")]
    assert [row["level"] for row in rows(request(*sent))] == [0, 1, 1, 2, 3, 4, 5, 6, 6, 4, 6, 5, 3, 0]


@pytest.mark.parametrize("seed", range(20))
def test_values_of_every_type_come_back_as_they_were_sent(seed: int) -> None:
    dice = random.Random(seed)
    sent = [(any_of(dice), {f"a{n}": any_of(dice) for n in range(dice.randrange(5))}) for _ in range(50)]
    for body in (
        request(*(record(text, NOW, attributes) for text, attributes in sent)),
        encode_rows([LogRow(text, NOW, attributes=attributes) for text, attributes in sent]),
    ):
        for row, (text, attributes) in zip(rows(body), sent, strict=True):
            assert same(value_of(row["body_kind"], row["body"]), text)
            assert same(attributes_of(row), attributes)


def test_rows_are_encoded_as_protobuf_would() -> None:
    dice = random.Random(7)
    given = [
        LogRow(
            any_of(dice),
            NOW,
            NOW + 1,
            dice.randrange(25),
            dice.choice(["", "WARN"]),
            {"a": any_of(dice)},
            {"service.name": dice.choice("ab")},
            dice.choice(["", "scope"]),
            "ab" * 16,
            "cd" * 8,
            "event",
            dice.randrange(2),
        )
        for _ in range(100)
    ]
    parsed = ExportLogsServiceRequest.FromString(encode_rows(given))
    records = [one for resource in parsed.resource_logs for scope in resource.scope_logs for one in scope.log_records]
    for row, one in zip(given, records, strict=True):
        expected = record(
            row.body,
            NOW,
            row.attributes,
            observed_time_unix_nano=NOW + 1,
            severity_number=row.severity_number,
            severity_text=row.severity_text,
            trace_id=b"\xab" * 16,
            span_id=b"\xcd" * 8,
            event_name="event",
            flags=row.flags,
        )
        assert one == expected
    assert [row["service_name"] for row in rows(encode_rows(given))] == [row.resource["service.name"] for row in given]


def test_the_resource_may_come_last_and_in_two_requests() -> None:
    one = field(1, field(2, field(2, field(5, field(1, b"x")))) + field(1, field(1, field(1, b"k") + field(2, b""))))
    both = one + request(record("y", NOW))
    assert [row["body"] for row in rows(both)] == ["x", "y"]
    assert values_of(rows(both)[0]["resource"]) == {"k": None}


def test_what_is_out_of_time_is_left_out_and_counted() -> None:
    body = request(record("old", NOW - DAY_NS - 1), record("good", NOW - DAY_NS), record("new", NOW + 1))
    assert survey(body, NOW - DAY_NS, NOW) == (-1, [1, 1, 1, survey(body)[1][door.SHARED_BYTES]])
    found = decode(bytearray(body), NOW - DAY_NS, NOW, NOW, NO_MASKING)
    assert (found.outdated_count, found.seen_count) == (2, 3)
    assert found.table.select(["body", "record_no"]).to_pylist() == [{"body": "good", "record_no": 1}]


def test_bytes_of_resources_are_counted_as_often_as_they_are_shared() -> None:
    one, many = request(record()), request(*(record() for _ in range(10)))
    assert survey(many)[1][door.SHARED_BYTES] == 10 * survey(one)[1][door.SHARED_BYTES] > 0


def test_ids_that_are_none() -> None:
    [row] = rows(request(record(trace_id=bytes(16), span_id=b"abc")))
    assert (row["trace_id"], row["span_id"]) == ("", "")


def test_masks() -> None:
    masking = Masking(deny=("secret*",), patterns=(r"\d{4}-\d{4}",))
    body = {"card": "1234-5678", "secret": "x"}
    sent = record(body, NOW, {"secret.key": "x", "n": "1111-2222"})
    first, second = rows(request(sent, record("my 9999-0000", NOW)), masking)
    assert values_of(first["body"]) == {"card": "***"}
    assert attributes_of(first) == {"n": "***"}
    assert second["body"] == "my ***"


def forms(*lines: str) -> list[int]:
    return [row["pattern"] for row in rows(request(*(record(line, NOW) for line in lines)))]


def test_lines_that_differ_in_numbers_and_ids_have_one_pattern() -> None:
    groups = [
        ("user 17 logged in", "user 4 logged in"),
        ("from 10.0.0.1:5432 ok", "from 192.168.17.1:80 ok"),
        ("id 83ed136f-8ab7-43a7-8f81-c7e982fc5c82.", "id 1c0ffee5-abcd-dead-beef-00000000000f."),
        ("at 2026-11-24T10:12:13.5Z x", "at 2025-01-02T00:00:00Z x"),
        ("user_id=5 a", "user_id=77 a"),
        ("", ""),
        ("no numbers", "no numbers"),
    ]
    found = [forms(*group) for group in groups]
    assert all(len(set(numbers)) == 1 for numbers in found)
    assert len({numbers[0] for numbers in found}) == len(groups)
    assert forms("")[0] == 0
    assert len(set(forms("a b", "ab", "a  b", "a-b", "a 1", "a 1.", "a -1", "1 a"))) == 8


def test_a_door_lets_nothing_in_that_cannot_be_read() -> None:
    dice = random.Random(20261125)
    good = [
        request(*(record(any_of(dice), NOW, {f"a{n}": any_of(dice) for n in range(3)}) for _ in range(3)))
        for _ in range(30)
    ]
    accepted = 0
    for _ in range(4000):
        body = mutated(good, dice)
        at, counts = survey(body)
        if at >= 0:
            continue
        accepted += 1
        found = decode(bytearray(body), 0, YEARS_NS, NOW, NO_MASKING)
        assert found.table.num_rows == counts[door.GOOD]
        assert found.seen_count == sum(counts[: door.SHARED_BYTES])
        found.table.to_pylist()
    assert accepted > 100


def test_values_nested_too_deeply_are_refused() -> None:
    value = field(1, b"x")
    for _ in range(40):
        value = field(5, field(1, value))
    assert survey(field(1, field(2, field(2, field(5, value)))))[0] >= 0


def test_many_different_keys() -> None:
    sent = [record("x", NOW, {f"key{number}-{place}": number for place in range(10)}) for number in range(3000)]
    found = rows(request(*sent))
    assert len(found) == 3000
    assert attributes_of(found[-1]) == {f"key2999-{place}": 2999 for place in range(10)}


def test_an_empty_request() -> None:
    table = decode(bytearray(), 0, YEARS_NS, NOW, NO_MASKING).table
    assert table.num_rows == 0
    assert isinstance(table, pa.Table)
    assert survey(b"") == (-1, [0, 0, 0, 0])
