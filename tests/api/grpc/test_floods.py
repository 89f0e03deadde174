"""Who sends what carries nothing, or too slowly, or without end, is closed with a reason; memory stays where it was."""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.api.grpc.alone import Alone
from tests.api.grpc.conftest import ECHO, LONG, Served, one_token, serving
from tests.api.grpc.sender import SETTINGS_FRAME, Gone, Raw, Sender, block_of, call_headers, frame, prefixed
from tests.cli.test_kills_under_load import wait_for
from trimtab.api.grpc.conversation import Conversation
from trimtab.api.grpc.inflow import PREFACE
from trimtab.api.grpc.limits import Limits
from trimtab.api.otlp_answers import Problem

pytestmark = pytest.mark.slow

DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
PROTOCOL, FLOW, CLOSED, SIZE, COMPRESSION, CALM = 1, 3, 5, 6, 9, 11
IS_SOAK = bool(os.environ.get("TRIMTAB_SOAK"))
FLOODS_COUNT = 50 if IS_SOAK else 1
LIFE_COUNT = 70_000 if IS_SOAK else 3_000
OPEN = block_of(*call_headers(ECHO))
GROWTH_BYTES_MAX = 30 * 1024 * 1024


def rapid_reset() -> bytes:
    return b"".join(frame(HEADERS, 4, one, OPEN) + frame(RST, 0, one, bytes(4)) for one in range(1, 4001, 2))


def on_one_call(piece: bytes) -> Callable[[], bytes]:
    return lambda: frame(HEADERS, 4, 1, OPEN) + frame(DATA, 0, 1, prefixed(b"", length=1_000_000)) + piece * 5000


FLOODS: dict[str, Callable[[], bytes]] = {
    "pings": lambda: frame(PING, 0, 0, bytes(8)) * 5000,
    "answers to pings": lambda: frame(PING, 1, 0, bytes(8)) * 5000,
    "settings": lambda: frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 70_000)) * 5000,
    "answers to settings": lambda: frame(SETTINGS, 1, 0) * 5000,
    "rapid reset": rapid_reset,
    "windows": lambda: frame(WINDOW, 0, 0, b"\0\0\0\1") * 5000,
    "priorities": lambda: frame(PRIORITY, 0, 1, b"\0\0\0\0\5") * 5000,
    "unknown frames": lambda: frame(0x77, 0, 0, b"x") * 5000,
    "empty data": on_one_call(frame(DATA, 0, 1)),
    "data of a byte": on_one_call(frame(DATA, 0, 1, b"x")),
    "padding alone": on_one_call(frame(DATA, 8, 1, b"\x09" + bytes(9))),
    "goodbyes": lambda: frame(GOAWAY, 0, 0, bytes(8)) * 5000,
    "data of calls that are over": lambda: (
        frame(HEADERS, 5, 1, OPEN) + frame(RST, 0, 1, bytes(4)) + frame(DATA, 0, 1, bytes(300)) * 5000
    ),
    "empty continuations": lambda: frame(HEADERS, 0, 1, OPEN) + frame(CONTINUATION, 0, 1) * 5000,
    "headers without end": lambda: frame(HEADERS, 0, 1, OPEN) + frame(CONTINUATION, 0, 1, bytes(16_000)) * 100,
    "calls over the limit": lambda: b"".join(frame(HEADERS, 4, one, OPEN) for one in range(1, 601, 2)),
    "what was refused": lambda: (
        frame(HEADERS, 4, 1, block_of(*call_headers("/no/Such"))) + frame(DATA, 0, 1, bytes(16_000)) * 600
    ),
}
CODES = {"calls over the limit": PROTOCOL}


def memory_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("name", FLOODS)
def test_floods_are_closed_with_a_reason(served: Served, name: str) -> None:
    with Raw(served.port) as raw:
        raw.send(FLOODS[name]())
        code, reason = raw.goodbye()
        assert code == CODES.get(name, CALM), reason
        assert reason or code != CALM
    wait_for(lambda: served.room.taken_bytes == 0)


