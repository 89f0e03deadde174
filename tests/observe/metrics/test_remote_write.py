"""Remote write, from bytes to samples: both versions, what is refused, and bodies that are broken at random."""

from __future__ import annotations

import struct
import tracemalloc

import cramjam
import numpy as np
import pytest

from tests.observe.metrics import wire
from tests.observe.metrics.fake_store import FakeStore
from trimtab.model.errors import InputError, SpoolFull
from trimtab.observe.metrics.limits import IngestLimits, TooFast
from trimtab.observe.metrics.pace import Pace
from trimtab.observe.metrics.remote_write import STALE, RemoteWrite
from trimtab.observe.metrics.snappy import unpacked
from trimtab.observe.metrics.written import Written
from trimtab.observe.otlp import BodyTooLong
from trimtab.store.metrics.block import STALE_BITS
from trimtab.store.metrics.contract import Metadata

UP = {"__name__": "up", "job": "api"}
NOW = 1_800_000_000_000


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


def receiver(store: FakeStore, limits: IngestLimits | None = None) -> RemoteWrite:
    limits = limits or IngestLimits()
    return RemoteWrite(store, limits, Pace(limits))


def write(store: FakeStore, body: bytes, version: int = 1) -> Written:
    return receiver(store).write(bytearray(body), version, "test")


def test_samples_of_known_series_are_not_parsed_again(store: FakeStore) -> None:
    remote = receiver(store)
    for step in range(3):
        body = b"".join(wire.series_1(UP | {"n": str(n)}, [wire.sample(NOW + step, n + step)]) for n in range(100))
        written = remote.write(bytearray(body), 1, "test")
        assert (written.samples_count, written.refusals.count) == (100, 0)
    assert store.registered_count == 100
    assert store.of("up", job="api", n="7") == {NOW: 7.0, NOW + 1: 8.0, NOW + 2: 9.0}


def test_labels_are_sorted_and_empty_ones_left_out(store: FakeStore) -> None:
    write(store, wire.series_1({"z": "1", "__name__": "up", "gone": "", "a": "2"}, [wire.sample(NOW, 1)]))
    assert store.names == [(("__name__", "up"), ("a", "2"), ("z", "1"))]


def test_one_series_twice_in_a_body_is_one_series(store: FakeStore) -> None:
    body = wire.series_1(UP, [wire.sample(NOW, 1)]) + wire.series_1(UP, [wire.sample(NOW + 1, 2)])
    assert write(store, body).samples_count == 2
    assert store.of("up", job="api") == {NOW: 1.0, NOW + 1: 2.0}
    assert store.registered_count == 1


def test_every_bit_of_a_value_is_kept(store: FakeStore) -> None:
    values = [0.0, -0.0, float("inf"), float("-inf"), 5e-324, STALE, struct.unpack("<d", b"\x01\0\0\0\0\0\xf8\x7f")[0]]
    write(store, wire.series_1(UP, [wire.sample(NOW + n, value) for n, value in enumerate(values)]))
    stored = np.array([store.of("up", job="api")[NOW + n] for n in range(len(values))])
    assert stored.view(np.uint64).tolist() == np.array(values).view(np.uint64).tolist()
    assert int(stored.view(np.uint64)[5]) == STALE_BITS


def test_defaults_negative_times_and_unknown_fields(store: FakeStore) -> None:
    """A field that is not there is 0; times before 1970 are times; what is not known is skipped."""
    unknown = wire.field(15, b"later") + wire.double(14, 1.0) + wire.varint(13 << 3 | 5) + b"1234"
    body = wire.series_1(UP, [b"", wire.double(1, 2.0) + wire.integer(2, -5) + unknown], unknown) + unknown
    assert write(store, body).samples_count == 2
    assert store.of("up", job="api") == {0: 0.0, -5: 2.0}


def test_labels_that_stand_apart_are_one_series(store: FakeStore) -> None:
    apart = wire.field(1, wire.label_fields({"__name__": "up"}) + wire.field(2, wire.sample(NOW, 1.0)))[2:]
    body = wire.field(1, apart + wire.label_fields({"job": "api"}))
    assert write(store, body).samples_count == 1
    assert store.of("up", job="api") == {NOW: 1.0}


