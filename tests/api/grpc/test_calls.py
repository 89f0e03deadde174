"""Calls, right and wrong, and what each is answered."""

from __future__ import annotations

import base64
import gzip
import socket
import threading
import time
from functools import partial

import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from tests.api.grpc.conftest import (
    BODY_BYTES_MAX,
    BROKEN,
    ECHO,
    FULL,
    LONG,
    ROOM_BYTES,
    SLOW,
    Served,
    one_token,
    serving,
)
from tests.api.grpc.sender import PACKERS, Sender, call_headers, frame, prefixed
from tests.cli.test_kills_under_load import wait_for
from trimtab.api.grpc.call import CALL_BYTES
from trimtab.api.grpc.limits import Limits
from trimtab.api.otlp_answers import (
    DEADLINE_EXCEEDED,
    INTERNAL,
    INVALID_ARGUMENT,
    PERMISSION_DENIED,
    RESOURCE_EXHAUSTED,
    UNAUTHENTICATED,
    UNIMPLEMENTED,
)

ALL = "identity,deflate,gzip,zstd"


@pytest.fixture
def sender(served: Served) -> Sender:
    return Sender(served.port)


@pytest.mark.parametrize("encoding", ["", *PACKERS])
@pytest.mark.parametrize("size", [0, 1, 10_000, 1_048_576])
def test_every_encoding_and_size(served: Served, sender: Sender, encoding: str, size: int) -> None:
    with sender:
        for _ in range(2):
            answer = sender.call(ECHO, b"x" * size, encoding)
            assert (answer.code, answer.told) == (0, "")
            assert answer.message == b"x" * min(size, 20) + b" %d anyone" % size
            assert answer.headers == {
                ":status": "200",
                "content-type": "application/grpc",
                "grpc-accept-encoding": ALL,
            }
    assert served.room.taken_bytes == 0


@pytest.mark.parametrize("frame_bytes", [1, 7, 300, 5000, 16_384])
def test_whatever_the_frames(sender: Sender, frame_bytes: int) -> None:
    size = min(300 * frame_bytes, 1_000_000)
    with sender:
        stream_id = sender.begin(ECHO)
        sender.send(stream_id, prefixed(b"abc" + b"x" * size), ends=False, frame_bytes=frame_bytes)
        sender.send(stream_id, b"")
        assert sender.answer(stream_id).message == b"abc" + b"x" * min(size, 17) + b" %d anyone" % (size + 3)


def test_many_at_one_time_in_turns(sender: Sender) -> None:
    body = prefixed(bytes(40_000))
    with sender:
        ids = [sender.begin(ECHO) for _ in range(40)]
        for part in (body[:3], body[3:20_000], body[20_000:]):
            for stream_id in ids:
                sender.send(stream_id, part, ends=False)
        for stream_id in reversed(ids):
            sender.send(stream_id, b"")
        for stream_id in ids:
            assert sender.answer(stream_id).message == bytes(20) + b" 40000 anyone"


def test_more_than_the_windows_at_once(served: Served, sender: Sender) -> None:
    """20 MB on one connection: windows are given back."""
    with sender:
        for _ in range(11):
            assert sender.call(ECHO, bytes(1_900_000)).code == 0
        assert served.room.taken_bytes == 0