def test_floods_leave_nothing_behind(served: Served) -> None:
    """All of them, again and again, on connections that stay open as long as they may."""
    floods = [make() for make in FLOODS.values()]
    memory: list[int] = []
    for _ in range(2):
        for _ in range(FLOODS_COUNT):
            connections = []
            for flood in floods:
                connections.append(Raw(served.port))
                connections[-1].send(flood)
            for raw in connections:
                raw.socket.close()
        wait_for(lambda: not served.server._connections)
        memory.append(memory_bytes())
    assert memory[1] - memory[0] < GROWTH_BYTES_MAX
    with Sender(served.port) as sender:
        assert sender.call(ECHO, b"abc").code == 0


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(PING, 0, 0, length=16_777_215), SIZE),
        (frame(SETTINGS, 0, 0, length=6 * 33), SIZE),
        (frame(HEADERS, 4, 1, length=16_385), SIZE),
        (frame(DATA, 0, 1, length=1_048_577), SIZE),
        (frame(DATA, 8, 1, length=16_385), SIZE),
        (frame(DATA, 0, 1, b"x"), PROTOCOL),  # a call that was never begun
        (frame(DATA, 0, 0, b"x"), PROTOCOL),
        (frame(HEADERS, 4, 2, OPEN), PROTOCOL),  # the server's numbers
        (frame(HEADERS, 4, 0, OPEN), PROTOCOL),
        (frame(HEADERS, 4, 5, OPEN) + frame(HEADERS, 4, 3, OPEN), PROTOCOL),
        (frame(HEADERS, 4, 2**31 - 1, OPEN) + frame(HEADERS, 4, 1, OPEN), PROTOCOL),
        (frame(HEADERS, 5, 1, OPEN) + frame(DATA, 0, 1, b"x"), None),  # it is over: RST_STREAM
        (frame(HEADERS, 0, 1, OPEN) + frame(DATA, 0, 1, b"x"), PROTOCOL),
        (frame(HEADERS, 0, 1, OPEN) + frame(GOAWAY, 0, 0, bytes(8)), PROTOCOL),
        (frame(HEADERS, 0, 1, OPEN) + frame(PRIORITY, 0, 1, b"\0\0\0\0\5"), PROTOCOL),
        (frame(CONTINUATION, 4, 1, OPEN), PROTOCOL),
        (frame(PUSH, 4, 1, b"\0\0\0\2" + OPEN), PROTOCOL),
        (frame(WINDOW, 0, 0, b"\x7f\xff\xff\xff"), FLOW),
        (frame(WINDOW, 0, 0, bytes(4)), PROTOCOL),
        (frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 2**31)), FLOW),
        (frame(SETTINGS, 0, 0, struct.pack(">HI", 5, 1)), PROTOCOL),
        (frame(SETTINGS, 0, 0, b"abc"), SIZE),
        (frame(PING, 0, 0, b"abc"), SIZE),
        (frame(RST, 0, 9, bytes(4)), PROTOCOL),
        (frame(GOAWAY, 0, 0, b"abc"), SIZE),
        (frame(HEADERS, 4, 1, b"\xff\xff\xff\xff\xff\xff"), PROTOCOL),
        (frame(HEADERS, 4, 1, b"\xbf"), PROTOCOL),
        (frame(HEADERS, 4, 1, b"\x3f\xff\xff\xff\x7f" + OPEN), PROTOCOL),  # a table of headers beyond what was allowed
        (frame(HEADERS, 4, 1, block_of(*call_headers(ECHO, ("Upper", "x")))), PROTOCOL),
        (frame(HEADERS, 4, 1, block_of(*call_headers(ECHO, ("connection", "x")))), PROTOCOL),
        (frame(HEADERS, 4, 1, block_of(*call_headers(ECHO, (":path", "x")))), PROTOCOL),
    ],
)
def test_broken_frames_end_the_connection_with_a_code(served: Served, sent: bytes, code: int | None) -> None:
    with Raw(served.port) as raw:
        raw.send(sent)
        if code is None:
            raw.socket.shutdown(socket.SHUT_WR)
            assert all(kind != GOAWAY for kind, *_ in raw.frames())
        else:
            assert raw.goodbye()[0] == code


