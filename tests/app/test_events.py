"""The event hub: bounds, gaps, waiting in an event loop, and the end."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from trimtab.app.events import QUEUE_MAX, SUBSCRIBERS_MAX, Event, EventHub, EventKind
from trimtab.model.errors import Busy


def test_everybody_hears_everything_in_order() -> None:
    hub = EventHub()
    with hub.subscribe() as one, hub.subscribe() as two:
        for number in range(5):
            hub.publish(EventKind.CASE, {"id": number})
        expected = tuple(Event(EventKind.CASE, {"id": number}) for number in range(5))
        assert one.take() == two.take() == expected
        assert one.take() == ()


def test_who_is_slow_loses_the_oldest_and_is_told_once() -> None:
    hub = EventHub()
    with hub.subscribe() as slow:
        for number in range(QUEUE_MAX + 7):
            hub.publish(EventKind.SLICE, {"ended_at_ms": number})
        gap, *rest = slow.take()
        assert (gap.kind, gap.payload) == (EventKind.GAP, {"dropped_count": 7})
        assert [event.payload["ended_at_ms"] for event in rest] == list(range(7, QUEUE_MAX + 7))
        hub.publish(EventKind.STATUS)
        assert [event.kind for event in slow.take()] == [EventKind.STATUS], "the gap is told once"


def test_there_is_room_for_so_many_and_no_more() -> None:
    hub = EventHub()
    open_ones = [hub.subscribe() for _ in range(SUBSCRIBERS_MAX)]
    with pytest.raises(Busy, match=f"{SUBSCRIBERS_MAX} event streams"):
        hub.subscribe()
    open_ones[0].close()
    open_ones[0].close()
    hub.subscribe().close()
    assert hub.subscribers_count == SUBSCRIBERS_MAX - 1


def test_waiting_ends_with_an_event_of_another_thread_or_with_the_time() -> None:
    hub = EventHub()

    async def scenario() -> None:
        with hub.subscribe() as mine:
            begun = time.monotonic()
            assert await mine.wait(0.05) == ()
            assert time.monotonic() - begun >= 0.04
            threading.Timer(0.05, hub.publish, (EventKind.CHANGE, {"id": "c1"})).start()
            events = await mine.wait(10.0)
            assert [event.payload for event in events] == [{"id": "c1"}]
            hub.publish(EventKind.STATUS)
            assert len(await mine.wait(10.0)) == 1, "what came before is there at once"

    asyncio.run(scenario())


def test_a_hub_that_closes_ends_every_stream_and_takes_no_new_one() -> None:
    hub = EventHub()

    async def scenario() -> None:
        mine = hub.subscribe()
        threading.Timer(0.05, hub.close).start()
        assert await mine.wait(10.0) == ()
        assert mine.is_closed
        assert await mine.wait(10.0) == (), "and does not block again"

    asyncio.run(scenario())
    assert hub.subscribers_count == 0
    with pytest.raises(Busy, match="stopping"):
        hub.subscribe()
    hub.publish(EventKind.STATUS)


def test_events_of_a_loop_that_has_ended_hurt_nobody() -> None:
    hub = EventHub()
    mine = hub.subscribe()

    async def give_up() -> None:
        task = asyncio.create_task(mine.wait(10.0))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(give_up())
    hub.publish(EventKind.STATUS)
    assert [event.kind for event in mine.take()] == [EventKind.STATUS]


def test_many_threads_publish_while_one_takes() -> None:
    hub = EventHub()
    with hub.subscribe() as mine:

        def publish() -> None:
            for _ in range(500):
                hub.publish(EventKind.SLICE)

        threads = [threading.Thread(target=publish) for _ in range(4)]
        for thread in threads:
            thread.start()
        seen = 0
        while any(thread.is_alive() for thread in threads):
            seen += _count(mine.take())
        seen += _count(mine.take())
    assert seen == 2000


def _count(events: tuple[Event, ...]) -> int:
    """Events that came, dropped ones included."""
    dropped = sum(int(str(e.payload["dropped_count"])) for e in events if e.kind is EventKind.GAP)
    return dropped + sum(e.kind is not EventKind.GAP for e in events)