@pytest.mark.parametrize(
    ("path", "headers", "body", "code", "told"),
    [
        ("/x.y/Z", {}, prefixed(b"a"), UNIMPLEMENTED, "there is no method /x.y/Z"),
        (ECHO, {"grpc-encoding": "snappy"}, prefixed(b"a", is_packed=1), UNIMPLEMENTED, "use identity, deflate, gzip"),
        (ECHO, {}, b"", UNIMPLEMENTED, "this one has none"),
        (ECHO, {}, b"\0\0", INVALID_ARGUMENT, "cut short"),
        (ECHO, {}, prefixed(b"abc", length=4), INVALID_ARGUMENT, "3 of 4 bytes"),
        (ECHO, {}, prefixed(b"abc") * 2, UNIMPLEMENTED, "something behind it"),
        (ECHO, {}, prefixed(b"abc", is_packed=1), INVALID_ARGUMENT, "do not say how"),
        (ECHO, {"grpc-encoding": "gzip"}, prefixed(b"abc", is_packed=2), INVALID_ARGUMENT, "do not say how"),
        (ECHO, {"grpc-encoding": "gzip"}, prefixed(b"abc", is_packed=1), INVALID_ARGUMENT, "not gzip"),
        (ECHO, {"grpc-encoding": "deflate"}, prefixed(b"abc", is_packed=1), INVALID_ARGUMENT, "not deflate"),
        (ECHO, {"grpc-encoding": "zstd"}, prefixed(b"abc", is_packed=1), INVALID_ARGUMENT, "not zstd"),
        (
            ECHO,
            {"grpc-encoding": "gzip"},
            prefixed(gzip.compress(b"a", mtime=0)[:-3], is_packed=1),
            INVALID_ARGUMENT,
            "cut",
        ),
        (ECHO, {"grpc-timeout": "soon"}, prefixed(b"a"), INVALID_ARGUMENT, "grpc-timeout 'soon'"),
        (ECHO, {"grpc-timeout": "0n"}, prefixed(b"a"), DEADLINE_EXCEEDED, "grpc-timeout is over"),
        (ECHO, {}, prefixed(bytes(BODY_BYTES_MAX + 1)), INVALID_ARGUMENT, f"{BODY_BYTES_MAX} bytes"),
        (BROKEN, {}, prefixed(b"input"), INVALID_ARGUMENT, "byte 3 is wrong – 100 %\n"),
        (BROKEN, {}, prefixed(b"bug"), INTERNAL, "internal error: ZeroDivisionError"),
        (FULL, {}, prefixed(b"a"), RESOURCE_EXHAUSTED, "the spool is full"),
    ],
)
def test_what_is_wrong_is_told(
    served: Served, sender: Sender, path: str, headers: dict[str, str], body: bytes, code: int, told: str
) -> None:
    with sender:
        stream_id = sender.begin(path, *headers.items())
        sender.send(stream_id, body)
        answer = sender.answer(stream_id)
        assert (answer.code, answer.headers[":status"]) == (code, "200")
        assert told in answer.told
        assert answer.headers["grpc-accept-encoding"] == ALL
        assert sender.call(ECHO, b"on").code == 0  # and the connection goes on
    assert served.room.taken_bytes == 0


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({":method": "GET"}, "405"),
        ({"content-type": "application/json"}, "415"),
        ({"content-type": "application/grpc+json"}, "415"),
        ({"content-type": "application/grpc+proto"}, "200"),
        ({"content-type": "application/grpc; charset=utf-8"}, "200"),
    ],
)
def test_what_is_no_grpc_is_told_in_http(sender: Sender, change: dict[str, str], status: str) -> None:
    headers = {**dict(call_headers(ECHO)), **change}
    with sender:
        stream_id = sender.begin_with(list(headers.items()))
        sender.send(stream_id, prefixed(b"a"))
        assert sender.answer(stream_id).headers[":status"] == status
        assert sender.call(ECHO, b"on").code == 0


@pytest.mark.parametrize("encoding", ["deflate", "gzip", "zstd"])
def test_bombs(served: Served, sender: Sender, encoding: str) -> None:
    """Packed it is a few kilobytes, unpacked far beyond the limit; and one whose headers lie."""
    packed = PACKERS[encoding](bytes(20_000_000))
    with sender:
        stream_id = sender.begin(ECHO, ("grpc-encoding", encoding))
        sender.send(stream_id, prefixed(packed, is_packed=1))
        answer = sender.answer(stream_id)
        assert (answer.code, "unpacked" in answer.told) == (INVALID_ARGUMENT, True)
    assert served.room.taken_bytes == 0
    assert served.refused["body_too_long"] > 0