def test_bad_series_are_refused_and_good_ones_stored(store: FakeStore) -> None:
    remote = receiver(store)
    body = b"".join(
        [
            wire.series_1({"job": "api"}, [wire.sample(NOW, 1), wire.sample(NOW + 1, 1)]),
            wire.series_1(UP, [wire.sample(NOW, 1)]),
            wire.field(1, wire.label_fields(UP) + wire.label_fields({"job": "b"}) + wire.field(2, wire.sample(1, 1))),
            wire.field(1, wire.field(1, wire.field(1, b"\xff") + wire.field(2, b"x")) + wire.field(2, b"")),
            wire.series_1(UP | {"": "x"}, [wire.sample(NOW, 1)]),
        ]
    )
    for _ in range(2):  # the second time they are known to be bad
        written = remote.write(bytearray(body), 1, "test")
        assert written.samples_count == 1
        assert written.refusals.counts == {
            "metric_name_missing": 2,
            "label_duplicate": 1,
            "label_not_utf8": 1,
            "label_name_invalid": 1,
        }
        assert any("has no metric name" in sentence for sentence in written.refusals.sentences)
    assert store.registered_count == 1


def test_what_the_store_refuses_is_said(store: FakeStore) -> None:
    store.series_max, store.too_old_ms = 1, NOW
    body = wire.series_1(UP, [wire.sample(NOW - 1, 1), wire.sample(NOW, 1)])
    body += wire.series_1(UP | {"n": "1"}, [wire.sample(NOW, 1)] * 3)
    written = write(store, body)
    assert written.samples_count == 1
    assert written.refusals.counts == {"series_max": 3, "too_old": 1}
    assert written.refusals.text(written.sent_count).startswith("4 of 5 samples were not taken: series_max: 3")


def test_a_full_store_takes_nothing_and_knows_the_series_afterwards(store: FakeStore) -> None:
    store.is_full = True
    remote = receiver(store)
    body = bytearray(wire.series_1(UP, [wire.sample(NOW, 1)]))
    with pytest.raises(SpoolFull):
        remote.write(body, 1, "test")
    store.is_full = False
    assert remote.write(body, 1, "test").samples_count == 1


def test_native_histograms_exemplars_and_metadata(store: FakeStore) -> None:
    body = wire.series_1(
        UP,
        [],
        wire.field(4, wire.native_histogram(NOW, 6, 9.5, 3, [(-2, 2), (1, 1)], [1, 1, 1])),
        wire.exemplar_1({"trace_id": "abc"}, 0.5, NOW),
    )
    body += wire.metadata_1("up", 2, "Whether it is up.", "bool")
    written = write(store, body)
    assert (written.samples_count, written.histograms_count, written.exemplars_count) == (0, 1, 1)
    (found,) = store.native.values()
    histogram = found[NOW]
    assert (histogram.count, histogram.sum, histogram.schema) == (6.0, 9.5, 3)
    assert (histogram.positive_spans, histogram.positive_buckets) == (((-2, 2), (1, 1)), (1.0, 2.0, 3.0))
    assert store.examples[0].labels == (("trace_id", "abc"),)
    assert store.told == {"up": Metadata("up", "gauge", "bool", "Whether it is up.")}


