"""Prometheus' remote write, 1.0 and 2.0: a body comes in, samples are stored, what was not taken is said.

Known series cost a look-up; native histograms (`native_kernels`) and exemplars (`exemplar_kernels`) are read many at a
time. New series and metadata are parsed one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from trimtab.model.errors import InputError
from trimtab.observe.metrics import remote_write_messages as messages
from trimtab.observe.metrics.known_series import KnownSeries, Refusal
from trimtab.observe.metrics.limits import IngestLimits
from trimtab.observe.metrics.native import histogram_of, is_stale
from trimtab.observe.metrics.new_series import labels_of
from trimtab.observe.metrics.pace import Pace
from trimtab.observe.metrics.refusals import Refusals
from trimtab.observe.metrics.remote_write_2_kernels import NO_SUCH_SYMBOL
from trimtab.observe.metrics.remote_write_decode import Decoded, decode
from trimtab.observe.metrics.remote_write_kernels import EXEMPLAR, HISTOGRAM, METADATA, UNKNOWN
from trimtab.observe.metrics.sent_before import SentBefore
from trimtab.observe.metrics.waiting_metadata import WaitingMetadata
from trimtab.observe.metrics.written import Written
from trimtab.store.metrics.block import METRIC_NAME, STALE_BITS, Labels
from trimtab.store.metrics.contract import Exemplar, Metadata, MetricKind, MetricStore, Samples
from trimtab.store.metrics.exemplar_columns import Exemplars
from trimtab.store.metrics.histogram_codec import encoded
from trimtab.store.metrics.natives import Natives
from trimtab.store.metrics.wire_cache import new_seed

_KINDS: tuple[MetricKind, ...] = (
    "unknown",
    "counter",
    "gauge",
    "histogram",
    "gaugehistogram",
    "summary",
    "info",
    "stateset",
)
METADATA_BYTES_MAX = 4096
EXEMPLAR_BYTES_MAX = 1024
_SUFFIXES: Mapping[MetricKind, tuple[str, ...]] = {
    "histogram": ("_bucket", "_sum", "_count"),
    "gaugehistogram": ("_bucket", "_gsum", "_gcount"),
    "summary": ("_sum", "_count"),
}
STALE = float(np.array([STALE_BITS], np.uint64).view(np.float64)[0])


class RemoteWrite:
    """Thread-safe; for worker threads: decoding and waiting for the disk happen in the call."""

    def __init__(self, store: MetricStore, limits: IngestLimits, pace: Pace) -> None:
        self._store = store
        self._limits = limits
        self._pace = pace
        self._seed = new_seed()
        self._waiting = WaitingMetadata()
        self._known = {version: KnownSeries[Labels](store.register) for version in (1, 2)}
        self.sent = SentBefore()

    def write(self, body: bytearray | NDArray[np.uint8], version: int, sender: str) -> Written:
        """Store a body (unpacked). Good samples are stored whatever the others are.

        InputError where the body is not what it says, BodyTooLong, TooFast, SpoolFull, StoreError.
        """
        decoded = decode(
            np.frombuffer(body, np.uint8), version, self._seed, self._limits.samples_a_body_max, self.sent.entries
        )
        rare_kinds = decoded.rare[:, 0]
        histograms_count = int(np.count_nonzero(rare_kinds == HISTOGRAM)) if len(rare_kinds) else 0
        written = Written(sent_count=len(decoded.at_ms) + histograms_count)
        self._pace.take(sender, written.sent_count)
        reader = _Reader(decoded)
        slots, new = decoded.slots, np.empty(0, np.int64)
        if decoded.unknown_count:
            refused, new = self._find(decoded, reader)
            if refused:
                _count(refused, decoded.samples_by_series, decoded.rare, written.refusals)
        samples = reader.samples(slots, written.refusals)
        metadata = reader.metadata_of(new, slots) if version == 2 else reader.metadata()
        samples = replace(samples, metadata=self._waiting.with_new(metadata))
        if not len(samples.slots) and not len(samples.exemplars) and not samples.metadata:
            return written
        appended = self._store.append(samples)
        self._waiting.stored(samples.metadata)
        written.stored(appended)
        return written

    def _find(self, decoded: Decoded, reader: _Reader) -> tuple[dict[int, Refusal], NDArray[np.int64]]:
        """Give slots (-1: refused) to the series whose slots are not known: which are refused, and which are new."""
        indexes = np.flatnonzero(decoded.slots == UNKNOWN)
        keys = decoded.keys[indexes]
        known = self._known[decoded.version]
        slots, refused, new = known.slots(keys, lambda index: reader.labels(int(indexes[index])))
        decoded.slots[indexes] = slots
        if decoded.version == 1:
            places = decoded.places[indexes][:, (0, 3)]
            kept = (slots >= 0) & (places[:, 1] >= 0)
            if kept.any():
                self.sent.add(decoded.body, np.ascontiguousarray(places[kept]), keys[kept, 0], slots[kept])
        return {int(indexes[index]): why for index, why in refused.items()}, indexes[new]


def _count(
    refused: dict[int, Refusal], by_series: NDArray[np.int64], rare: NDArray[np.int64], refusals: Refusals
) -> None:
    """Each sample and each histogram of a refused series is one that was not taken."""
    histograms = np.bincount(rare[rare[:, 0] == HISTOGRAM, 1], minlength=len(by_series))
    for index, (reason, sentence) in refused.items():
        refusals.add(reason, int(by_series[index] + histograms[index]), sentence)


@dataclass(frozen=True, slots=True)
class _NativeRows:
    """Native histograms that are taken: which of those asked for, times, starts, and whether one ends its series."""

    kept: NDArray[np.int64]
    at_ms: NDArray[np.int64]
    start_ms: NDArray[np.int64]
    is_ended: NDArray[np.bool_]


class _Reader:
    """Reads what the kernel only pointed at."""

    def __init__(self, decoded: Decoded) -> None:
        self._decoded = decoded
        self._symbols: dict[int, bytes] = {}

    def labels(self, index: int) -> Labels:
        """Of one series; InputError where they are bad."""
        decoded = self._decoded
        fault = 0 if decoded.faults is None else decoded.faults[index]
        if fault:
            why = "names a symbol that is not there" if fault == NO_SUCH_SYMBOL else "has a label without a value"
            raise InputError(f"a series of the body {why}", reason="symbol_missing")
        data = self._bytes(int(decoded.places[index, 0]), int(decoded.places[index, 1]))
        if decoded.version == 1:
            series = cast("messages.Series", _parse("Series", data, "labels"))
            return labels_of((label.name, label.value) for label in series.labels)
        return labels_of(self._pairs(cast("messages.Series2", _parse("Series2", data, "labels")).labels_refs))

    def samples(self, slots: NDArray[np.int32], refusals: Refusals) -> Samples:
        """Those of series that have a slot; histograms and exemplars with them."""
        decoded = self._decoded
        of_sample = slots if decoded.is_plain else np.repeat(slots, decoded.samples_by_series)
        at_ms, values, start_ms = decoded.at_ms, decoded.values, decoded.start_ms
        if decoded.unknown_count and slots.min() < 0:
            kept = of_sample >= 0
            of_sample, at_ms, values = of_sample[kept], at_ms[kept], values[kept]
            start_ms = None if start_ms is None else start_ms[kept]
        exemplars = self._exemplars(slots)
        rare = decoded.rare
        if len(rare):
            rare = rare[rare[:, 0] == HISTOGRAM]
            rare = rare[slots[rare[:, 1]] >= 0]
        if not len(rare):
            return Samples(of_sample, at_ms, values, start_ms, None, exemplars)
        rows, natives = self._natives(np.ascontiguousarray(rare[:, 2:]), refusals)
        first = len(of_sample)
        started = np.zeros(first, np.int64) if start_ms is None else start_ms
        of_native = slots[rare[rows.kept, 1]]
        return Samples(
            np.concatenate([of_sample, of_native]),
            np.concatenate([at_ms, rows.at_ms]),
            np.concatenate([values, np.where(rows.is_ended, STALE, 0.0)]),
            np.concatenate([started, rows.start_ms]),
            replace(natives, index=natives.index + first) if len(natives) else None,
            exemplars,
        )

    def _natives(self, places: NDArray[np.int64], refusals: Refusals) -> tuple[_NativeRows, Natives]:
        """Native histograms at places of the body; those that are out of the ordinary are read one by one."""
        from trimtab.observe.metrics import native_kernels as k

        data, offsets, states, at_ms, start_ms = k.natives_of_messages(self._decoded.body, places)
        odd: dict[int, bytes] = {}
        is_kept = np.ones(len(places), np.bool_)
        for row in np.flatnonzero(states == k.ODD).tolist():
            try:
                message = _parse("Histogram", self._bytes(*places[row].tolist()), "a native histogram")
                histogram = cast("messages.Histogram", message)
                at_ms[row], start_ms[row] = histogram.timestamp, histogram.start_timestamp
                if is_stale(histogram):
                    states[row] = k.ENDED
                else:
                    odd[row] = encoded(histogram_of(histogram))
            except InputError as error:
                is_kept[row] = False
                refusals.add("histogram_invalid", 1, error.message)
        kept = np.flatnonzero(is_kept)
        is_ended = states[kept] == k.ENDED
        natives = Natives(np.arange(len(places)), data, offsets).replaced(odd).picked(kept[~is_ended])
        rows = _NativeRows(kept, at_ms[kept], start_ms[kept], is_ended)
        return rows, replace(natives, index=np.flatnonzero(~is_ended))

    def _exemplars(self, slots: NDArray[np.int32]) -> Sequence[Exemplar]:
        """Those that cannot be read are counted in a header of the answer, and are no reason for a 400."""
        from trimtab.observe.metrics.exemplar_kernels import exemplars_of_messages

        rare = self._decoded.rare
        if len(rare):
            rare = rare[rare[:, 0] == EXEMPLAR]
        if not len(rare):
            return ()
        rare = rare[slots[rare[:, 1]] >= 0]
        symbols = self._decoded.symbols
        has_symbols = symbols is not None
        if symbols is None:
            symbols = np.zeros((0, 2), np.int64)
        places = np.ascontiguousarray(rare[:, 2:])
        at_ms, values, pairs, ends, text, is_odd = exemplars_of_messages(
            self._decoded.body, places, symbols, has_symbols
        )
        if not is_odd.any():
            return Exemplars(slots[rare[:, 1]], at_ms, values, pairs, ends, text)
        found = []
        for _, series, start, end in rare.tolist():
            with suppress(InputError):
                found.append(self._exemplar(int(slots[series]), start, end))
        return found

    def _exemplar(self, slot: int, start: int, end: int) -> Exemplar:
        data = self._bytes(start, end)
        if self._decoded.version == 1:
            message = cast("messages.Exemplar", _parse("Exemplar", data, "an exemplar"))
            labels = [(label.name, label.value) for label in message.labels]
            return Exemplar(slot, _exemplar_labels(labels), message.value, message.timestamp)
        second = cast("messages.Exemplar2", _parse("Exemplar2", data, "an exemplar"))
        return Exemplar(slot, _exemplar_labels(self._pairs(second.labels_refs)), second.value, second.timestamp)

    def metadata(self) -> list[Metadata]:
        """Of a body of 1.0: what it says of metrics. What cannot be read is left out: no sample depends on it."""
        found = []
        for kind, _, start, end in self._decoded.rare.tolist():
            if kind != METADATA:
                continue
            try:
                message = cast("messages.Metadata", _parse("Metadata", self._bytes(start, end), "metadata"))
                metric = message.metric_family_name.decode()
                found.append(Metadata(metric, _kind(message.type), told_text(message.unit), told_text(message.help)))
            except (InputError, UnicodeDecodeError):
                continue
        return found

    def metadata_of(self, new: NDArray[np.int64], slots: NDArray[np.int32]) -> list[Metadata]:
        """Of a body of 2.0: what it says of the metrics of series that were new, once for each metric."""
        found: dict[str, Metadata] = {}
        for index in new.tolist():
            if slots[index] < 0:
                continue
            data = self._bytes(int(self._decoded.places[index, 0]), int(self._decoded.places[index, 1]))
            try:
                series = cast("messages.Series2", _parse("Series2", data, "labels"))
                if not series.HasField("metadata"):
                    continue
                told = series.metadata
                metric = dict(self._pairs(series.labels_refs))[METRIC_NAME.encode()].decode()
                metric = _family(metric, _kind(told.type))
                unit, text = told_text(self._symbol(told.unit_ref)), told_text(self._symbol(told.help_ref))
            except (InputError, UnicodeDecodeError):
                continue
            found[metric] = Metadata(metric, _kind(told.type), unit, text)
        return list(found.values())

    def _pairs(self, numbers: Sequence[int]) -> list[tuple[bytes, bytes]]:
        if len(numbers) % 2:
            raise InputError("labels of the body have a name without a value", reason="symbol_missing")
        texts = [self._symbol(number) for number in numbers]
        return list(zip(texts[::2], texts[1::2], strict=True))

    def _symbol(self, number: int) -> bytes:
        known = self._symbols.get(number)
        if known is None:
            symbols = self._decoded.symbols
            if symbols is None or number >= len(symbols):
                raise InputError(f"there is no symbol number {number} in the body", reason="symbol_missing")
            known = self._symbols[number] = self._bytes(int(symbols[number, 0]), int(symbols[number, 1]))
        return known

    def _bytes(self, start: int, end: int) -> bytes:
        return self._decoded.body[start:end].tobytes()


def _parse(name: str, data: bytes, what: str) -> object:
    from google.protobuf.message import DecodeError

    try:
        return messages.message_class(name).FromString(data)
    except DecodeError as error:
        raise InputError(f"{what} of the body cannot be read: {error}", reason="series_invalid") from error


def told_text(data: bytes) -> str:
    """A help text or a unit, cut where it is long.

    >>> len(told_text(b"a" * 5000))
    4096
    """
    return data[:METADATA_BYTES_MAX].decode(errors="ignore")


def _exemplar_labels(pairs: list[tuple[bytes, bytes]]) -> Labels:
    if sum(len(name) + len(value) for name, value in pairs) > EXEMPLAR_BYTES_MAX:
        raise InputError(f"the labels of an exemplar may have {EXEMPLAR_BYTES_MAX} bytes; these have more")
    try:
        return tuple(sorted((name.decode(), value.decode()) for name, value in pairs))
    except UnicodeDecodeError as error:
        raise InputError(f"a label of an exemplar is not UTF-8: {error.reason}") from error


def _kind(number: int) -> MetricKind:
    return _KINDS[number] if 0 <= number < len(_KINDS) else "unknown"


def _family(metric: str, kind: MetricKind) -> str:
    """The metric that a series belongs to: histograms and summaries have several.

    >>> _family("latency_s_bucket", "histogram"), _family("requests_count", "counter")
    ('latency_s', 'requests_count')
    """
    suffixes = _SUFFIXES.get(kind, ())
    return next((metric.removesuffix(suffix) for suffix in suffixes if metric.endswith(suffix)), metric)