def test_bodies_of_several_packed_parts_are_refused(sender: Sender) -> None:
    with sender:
        for encoding in ("gzip", "zstd", "deflate"):
            packed = PACKERS[encoding](b"one") + PACKERS[encoding](b"two")
            stream_id = sender.begin(ECHO, ("grpc-encoding", encoding))
            sender.send(stream_id, prefixed(packed, is_packed=1))
            assert sender.answer(stream_id).code == INVALID_ARGUMENT


def test_who_must_come_back_is_told_when(sender: Sender) -> None:
    with sender:
        headers = sender.call(FULL, b"a").headers
    status = Status.FromString(_binary(headers["grpc-status-details-bin"]))
    info = RetryInfo()
    assert status.code == RESOURCE_EXHAUSTED
    assert status.details[0].Unpack(info)
    assert (
        info.retry_delay.seconds
        == RetryInfo.FromString(_binary(headers["google.rpc.retryinfo-bin"])).retry_delay.seconds
        == 5
    )


def _binary(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4))


def test_a_body_without_room_is_refused_while_it_comes_and_room_comes_back(served: Served, sender: Sender) -> None:
    with sender, Sender(served.port) as other:
        body = prefixed(bytes(1_900_000))
        held = [sender.begin(ECHO) for _ in range(3)]
        for stream_id in held:
            sender.send(stream_id, body[:-1], ends=False)
        wait_for(lambda: served.room.taken_bytes == 3 * (1_899_999 + CALL_BYTES))
        refused = other.call(ECHO, bytes(1_000_000))
        assert (refused.code, "come back later" in refused.told) == (RESOURCE_EXHAUSTED, True)
        assert "google.rpc.retryinfo-bin" in refused.headers
        for stream_id in held:
            sender.send(stream_id, body[-1:])
            assert sender.answer(stream_id).code == 0
        assert other.call(ECHO, bytes(1_000_000)).code == 0
    assert served.room.taken_bytes == 0


def test_calls_that_only_begin_take_room_too(served: Served) -> None:
    """A room of 6 MB has place for 1,464 of them, whatever the number of connections."""
    places = ROOM_BYTES // CALL_BYTES
    senders = [Sender(served.port) for _ in range(8)]
    for number, sender in enumerate(senders, 1):
        ids = [sender.begin(ECHO, flushes=False) for _ in range(200)]
        sender.flush()
        taken = CALL_BYTES * min(200 * number, places)
        wait_for(partial(lambda bytes_: served.room.taken_bytes == bytes_, taken))
    answer = senders[-1].answer(ids[-1])
    assert (answer.code, "come back later" in answer.told) == (RESOURCE_EXHAUSTED, True)
    for sender in senders:
        sender.socket.close()
    wait_for(lambda: served.room.taken_bytes == 0)


def test_who_goes_away_gives_its_room_back(served: Served, sender: Sender) -> None:
    with sender:
        kept = sender.begin(ECHO)
        reset = sender.begin(ECHO)
        for stream_id in (kept, reset):
            sender.send(stream_id, prefixed(bytes(500_000))[:-1], ends=False)
        wait_for(lambda: served.room.taken_bytes == 2 * (499_999 + CALL_BYTES))
        sender.h2.reset_stream(reset, 8)
        sender.flush()
        wait_for(lambda: served.room.taken_bytes == 499_999 + CALL_BYTES)
    wait_for(lambda: served.room.taken_bytes == 0)


def test_a_body_that_is_longer_than_the_windows() -> None:
    """Twenty times; by frames of 16 KiB, and by one with a content-length, whose windows are h2's."""
    body = prefixed(bytes(1_900_000))
    limits = Limits(stream_window_bytes=100_000, connection_window_bytes=150_000)
    with serving(limits) as served, Sender(served.port) as sender:
        for more in ([], [("content-length", str(len(body)))], []):
            stream_id = sender.begin(ECHO, *more)
            sender.send(stream_id, body)
            assert sender.answer(stream_id).message == bytes(20) + b" 1900000 anyone"