def test_a_float_histogram_and_one_that_ends_its_series(store: FakeStore) -> None:
    data = wire.double(2, 1.5) + wire.double(3, 2.0) + wire.field(13, struct.pack("<d", 1.5)) + wire.integer(14, 3)
    data += wire.field(11, wire.integer(2, 1)) + wire.integer(15, NOW)
    over = wire.double(3, STALE) + wire.integer(15, NOW + 1)
    written = write(store, wire.series_1(UP, [], wire.field(4, data), wire.field(4, over)))
    assert (written.samples_count, written.histograms_count) == (1, 1)
    (found,) = store.native.values()
    assert (found[NOW].counter_reset_hint, found[NOW].positive_buckets) == ("gauge", (1.5,))
    assert struct.pack("<d", store.of("up", job="api")[NOW + 1]) == struct.pack("<Q", STALE_BITS)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (wire.native_histogram(NOW, 6, 1, 9, [(0, 1)], [6]), "schema from -4 to 8"),
        (wire.native_histogram(NOW, 6, 1, 0, [(0, 2)], [6]), "2 buckets, and there are 1 counts"),
        (wire.native_histogram(NOW, 6, 1, 0, [(0, 1)], [5]), "counts 6, and its buckets 5"),
        (wire.native_histogram(NOW, 6, 1, 0, [(0, 1), (-1, 1)], [3, 0]), "overlap"),
        (wire.native_histogram(NOW, 2, 1, 0, [(0, 2)], [3, -4]), "negative or no number"),
        (wire.native_histogram(NOW, 0, 1, -53, [(0, 1)], [0], wire.double(16, 2.0), wire.double(16, 1.0)), "must grow"),
        (b"\x0d\x01\x02\x03\x04\x58", "cannot be read"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_a_histogram_that_contradicts_itself_is_refused(store: FakeStore, data: bytes, message: str) -> None:
    written = write(store, wire.series_1(UP, [wire.sample(NOW, 1)], wire.field(4, data)))
    assert (written.samples_count, written.histograms_count) == (1, 0)
    assert written.refusals.counts == {"histogram_invalid": 1}
    assert message in written.refusals.sentences[0]


def test_version_2_has_symbols_starts_and_metadata(store: FakeStore) -> None:
    symbols = wire.Symbols()
    told = wire.field(5, wire.integer(1, 1) + wire.integer(3, symbols("Requests.")) + wire.integer(4, symbols("1")))
    series = symbols.references(UP) + wire.field(2, wire.sample(NOW, 1.0, NOW - 5)) + told
    created = symbols.references(UP | {"n": "1"}) + wire.field(2, wire.sample(NOW, 2.0)) + wire.integer(6, NOW - 9)
    example = wire.field(4, symbols.references({"trace_id": "abc"}) + wire.double(2, 0.5) + wire.integer(3, NOW))
    unpacked_references = b"".join(
        wire.varint(1 << 3) + wire.varint(symbols(text)) for text in ("__name__", "down", "job", "api")
    )
    native = wire.field(3, wire.native_histogram(NOW, 1, 1.0, 0, [(0, 1)], [1], wire.integer(17, NOW - 7)))
    written = write(store, symbols.request(series, created + example, unpacked_references + native), 2)
    assert written.refusals.count == 0
    assert (written.samples_count, written.histograms_count, written.exemplars_count) == (2, 1, 1)
    assert store.of("up", job="api") == {NOW: 1.0}
    assert store.told == {"up": Metadata("up", "counter", "1", "Requests.")}
    assert sorted(start for found in store.starts.values() for start in found.values()) == [NOW - 9, NOW - 7, NOW - 5]
    assert [dict(labels)["__name__"] for labels in store.native] == ["down"]


def test_other_metadata_of_a_known_series_is_heard(store: FakeStore) -> None:
    remote = receiver(store)
    for text in ("Old.", "New.", "New."):
        symbols = wire.Symbols()
        told = wire.field(5, wire.integer(1, 2) + wire.integer(3, symbols(text)))
        series = symbols.references(UP) + wire.field(2, wire.sample(NOW, 1.0)) + told
        assert remote.write(bytearray(symbols.request(series)), 2, "test").samples_count == 1
        assert store.told["up"].help == text
    assert len(store.names) == 1
    assert store.registered_count == 2


def test_metadata_that_could_not_be_stored_is_stored_later(store: FakeStore) -> None:
    remote = receiver(store)
    symbols = wire.Symbols()
    told = wire.field(5, wire.integer(1, 2) + wire.integer(3, symbols("Help.")))
    body = bytearray(symbols.request(symbols.references(UP) + wire.field(2, wire.sample(NOW, 1.0)) + told))
    store.is_full = True
    with pytest.raises(SpoolFull):
        remote.write(body, 2, "test")
    store.is_full = False
    remote.write(body, 2, "test")
    assert store.told["up"].help == "Help."


def test_bad_references_of_version_2_are_refused(store: FakeStore) -> None:
    symbols = wire.Symbols()
    good = symbols.references(UP) + wire.field(2, wire.sample(NOW, 1.0))
    beyond = wire.field(1, wire.varint(1) + wire.varint(99)) + wire.field(2, wire.sample(NOW, 1.0))
    odd = wire.field(1, wire.varint(1)) + wire.field(2, wire.sample(NOW, 1.0))
    written = write(store, symbols.request(beyond, good, odd), 2)
    assert written.samples_count == 1
    assert written.refusals.counts == {"symbol_missing": 2}


@pytest.mark.slow
def test_few_bytes_that_name_a_long_text_many_times_take_no_memory(store: FakeStore) -> None:
    """Each of 5,000 series, of its exemplars and of its metadata names a text of a megabyte."""
    symbols = wire.Symbols()
    long = symbols("x" * 1_000_000)
    series = []
    for number in range(5000):
        name = wire.field(1, wire.varint(symbols("__name__")) + wire.varint(long) + wire.varint(long) * 2)
        series.append(name + wire.field(2, wire.sample(NOW + number, 1.0)) + wire.integer(6, number))
        good = symbols.references({"__name__": f"m{number % 50}"}) + wire.field(2, wire.sample(NOW + number, 1.0))
        good += wire.field(4, wire.field(1, wire.varint(long) * 2)) + wire.field(5, wire.integer(3, long))
        series.append(good)
    body = bytearray(symbols.request(*series))
    tracemalloc.start()
    try:
        written = receiver(store).write(body, 2, "test")
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert written.refusals.counts == {"labels_bytes_max": 5000}
    assert (written.samples_count, written.exemplars_count) == (5000, 0)
    assert max(len(told.help) for told in store.told.values()) == 4096
    assert peak_bytes < 60_000_000


def test_more_new_series_than_are_registered_at_once(store: FakeStore) -> None:
    body = b"".join(wire.series_1(UP | {"n": str(n)}, [wire.sample(NOW, n)]) for n in range(12_000))
    assert write(store, body).samples_count == 12_000
    assert store.of("up", job="api", n="11999") == {NOW: 11999.0}


def test_symbols_behind_the_series_are_found(store: FakeStore) -> None:
    symbols = wire.Symbols()
    series = wire.field(5, symbols.references(UP) + wire.field(2, wire.sample(NOW, 1.0)))
    body = series + symbols.request()
    assert write(store, body, 2).samples_count == 1


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    "body",
    [
        b"\x0a",
        b"\x0a\xff\xff\xff\xff\x7f",
        b"\x2a\x05abc",
        b"\x0a" + b"\xff" * 9 + b"\x01",
        b"\x0a" + b"\xff" * 11,
        b"\x0b",
        b"\x00\x00",
        b"\x0d\x00\x00",
        b"\x0a\x04\x12\x05\x09\x00",
        b"\x2a\x04\x12\x05\x09\x00",
    ],
    ids=lambda value: value.hex() if isinstance(value, bytes) else "",
)
def test_a_broken_body_is_refused_with_its_place(store: FakeStore, body: bytes, version: int) -> None:
    if (version, body[:1]) in {(1, b"\x2a"), (2, b"\x0a")} and len(body) == 6 and body[1] == 4:
        return  # the field of the other version, and not broken by itself
    with pytest.raises(InputError, match="broken"):
        write(store, body, version)
    assert store.appends_count == 0


