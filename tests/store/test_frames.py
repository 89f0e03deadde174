"""A segment can be read whatever a crash or the disk did to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.store.frames import HEADER_BYTES, MAGIC, frame, parse

PAYLOADS = st.lists(st.tuples(st.binary(max_size=40), st.integers(0, 2**32 - 1)), max_size=6)


def segment(messages: list[tuple[bytes, int]]) -> bytes:
    return MAGIC + b"".join(frame(payload, rows) for payload, rows in messages)


@given(PAYLOADS)
def test_what_was_written_is_read(messages: list[tuple[bytes, int]]) -> None:
    read = parse(segment(messages))
    assert [(message.payload, message.rows_count) for message in read.messages] == messages
    assert [message.index for message in read.messages] == list(range(len(messages)))
    assert not read.damages
    assert read.torn_bytes == 0


@given(PAYLOADS, st.data())
def test_a_cut_tail_leaves_every_whole_message(messages: list[tuple[bytes, int]], data: st.DataObject) -> None:
    whole = segment(messages)
    length = data.draw(st.integers(0, len(whole)))
    read = parse(whole[:length])
    ends = [len(segment(messages[:count])) for count in range(len(messages) + 1)]
    complete = sum(end <= length for end in ends[1:])
    assert [message.payload for message in read.messages] == [payload for payload, _ in messages[:complete]]
    assert not read.damages
    assert read.torn_bytes == (length - ends[complete] if length >= len(MAGIC) else length)


@given(PAYLOADS.filter(bool), st.data())
def test_no_damaged_byte_goes_unseen(messages: list[tuple[bytes, int]], data: st.DataObject) -> None:
    whole = bytearray(segment(messages))
    place = data.draw(st.integers(len(MAGIC), len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    read = parse(bytes(whole))
    assert len(read.damages) == 1 or read.torn_bytes
    kept = [(message.payload, message.rows_count) for message in read.messages]
    assert all(message in messages for message in kept)
    first_hurt = next(index for index in range(len(messages)) if len(segment(messages[: index + 1])) > place)
    assert kept[:first_hurt] == messages[:first_hurt]


def test_a_damaged_payload_is_set_aside_alone() -> None:
    data = bytearray(segment([(b"one", 1), (b"two", 1), (b"three", 1)]))
    data[data.index(b"two")] ^= 1
    read = parse(bytes(data))
    assert [message.payload for message in read.messages] == [b"one", b"three"]
    assert [(damage.index, damage.data) for damage in read.damages] == [(1, b"uwo")]


def test_a_tail_of_zeros_is_torn_not_damaged() -> None:
    read = parse(segment([(b"one", 1)]) + bytes(4096))
    assert [message.payload for message in read.messages] == [b"one"]
    assert (read.torn_bytes, read.damages) == (4096, ())


def test_a_foreign_file_is_damage() -> None:
    assert parse(b"#!/bin/sh\nexit 0\n").damages[0].reason == "not a spool segment"


@pytest.mark.parametrize("cut", [0, 3, 20, 40])
@pytest.mark.parametrize("damaged", [None, 5, len(MAGIC) + 1, len(MAGIC) + HEADER_BYTES + 1])
def test_a_view_is_read_as_bytes_are_and_nothing_is_copied(cut: int, damaged: int | None) -> None:
    data = bytearray(MAGIC + frame(b"one", 1) + frame(b"two", 5))
    if damaged is not None:
        data[damaged] ^= 1
    whole = bytes(data[: len(data) - cut])
    seen = parse(memoryview(whole))
    assert seen == parse(whole)
    assert all(isinstance(message.payload, memoryview) and message.payload.obj is whole for message in seen.messages)
