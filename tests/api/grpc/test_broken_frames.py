"""Good conversations with something wrong in them: answered, refused or ended, and never an error of ours; all room
comes back. A few hundred as a test, many in `make soak`.
"""

from __future__ import annotations

import os
import random
import socket
import struct
from collections import Counter

import pytest

from tests.api.grpc.alone import NOBODY, Alone
from tests.api.grpc.conftest import ECHO, Served
from tests.api.grpc.sender import SETTINGS_FRAME, Raw, Sender, block_of, call_headers, frame, prefixed
from tests.cli.test_kills_under_load import wait_for
from trimtab.api.grpc.conversation import Conversation
from trimtab.api.grpc.inflow import PREFACE
from trimtab.api.otlp_answers import RESOURCE_EXHAUSTED, Problem

DATA, HEADERS, PRIORITY, RST, SETTINGS, _, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
OPEN = block_of(*call_headers(ECHO))
FULL = Problem(503, RESOURCE_EXHAUSTED, "full", "full – 100 %", 5)
LONG = prefixed(bytes(30_000))
GOOD = [
    [frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 100_000)), frame(WINDOW, 0, 0, b"\0\1\0\0")],
    [frame(HEADERS, 4, 1, OPEN), frame(DATA, 1, 1, prefixed(b"abc"))],
    [
        frame(HEADERS, 0, 3, OPEN[:40]),
        frame(CONTINUATION, 4, 3, OPEN[40:]),
        frame(DATA, 9, 3, b"\3" + prefixed(b"abc") + bytes(3)),
    ],
    [
        frame(HEADERS, 4, 5, block_of(*call_headers(ECHO, ("content-length", "8")))),
        frame(DATA, 0, 5, prefixed(b"abc")),
        frame(DATA, 1, 5),
    ],
    [
        frame(HEADERS, 4, 7, block_of(*call_headers(ECHO, ("grpc-encoding", "zstd")))),
        frame(DATA, 1, 7, prefixed(b"a", is_packed=1)),
    ],
    [
        frame(HEADERS, 4, 9, OPEN),
        frame(RST, 0, 9, bytes(4)),
        frame(PING, 0, 0, bytes(8)),
        frame(PRIORITY, 0, 9, bytes(5)),
    ],
    [
        frame(HEADERS, 0x24, 11, bytes(5) + OPEN),
        frame(DATA, 0, 11, prefixed(b"abc")),
        frame(HEADERS, 5, 11, block_of(("a", "b"))),
    ],
    [frame(HEADERS, 4, 13, block_of(*call_headers("/no/Such"))), frame(DATA, 0, 13, bytes(3000)), frame(DATA, 1, 13)],
    [frame(HEADERS, 4, 15, OPEN), frame(DATA, 0, 15, LONG[:16_000]), frame(DATA, 1, 15, LONG[16_000:])],
    [frame(SETTINGS, 0, 0, struct.pack(">HIHI", 4, 0, 1, 0)), frame(WINDOW, 0, 1, b"\0\0\0\3")],
    [frame(HEADERS, 5, 17, OPEN)],
    [frame(GOAWAY, 0, 0, bytes(8))],
]
IS_SOAK = bool(os.environ.get("TRIMTAB_SOAK"))
ROUNDS = 300_000 if IS_SOAK else 600
ROUNDS_ON_SOCKETS = 5000 if IS_SOAK else 60


def test_on_no_socket() -> None:
    dice = random.Random(20267)
    ends: Counter[str | None] = Counter()
    for number in range(ROUNDS):
        host = Alone(dice.choice([100, 5000, 20_000, 10_000_000, 10_000_000]))
        host.knows, host.refuses, host.is_full = dice.random() < 0.7, dice.random() < 0.1, dice.random() < 0.1
        talk = Conversation(host)
        _talk(talk, host, _conversation(dice), dice)
        for call in host.works:
            call.release()
            talk.done(call, b"ok")
        if dice.random() < 0.5:
            talk.drain()
        if dice.random() < 0.5:
            talk.heard_all()
        host.at_s += 100
        talk.check(host.at_s)
        talk.output()
        ends[talk.ended_for] += 1
        talk.lost()
        assert host.room.taken_bytes == 0, number
    assert ends[None] > ROUNDS / 20
    assert len(ends) > 5


