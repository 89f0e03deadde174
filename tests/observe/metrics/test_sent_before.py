"""Series that were sent before are found by their bytes: whatever a body is like, the answer is that of a fresh one."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tests.observe.metrics import wire
from tests.observe.metrics.fake_store import FakeStore
from trimtab.model.errors import InputError
from trimtab.observe.metrics.limits import IngestLimits
from trimtab.observe.metrics.pace import Pace
from trimtab.observe.metrics.remote_write import RemoteWrite
from trimtab.observe.metrics.sent_before import SentBefore
from trimtab.observe.metrics.written import Written

NOW = 1_800_000_000_000
LIMITS = IngestLimits()


def receiver(store: FakeStore, text_bytes_max: int | None = None) -> RemoteWrite:
    made = RemoteWrite(store, LIMITS, Pace(LIMITS))
    if text_bytes_max is not None:
        made.sent = SentBefore(text_bytes_max)
    return made


def labels_of(number: int) -> dict[str, str]:
    """Some are the beginnings of others, of all lengths."""
    labels = {"__name__": "m" * (1 + number % 5), "n": str(number)}
    return labels | ({} if number % 3 else {"z" * (number % 40 + 1): "v" * (number % 7)})


def series(number: int, step: int, dice: random.Random) -> bytes:
    values = [dice.choice([0.0, 1.5, float(step)]) for _ in range(dice.choice([1, 1, 1, 1, 0, 2, 3]))]
    at_ms = NOW + step * 1000
    samples = [
        (wire.sample if value or dice.random() < 0.5 else lambda at, _: wire.integer(2, at))(at_ms + place, value)
        for place, value in enumerate(values)
    ]
    if dice.random() < 0.1:  # a label behind the samples: another series
        samples.append(b"")
        return wire.series_1(labels_of(number), samples, wire.label_fields({"zz": "later"}))
    more = wire.exemplar_1({"trace": "a"}, 1.0, at_ms) if dice.random() < 0.05 else b""
    return wire.series_1(labels_of(number), samples, more)


def body(step: int, dice: random.Random) -> bytes:
    """Mostly the usual order, now and then a part of it, turned around, shuffled, with some twice."""
    numbers = list(range(dice.choice([0, 50]), dice.choice([60, 200, 260])))
    kind = dice.randrange(5)
    if kind == 0:
        dice.shuffle(numbers)
    elif kind == 1:
        numbers.reverse()
    elif kind == 2:
        numbers = [number for number in numbers if dice.random() < 0.8]
    elif kind == 3:
        numbers += numbers[:10]
    return b"".join(series(number, step, dice) for number in numbers)


@pytest.mark.slow
@pytest.mark.parametrize("text_bytes_max", [None, 3_000, 10])
def test_a_receiver_with_a_memory_stores_what_fresh_ones_store(text_bytes_max: int | None) -> None:
    dice = random.Random(7)
    with_memory, without = FakeStore(series_max=280), FakeStore(series_max=280)
    remembers = receiver(with_memory, text_bytes_max)
    for step in range(150):
        sent = body(step, dice)
        if step % 5 == 4:
            sent = wire.mutated([sent], dice)
        answers: list[tuple[str, Written | None]] = []
        for one in (remembers, receiver(without)):
            try:
                written = one.write(bytearray(sent), 1, "test")
            except InputError as error:
                answers.append((error.message, None))
            else:
                answers.append(("", written))
        assert answers[0] == answers[1], step
    assert with_memory.names == without.names
    assert with_memory.values == without.values
    assert with_memory.examples == without.examples


def test_what_begins_like_a_series_that_is_known_is_another_one() -> None:
    store = FakeStore()
    remote = receiver(store)
    short, long = {"__name__": "up"}, {"__name__": "up", "job": "a"}
    for step in range(3):
        sent = wire.series_1(short, [wire.sample(NOW + step, 1.0)]) + wire.series_1(long, [wire.sample(NOW + step, 2)])
        other = wire.series_1(long, [wire.sample(NOW + 10 + step, 3.0)])
        assert remote.write(bytearray(sent), 1, "test").samples_count == 2
        assert remote.write(bytearray(other), 1, "test").samples_count == 1
    assert store.of("up") == {NOW: 1.0, NOW + 1: 1.0, NOW + 2: 1.0}
    assert store.of("up", job="a")[NOW + 11] == 3.0
    assert store.registered_count == 2


def test_known_series_are_found_without_their_hash() -> None:
    sent = SentBefore()
    store = FakeStore()
    remote = receiver(store)
    remote.sent = sent
    bodies = [
        b"".join(wire.series_1({"__name__": "m", "n": str(n)}, [wire.sample(NOW + step, n)]) for n in numbers)
        for step, numbers in enumerate([range(1000), range(1000), range(500, 1500), range(1500)])
    ]
    for one in bodies:
        remote.write(bytearray(one), 1, "test")
    assert sent.entries.count == 1500
    assert store.registered_count == 1500
    assert sent.entries.following[: sent.entries.count - 1].tolist() == list(range(1, 1500))


def test_memory_is_bounded() -> None:
    sent = SentBefore(text_bytes_max=1000)
    data = np.frombuffer(bytearray(random.Random(1).randbytes(100_000)), np.uint8)
    for start in range(0, 90_000, 300):
        places = np.array([[start, start + 100], [start + 100, start + 300]])
        sent.add(data, places, np.array([start, start + 1], np.uint64), np.array([1, 2], np.int32))
        assert sent.entries.text_bytes <= 1000
        assert sent.entries.count <= 6