def test_header_bombs(served: Served) -> None:
    """A kilobyte in the table, named a hundred times in one block of a hundred bytes: 100 KB of headers."""
    first = block_of(*call_headers(ECHO)) + b"\x40" + b"\x01a" + b"\x7f\x81\x07" + b"x" * 1024
    with Raw(served.port) as raw:
        raw.send(frame(HEADERS, 5, 1, first) + frame(HEADERS, 5, 3, block_of(*call_headers(ECHO)) + b"\xbe" * 100))
        assert raw.goodbye()[0] == CALM


def test_updates_of_the_table_of_headers_are_two_at_most(served: Served) -> None:
    with Raw(served.port) as raw:
        raw.send(frame(HEADERS, 5, 1, b"\x20\x3f\xe1\x1f" + OPEN) + frame(HEADERS, 5, 3, b"\x20\x20\x20" + OPEN))
        assert raw.goodbye()[0] == PROTOCOL
        assert raw.seen[0][2] == 1


def test_a_flood_of_calls_leaves_others_their_turn(served: Served) -> None:
    """Headers of 3,000 calls that are refused at once: a few at a time, and all of them in the end."""
    refused = block_of(*call_headers("/no/Such"))
    flood = b"".join(frame(HEADERS, 5, one, refused) for one in range(1, 6001, 2))
    talk = Conversation(Alone())
    heard = talk.hear(memoryview(PREFACE + SETTINGS_FRAME + flood))
    assert 0 < heard < 40 * len(frame(HEADERS, 5, 1, refused))
    with Raw(served.port) as raw, Sender(served.port) as sender:
        raw.send(flood)
        assert sender.call(ECHO, b"abc").code == 0
        raw.socket.shutdown(socket.SHUT_WR)
        assert sum(kind == HEADERS for kind, *_ in raw.frames()) == 3000


def test_headers_that_are_dear_are_counted(served: Served) -> None:
    """Blocks of 15 kB, each within the limits, each of a call that is over at once."""
    block = block_of(*call_headers(ECHO, ("a", "x" * 15_000)))
    with Raw(served.port) as raw:
        raw.send(b"".join(frame(HEADERS, 5, one, block) for one in range(1, 201, 2)))
        assert raw.goodbye()[0] == CALM


def test_settings_that_mean_nothing_are_not_kept() -> None:
    """h2 keeps each of 65,000 for itself."""
    host = Alone()
    talk = Conversation(host)
    talk.hear(memoryview(PREFACE + SETTINGS_FRAME))
    for start in range(1000, 20_000, 32):
        host.at_s += 1
        settings = b"".join(struct.pack(">HI", code, 1) for code in (4, *range(start, start + 31)))
        talk.hear(memoryview(frame(SETTINGS, 0, 0, settings) * 2))
        talk.output()
    assert talk.ended_for is None
    assert len(talk._h2.remote_settings) < 20