def test_trailers_of_a_request_are_nobodys(sender: Sender) -> None:
    with sender:
        stream_id = sender.begin(ECHO)
        sender.send(stream_id, prefixed(b"abc"), ends=False)
        sender.h2.send_headers(stream_id, [("grpc-timeout", "0n"), ("authorization", "Bearer x")], end_stream=True)
        sender.flush()
        assert sender.answer(stream_id).message == b"abc 3 anyone"


def test_a_content_length_is_checked_and_padding_taken(sender: Sender) -> None:
    body = prefixed(b"x" * 40_000)
    with sender:
        stream_id = sender.begin(ECHO, ("content-length", str(len(body))))
        sender.send(stream_id, body)
        assert sender.answer(stream_id).message == b"x" * 20 + b" 40000 anyone"
        stream_id = sender.begin(ECHO)
        for at in range(0, len(body), 10_000):
            sender.h2.send_data(stream_id, body[at : at + 10_000], pad_length=at % 256)
        sender.h2.end_stream(stream_id)
        sender.flush()
        assert sender.answer(stream_id).message == b"x" * 20 + b" 40000 anyone"
        stream_id = sender.begin(ECHO, ("content-length", "7"))
        sender.send(stream_id, prefixed(b"abc"))
        assert sender.until_gone().code == 1


def test_one_frame_of_a_megabyte(sender: Sender) -> None:
    body = prefixed(b"x" * 1_000_000)
    with sender:
        stream_id = sender.begin(ECHO)
        sender.socket.sendall(frame(0, 1, stream_id, body))
        assert sender.answer(stream_id).message == b"x" * 20 + b" 1000000 anyone"


def test_answers_wait_for_windows(served: Served) -> None:
    with Sender(served.port) as sender:
        sender.h2.update_settings({4: 0})
        sender.flush()
        stream_id = sender.begin(LONG)
        sender.send(stream_id, prefixed(b""))
        while ":status" not in sender.answers[stream_id].headers:
            sender.read()
        assert sender.answers[stream_id].data == b""
        for _ in range(20):
            sender.h2.increment_flow_control_window(20_000, stream_id)
        sender.h2.increment_flow_control_window(1_000_000)
        sender.flush()
        answer = sender.answer(stream_id)
        assert (answer.code, len(answer.message)) == (0, 200_000)


def test_tokens() -> None:
    with serving(door=one_token) as served:
        for more, code in (
            ([], UNAUTHENTICATED),
            ([("authorization", "Bearer wrong")], UNAUTHENTICATED),
            ([("authorization", "Bearer right"), ("authorization", "Bearer right")], UNAUTHENTICATED),
            ([("authorization", "Bearer viewer")], PERMISSION_DENIED),
            ([("authorization", "Bearer right")], 0),
        ):
            with Sender(served.port) as sender:
                for body in (b"abc", bytes(1_000_000)):
                    assert sender.call(ECHO, body, "", *more).code == code
        assert served.room.taken_bytes == 0
        with Sender(served.port) as sender:
            assert sender.call(ECHO, b"abc", "", ("authorization", "Bearer right")).message == b"abc 3 agent"
            begun = sender.begin(ECHO, ("authorization", "Bearer wrong"))  # before there is any body
            assert sender.answer(begun).code == UNAUTHENTICATED


def test_calls_that_were_given_up_take_places_until_they_are_worked_off() -> None:
    """Rapid reset: what the worker has begun counts, though the sender forgot it."""
    with serving(Limits(streams_max=5, workers_count=2)) as served, Sender(served.port) as sender:
        for _ in range(5):
            stream_id = sender.begin(SLOW)
            sender.send(stream_id, prefixed(b"x"))
            sender.h2.reset_stream(stream_id, 8)
            sender.flush()
        assert served.began.acquire(timeout=10)
        assert served.began.acquire(timeout=10)
        refused = sender.begin(ECHO)
        assert sender.answer(refused).reset == 7
        served.go_on.set()
        wait_for(lambda: served.room.taken_bytes == 0)
        wait_for(lambda: _is_taken(sender))
        assert served.slow_count == 2