def test_an_empty_body_is_nothing(store: FakeStore) -> None:
    assert write(store, b"").sent_count == 0
    assert store.appends_count == 0


def test_more_series_than_guessed_and_more_than_allowed(store: FakeStore) -> None:
    tiny = wire.series_1({"__name__": "a"}, [b""] * 50) * 100
    assert write(store, tiny).samples_count == 5000
    limited = receiver(store, IngestLimits(samples_a_body_max=4999))
    with pytest.raises(BodyTooLong, match="4999 series or samples"):
        limited.write(bytearray(tiny), 1, "test")


def test_a_sender_that_is_too_fast_is_told_when_to_come_back(store: FakeStore) -> None:
    remote = receiver(store, IngestLimits(samples_per_s_max=1, burst_s=2))
    body = bytearray(wire.series_1(UP, [wire.sample(NOW, 1), wire.sample(NOW + 1, 1)]))
    remote.write(body, 1, "a")
    with pytest.raises(TooFast) as told:
        remote.write(body, 1, "a")
    assert 1 <= told.value.retry_after_s <= 2
    remote.write(body, 1, "b")


def test_snappy_is_unpacked_within_its_limit() -> None:
    data = bytes(range(256)) * 100
    packed = bytes(cramjam.snappy.compress_raw(data))
    assert unpacked(packed, len(data)).tobytes() == data
    with pytest.raises(BodyTooLong):
        unpacked(packed, len(data) - 1)
    for broken in (
        b"",
        b"\xff" * 10,
        packed[:-1],
        packed + b"x",
        wire.varint(1 << 20) + packed[3:],
        b"\xff\x06\0\0sNaPpY",
    ):
        with pytest.raises(InputError):
            unpacked(broken, 1 << 30)


def bodies(version: int) -> list[bytes]:
    """Good ones, with everything in them."""
    native = wire.native_histogram(NOW, 6, 9.5, 3, [(-2, 2), (1, 1)], [1, 1, 1])
    if version == 1:
        rich = wire.series_1(UP, [wire.sample(NOW, 1.0)], wire.exemplar_1({"t": "1"}, 1, NOW), wire.field(4, native))
        return [
            rich + wire.metadata_1("up", 1, "help", "s"),
            wire.series_1(UP | {"b": "c" * 40}, [wire.sample(1, 2)] * 3),
        ]
    symbols = wire.Symbols()
    series = symbols.references(UP) + wire.field(2, wire.sample(NOW, 1.0, 5)) + wire.field(3, native)
    series += wire.field(5, wire.integer(1, 1) + wire.integer(3, symbols("help"))) + wire.integer(6, 7)
    series += wire.field(4, symbols.references({"t": "1"}) + wire.double(2, 1.0))
    return [symbols.request(series, series), symbols.request(symbols.references({"__name__": "x"}))]