def test_a_long_life_leaves_little() -> None:
    """Thousands of calls on one connection: half of them answered, half given up."""
    host = Alone()
    talk = Conversation(host)
    talk.hear(memoryview(PREFACE + SETTINGS_FRAME))
    sizes = []
    for number in range(3, LIFE_COUNT * 2, 4):
        host.at_s += 0.05
        talk.hear(memoryview(frame(HEADERS, 4, number, OPEN) + frame(RST, 0, number, bytes(4))))
        talk.hear(memoryview(frame(HEADERS, 4, number + 2, block_of(*call_headers("/no/Such")))))
        talk.output()
        if number % (LIFE_COUNT // 2) < 4:
            sizes.append(
                (len(talk._h2._closed_streams), len(talk._refused), len(talk._stream_windows), len(talk._calls))
            )
    assert talk.ended_for is None
    assert sizes[-1][0] <= 1000
    assert sizes[-1][1] <= host.limits.streams_max
    assert sizes[-1][2:] == (0, 0)


def test_nothing_more_is_read_until_it_is_known_who_sends() -> None:
    host = Alone()
    host.knows = False
    talk = Conversation(host)
    talk.hear(memoryview(PREFACE + SETTINGS_FRAME + frame(HEADERS, 4, 1, OPEN) + frame(DATA, 1, 1, prefixed(b"abc"))))
    assert (len(host.works), host.asks, talk.waits_for_the_door) == (1, [], False)  # the worker asks
    for number in (3, 5):
        talk.hear(memoryview(frame(HEADERS, 4, number, OPEN) + frame(DATA, 0, number, prefixed(b"abc")[:6])))
    assert (len(host.asks), talk.waits_for_the_door) == (2, True)
    talk.admitted(host.asks[0], None)
    assert waits(talk)
    talk.admitted(host.asks[1], Problem(401, 16, "login", "the token is unknown"))
    assert host.asks[1].is_dropped
    talk.hear(memoryview(frame(HEADERS, 4, 7, OPEN)))  # too many wait
    assert host.asks[2].is_dropped
    assert not waits(talk)


def waits(talk: Conversation) -> bool:
    return talk.waits_for_the_door


def test_who_may_not_is_refused_so_often_and_no_more() -> None:
    with serving(door=one_token) as served, Sender(served.port) as sender:
        count = 0
        while sender.gone is None and count < 500:
            assert sender.call(ECHO, b"abc", "", ("authorization", f"Bearer {count}")).code == 16
            count += 1
        assert 40 < count < 500
        assert sender.until_gone().code == CALM


def test_many_refused_bodies_do_not_hurt_those_that_are_not(served: Served) -> None:
    with Sender(served.port) as sender:
        good = sender.begin(ECHO)
        sender.send(good, prefixed(b"abc")[:6], ends=False)
        for _ in range(2 * served.server.limits.streams_max + 50):
            stream_id = sender.begin("/no/Such")
            assert sender.answer(stream_id).code == 12
        sender.send(good, prefixed(b"abc")[6:])
        assert sender.answer(good).message == b"abc 3 anyone"


def test_windows_that_are_overrun(served: Served) -> None:
    """More than was allowed, in one piece."""
    with serving(Limits(stream_window_bytes=10_000, connection_window_bytes=70_000)) as small, Raw(small.port) as raw:
        raw.send(frame(HEADERS, 4, 1, OPEN) + frame(DATA, 0, 1, prefixed(bytes(100_001))))
        assert raw.goodbye()[0] == FLOW


BEGUN = [
    b"",
    b"PRI * HTTP",
    PREFACE,
    PREFACE + SETTINGS_FRAME[:5],
    PREFACE + SETTINGS_FRAME + frame(PING, 0, 0, bytes(8))[:12],
    PREFACE + SETTINGS_FRAME + frame(HEADERS, 0, 1, OPEN),
    PREFACE + SETTINGS_FRAME + frame(HEADERS, 4, 1, OPEN)[:30],
    PREFACE + SETTINGS_FRAME + frame(DATA, 8, 1, bytes(300))[:30],
]


def test_who_does_not_go_on_is_closed(impatient: Served) -> None:
    """Some stop, some drip on, a byte at a time: all at once."""
    drips = [PREFACE + SETTINGS_FRAME + frame(PING, 0, 0, bytes(100)), bytes(200)]
    waiting: dict[Raw, Iterator[int]] = {}
    for begun in BEGUN:
        rest = drips[0][len(begun) :] if drips[0].startswith(begun) else drips[1]
        for more in (b"", rest):
            raw = Raw(impatient.port, preface=False)
            raw.send(begun)
            waiting[raw] = iter(more)
    until_s = time.monotonic() + 10
    while waiting and time.monotonic() < until_s:
        for raw, left in list(waiting.items()):
            byte = next(left, None)
            if raw.is_closed(0.005) or (byte is not None and not raw.send(bytes([byte]))):
                raw.socket.close()
                del waiting[raw]
    assert not waiting


@pytest.mark.parametrize("pace_s", [0.02, 10.0])
def test_bodies_that_come_too_slowly_are_refused_and_the_connection_stays(impatient: Served, pace_s: float) -> None:
    with Sender(impatient.port) as sender:
        stream_id = sender.begin(ECHO)
        sender.send(stream_id, prefixed(bytes(1000))[:100], ends=False)
        until_s = time.monotonic() + 5
        sender.socket.settimeout(min(pace_s, 5))
        while not sender.answers[stream_id].is_over and time.monotonic() < until_s:
            try:
                sender.read()
            except TimeoutError:
                sender.h2.send_data(stream_id, bytes(1))
                sender.flush()
        assert sender.answers[stream_id].code == 4
        assert "too slowly" in sender.answers[stream_id].told
        sender.socket.settimeout(10)
        assert sender.call(ECHO, b"abc").code == 0
    wait_for(lambda: impatient.room.taken_bytes == 0)


def test_answers_that_nobody_takes_are_given_up(impatient: Served) -> None:
    with Sender(impatient.port) as sender:
        sender.h2.update_settings({4: 0})
        sender.flush()
        stream_id = sender.begin(LONG)
        sender.send(stream_id, prefixed(b""))
        assert sender.answer(stream_id).reset == 8


def test_who_reads_nothing_is_closed(impatient: Served) -> None:
    """Answers to pings pile up at a sender that does not read: then nothing more is taken from it."""
    with Raw(impatient.port) as raw:
        raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.socket.settimeout(10)
        raw.send(frame(WINDOW, 0, 0, b"\x7f\xff\x00\x00") + frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 2**31 - 1)))
        number = 1
        while raw.send(
            frame(HEADERS, 4, number, block_of(*call_headers(LONG))) + frame(DATA, 1, number, prefixed(b""))
        ):
            number += 2
            time.sleep(0.005)
        assert number < 2000