def _is_taken(sender: Sender) -> bool:
    stream_id = sender.begin(ECHO)
    sender.send(stream_id, prefixed(b"x"))
    return sender.answer(stream_id).code == 0


def test_more_calls_than_may_wait_are_told_to_come_back() -> None:
    with serving(Limits(calls_max=3, workers_count=1)) as served, Sender(served.port) as sender:
        ids = []
        for _ in range(4):
            ids.append(sender.begin(SLOW))
            sender.send(ids[-1], prefixed(b"x"))
        answer = sender.answer(ids[-1])
        assert (answer.code, "3 calls wait" in answer.told) == (RESOURCE_EXHAUSTED, True)
        assert "google.rpc.retryinfo-bin" in answer.headers
        served.go_on.set()
        assert [sender.answer(stream_id).code for stream_id in ids[:3]] == [0, 0, 0]


def test_goaway_of_a_sender_does_not_cost_it_its_answers(served: Served) -> None:
    with Sender(served.port) as sender:
        served.go_on.clear()
        stream_id = sender.begin(SLOW)
        sender.send(stream_id, prefixed(b"x"))
        assert served.began.acquire(timeout=10)
        sender.socket.sendall(frame(7, 0, 0, bytes(8)))
        later = sender.begin(ECHO)
        assert sender.answer(later).reset == 7
        served.go_on.set()
        assert sender.answer(stream_id).message == b"slow"
        sender.until_gone()


def test_a_connection_that_is_half_closed_gets_its_answer(served: Served) -> None:
    with Sender(served.port) as sender:
        served.go_on.clear()
        stream_id = sender.begin(SLOW)
        sender.send(stream_id, prefixed(b"x"))
        unfinished = sender.begin(ECHO)
        sender.send(unfinished, prefixed(b"abc")[:6], ends=False)
        assert served.began.acquire(timeout=10)
        sender.socket.shutdown(socket.SHUT_WR)
        served.go_on.set()
        assert sender.answer(stream_id).message == b"slow"
        with pytest.raises(Exception, match="closed"):
            sender.answer(unfinished)
    wait_for(lambda: served.room.taken_bytes == 0)


def test_stopping_answers_what_is_under_way_and_takes_no_more() -> None:
    with serving() as served, Sender(served.port) as sender:
        stream_id = sender.begin(SLOW)
        sender.send(stream_id, prefixed(b"x"))
        assert served.began.acquire(timeout=10)
        stopping = threading.Thread(target=served.server.stop, args=(20,))
        stopping.start()
        while sender.gone is None:  # h2's client takes no answers after GOAWAY: then bytes will do
            sender.read()
        assert (sender.gone.code, sender.gone.reason) == (0, "going away")
        with pytest.raises(ConnectionRefusedError):
            Sender(served.port)
        served.go_on.set()
        found = b""
        while piece := sender.socket.recv(65_536):
            found += piece
        assert b"slow" in found
        sender.socket.close()
        stopping.join(10)
        assert not stopping.is_alive()


def test_stopping_does_not_wait_for_ever() -> None:
    with serving() as served, Sender(served.port) as sender:
        stream_id = sender.begin(ECHO)
        sender.send(stream_id, prefixed(b"abc")[:-1], ends=False)
        began_s = time.monotonic()
        served.server.stop(0.3)
        assert time.monotonic() - began_s < 5
        assert served.room.taken_bytes == 0
        sender.until_gone()


def test_messages_do_not_fill_the_packing_of_headers(sender: Sender) -> None:
    """A sender may ask for a table of headers without end: messages of refusals are never put into it."""
    with sender:
        sender.h2.update_settings({1: 2**31 - 1})
        sender.flush()
        for number in range(50):
            sender.call(f"/no/Method{number}", b"")
        sizes = len(sender.h2.decoder.header_table.dynamic_entries)
        assert sizes < 10