def _talk(talk: Conversation, host: Alone, data: bytes, dice: random.Random) -> None:
    at = 0
    while at < len(data):
        size = dice.choice([1, 3, 9, 50, 400, 100_000])
        piece, at = memoryview(data[at : at + size]), at + size
        while piece:
            heard = talk.hear(piece)
            assert heard > 0
            piece = piece[heard:]
        host.at_s += dice.choice([0, 0, 0.01, 3])
        if dice.random() < 0.2:
            talk.check(host.at_s)
        while host.works and dice.random() < 0.6:
            call = host.works.pop(dice.randrange(len(host.works)))
            call.release()
            outcomes: list[bytes | Problem] = [b"", b"x" * 100, FULL]
            talk.done(call, dice.choice(outcomes))
        while host.asks and dice.random() < 0.6:
            talk.admitted(host.asks.pop(), dice.choice([None, NOBODY]))
        if dice.random() < 0.3:
            talk.output()


def _conversation(dice: random.Random) -> bytes:
    parts = [part for group in dice.sample(GOOD, dice.randint(1, len(GOOD))) for part in group]
    if dice.random() < 0.5:
        parts.sort(key=lambda part: int.from_bytes(part[5:9], "big"))
    for _ in range(dice.randint(0, 3)):
        _break(parts, dice)
    return PREFACE + SETTINGS_FRAME + b"".join(parts)


def _break(parts: list[bytes], dice: random.Random) -> None:
    at = dice.randrange(len(parts))
    part = bytearray(parts[at])
    kind = dice.randrange(6)
    if kind == 0:
        part[dice.randrange(len(part))] ^= 1 << dice.randrange(8)
    elif kind == 1:
        part[dice.randrange(min(9, len(part)))] = dice.randrange(256)
    elif kind == 2:
        del part[dice.randrange(len(part)) :]
    elif kind == 3:
        parts.insert(dice.randrange(len(parts) + 1), bytes(part))
    elif kind == 4:
        part = bytearray(dice.choice(parts))
    else:
        part += dice.randbytes(dice.randint(1, 20))
    parts[at] = bytes(part) or b"x"


def test_on_sockets(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    dice = random.Random(20266)
    for _ in range(ROUNDS_ON_SOCKETS):
        with Raw(served.port, preface=False) as raw:
            data = _conversation(dice)
            cut = dice.randrange(len(data) + 1)
            if raw.send(data[:cut]) and raw.send(data[cut:]):
                try:
                    raw.socket.shutdown(socket.SHUT_WR)
                except OSError:
                    continue
                raw.frames()
    wait_for(lambda: not served.server._connections and served.room.taken_bytes == 0)
    with Sender(served.port) as sender:
        assert sender.call(ECHO, b"abc").code == 0
    told = capsys.readouterr().out
    assert "otlp_grpc_broke" not in told, told
    assert "otlp_grpc_loop" not in told, told


@pytest.mark.parametrize(
    "body",
    [
        frame(
            DATA, 9, 1, b"\3" + prefixed(b"", length=2_000_000) + bytes(3)
        ),  # refused by its last frame, which is padded
        frame(DATA, 1, 1, prefixed(b"", length=2_000_000)),
        frame(DATA, 0, 1, prefixed(b"", length=2_000_000)) + frame(DATA, 1, 1),
    ],
)
def test_what_is_refused_by_its_last_frame_is_over(body: bytes) -> None:
    host = Alone()
    talk = Conversation(host)
    talk.hear(memoryview(PREFACE + SETTINGS_FRAME + frame(HEADERS, 4, 1, OPEN) + body))
    assert (talk.has_calls, talk.ended_for) == (False, None)


@pytest.mark.parametrize("flags", [4, 5])
def test_who_is_nobody_is_told_at_the_headers(flags: int) -> None:
    host = Alone()
    host.refuses = True
    talk = Conversation(host)
    talk.hear(memoryview(PREFACE + SETTINGS_FRAME + frame(HEADERS, flags, 1, OPEN)))
    assert (talk.has_calls, talk.ended_for, host.room.taken_bytes) == (False, None, 0)
