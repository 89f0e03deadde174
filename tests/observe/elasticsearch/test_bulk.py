"""Actions of a bulk, and bodies that are none."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest

from tests.observe.metrics.wire import mutated
from trimtab.model.errors import InputError
from trimtab.observe.elasticsearch.bulk import Action, Bulk, read_bulk


def read(body: bytes, index: str = "", pipeline: str = "") -> Bulk:
    return read_bulk(bytearray(body), index, pipeline, actions_max=100)


def test_actions() -> None:
    body = (
        b'{"index":{"_index":"a","_id":7}}\n{"m":1}\n'
        b'{ "create" : {} }\r\n{"m":2}\r\n'
        b"\n"
        b'{"delete":{"_index":"b","_id":"x"}}\n'
        b'{"update":{"_index":"b","_id":"y"}}\n{"doc":{}}\n'
        b'{"create":{"_index":"c","_type":"_doc","pipeline":"p"}}\n{"m":3}\n'
    )
    bulk = read(body, "standing", "q")
    assert bulk.actions == [
        Action("index", "a", "7", "q"),
        Action("create", "standing", "", "q"),
        Action("delete", "b", "x", "q"),
        Action("update", "b", "y", "q"),
        Action("create", "c", "", "p"),
    ]
    documents = [body[start:stop] for start, stop in zip(bulk.starts, bulk.stops, strict=True)]
    assert documents == [b'{"m":1}', b'{"m":2}\r', b"", b'{"doc":{}}', b'{"m":3}']


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "request body is required"),
        (b'{"index":{"_index":"a"}}\n{"m":1}', r"must be terminated by a newline"),
        (b'{"index":{"_index":"a"}}\n', r"line \[1\] has no document"),
        (b'{"m":1}\n', r"line \[1\], expected field \[create\].*found \[m\]"),
        (b"nonsense\n", r"Malformed action/metadata line \[1\]"),
        (b'{"index":{}}\n{}\n', "index is missing"),
        (b'{"index":7}\n{}\n', "expected an object"),
        (b'{"index":{"_index":"a"},"create":{}}\n{}\n', "with one action"),
        (b'{"index":{"_index":"a","colour":1}}\n{}\n', r"unknown parameter \[colour\]"),
        (b'{"index":{"_index":["a"]}}\n{}\n', r"\[_index\] is no text"),
        (b'{"index":{"_index":"' + b"a" * 256 + b'"}}\n{}\n', "255 bytes"),
        (b'{"index":{"_index":"a"}}\n{}\n' * 101, "100 actions"),
        (b"\n\n", "no action"),
        (b'{"index":{"_index":"\xff"}}\n{}\n', "Malformed"),
    ],
)
def test_bodies_that_are_refused(body: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(body)


def test_fuzzed() -> None:
    dice = random.Random(7)
    seeds = [b'{"index":{"_index":"a","_id":"7"}}\n{"m":1}\n{"create":{"_index":"b"}}\n{"m":"\xc3\xa9"}\n' * 3]
    read_count = 0
    for _ in range(3000):
        with suppress(InputError):
            read_count += bool(read(mutated(seeds, dice)).actions)
    assert 100 < read_count < 2900