def test_idle_connections_are_told_to_go() -> None:
    with serving(Limits(idle_s=1.0, tick_s=0.05)) as served, Sender(served.port) as sender:
        assert sender.call(ECHO, b"abc").code == 0
        gone = sender.until_gone()
        assert (gone.code, gone.reason) == (0, "going away")


def test_where_all_places_are_taken_the_one_goes_that_was_never_let_in() -> None:
    with serving(Limits(connections_max=3)) as served:
        useful, first, second = (Sender(served.port) for _ in range(3))
        assert useful.call(ECHO, b"abc").code == 0
        late = Sender(served.port)
        assert late.call(ECHO, b"abc").code == 0
        assert first.until_gone().reason == "going away"
        busy = [(one, one.begin(ECHO)) for one in (useful, late, second)]
        for one, _ in busy:
            assert one.call(ECHO, b"abc").code == 0
        with pytest.raises(Gone):
            Sender(served.port)
        for one, stream_id in busy:
            one.send(stream_id, prefixed(b"abc"))
            assert one.answer(stream_id).code == 0
        for one in (useful, first, second, late):
            one.socket.close()


def test_a_thousand_idle_connections_take_little_memory(served: Served) -> None:
    before = memory_bytes()
    senders = [Raw(served.port) for _ in range(300)]
    wait_for(lambda: len(served.server._connections) >= 300)
    assert memory_bytes() - before < 300 * 100_000
    for raw in senders:
        raw.socket.close()
    wait_for(lambda: not served.server._connections)


@pytest.fixture(autouse=True)
def _no_error_of_ours(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """What breaks of ours is logged: then the test fails."""
    yield
    told = capsys.readouterr().out
    assert "otlp_grpc_broke" not in told, told
    assert "otlp_grpc_loop" not in told, told
