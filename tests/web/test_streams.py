"""`/series` and `/events`."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from tests.web import shown
from tests.web.site import Site
from trimtab.app.events import EventHub, EventKind
from trimtab.app.reading.answers import Series, SeriesAnswer
from trimtab.app.reading.reader import Reader
from trimtab.web.events import BEAT, stream
from trimtab.web.series import encode


@pytest.mark.store
def test_all_charts_are_one_answer(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reader, "series", lambda _self, keys, *_: shown.series(keys))
    answer = site.visitor().get("/series?key=a/b&key=c/d&from=now-6h&points=300")
    assert answer.status_code == 200
    assert "content-encoding" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"
    assert [line["key"] for line in answer.json()["series"]] == ["a/b", "c/d"]
    assert answer.json()["series"][0]["values"] == [1.0, None, 2.12346]


@pytest.mark.store
@pytest.mark.parametrize(
    "wrong", ["", "?key=nonsense", "?key=self/x&points=0", "?key=self/x&points=100001", "?key=self/x&from=x"]
)
def test_a_wrong_question_is_answered_as_json(site: Site, wrong: str) -> None:
    answer = site.visitor().get(f"/series{wrong}")
    assert answer.status_code == 400
    assert answer.json()["error"]["kind"] == "InputError"


def test_a_day_of_gaps_is_only_nulls() -> None:
    line = Series("k", "n", "ms", [None] * 5)
    answer = SeriesAnswer(0, 5, 1, (line,), ())
    assert msgspec.json.decode(encode(answer))["series"][0]["values"] == [None] * 5


def test_events_come_with_their_names_and_silence_is_a_beat() -> None:
    async def listen() -> list[bytes]:
        hub = EventHub()
        subscription = hub.subscribe()
        heard = stream(subscription, beat_s=0.01)
        found = [await anext(heard)]
        found.append(await anext(heard))
        hub.publish(EventKind.CASE, {"id": 7})
        hub.publish(EventKind.SLICE, {"system": "a\nb"})
        found.append(await anext(heard))
        subscription.close()
        found += [part async for part in heard]
        return found

    first, silence, both, *rest = asyncio.run(listen())
    assert first == silence == BEAT
    assert both == b'event: case\ndata: {"id":7}\n\nevent: slice\ndata: {"system":"a\\nb"}\n\n'
    assert all(part == BEAT for part in rest)


def test_what_came_between_reading_and_listening_is_told() -> None:
    hub = EventHub()
    hub.publish(EventKind.CASE, {"id": 1})
    read = hub.count
    hub.publish(EventKind.SLICE, {"system": "a"})  # comes again by itself
    hub.publish(EventKind.ALERT)
    with hub.subscribe(read) as mine, hub.subscribe() as new:
        hub.publish(EventKind.CASE, {"id": 2})
        assert [event.kind for event in mine.take()] == [EventKind.ALERT, EventKind.CASE]
        assert [event.kind for event in new.take()] == [EventKind.CASE]


@pytest.mark.store
def test_too_many_streams_are_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trimtab.app.events.SUBSCRIBERS_MAX", 0)
    answer = site.visitor().get("/events")
    assert answer.status_code == 503
    assert site.service.events.subscribers_count == 0
