"""Trace requests become columns: what the kernels wrote down, as an Arrow table with the columns of `spans`.

Python sees each different key, name, resource, scope and statement once, never a span.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from trimtab.model.errors import InputError
from trimtab.store.masking import Masking
from trimtab.store.scratch import Scratch
from trimtab.store.span_statement import stored_statement
from trimtab.store.traces import column_kernels as columns
from trimtab.store.traces import walk_kernels as walk
from trimtab.store.traces.answers import SPAN_KINDS, SPAN_STATUSES
from trimtab.store.traces.sampling import trace_hashes
from trimtab.store.traces.typed_json import json_of, text_of, values_of
from trimtab.store.traces.wire_kernels import BROKEN, DONE

Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]

_STATEMENTS_KEPT = 20_000
_BYTES_AN_ATTRIBUTE = 16
_BYTES_AN_EVENT = 40
"""For the first guess of how much room is needed."""
_ROOM_MIN = 1024
_GROWS = 8
_TEXTS_FIRST, _TEXTS_REMEMBERED = 4096, 65_536
"""Different keys, names, resources or scopes that there is room for at first, and at most at first another time."""


KEPT = ("trace_id", "span_id", "service_name", "name", "kind", "status", "started_at_ns", "duration_ms")
"""Columns that are in memory of their own."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """Spans as columns. What was not kept: spans without proper ids, and out of time."""

    table: pa.Table
    trace_hashes: Callable[[], NDArray[np.uint64]]
    """A number for the trace of each span, for who needs it."""
    broken_ids_count: int
    outdated_count: int


@dataclass(frozen=True, slots=True)
class Walked:
    """The tables of a walk; see `walk_kernels`. Each dictionary: where its texts stand."""

    body: Bytes
    counts: Numbers
    spans: NDArray[np.int64]
    attributes: NDArray[np.int64]
    events: NDArray[np.int64]
    links: NDArray[np.int64]
    texts: Sequence[NDArray[np.int64]]

    def texts_at(self, places: NDArray[np.int64]) -> list[str]:
        """The texts that stand at (start, end)."""
        view = self.body.data
        return [str(view[start:end], "utf-8", "replace") for start, end in places[:, :2].tolist()]


def decode(
    body: bytearray | Bytes,
    spans_max: int,
    first_ns: int,
    last_ns: int,
    masking: Masking,
    scratch: Scratch | None = None,
) -> Decoded:
    """The spans of requests that stand one behind the other; InputError where they are broken.

    With `scratch`, hashes of traces, and columns that are not of `KEPT`, are good until something else is decoded with
    it.
    """
    scratch = scratch or Scratch(0)
    data = np.frombuffer(body, np.uint8) if isinstance(body, bytearray) else body
    walked = _walk(data, spans_max, first_ns, last_ns, scratch)
    spans, counts = walked.spans, walked.counts
    keys = walked.texts_at(walked.texts[walk.KEYS])
    flags = np.array([_flag(key, masking) for key in keys], np.uint8)
    statement_places = scratch.empty("statement places", (len(spans), 2), np.int64)
    columns.statements_of(walked.body, spans, walked.attributes, flags, statement_places)
    attributes, kinds = _attributes(walked, keys, flags, masking, scratch)
    resources = walked.texts[walk.RESOURCES]
    resource_texts = _objects(walked.body, resources, 10)
    services = pa.array([_service(text) for text in resource_texts], pa.string())
    statements = _numbered(walked.body, statement_places, scratch)
    stored = [_stored(text) for text in statements.dictionary.to_pylist()]
    resource_numbers = pa.array(spans[:, walk.RESOURCE].astype(np.int32))
    service_names = _recoded(resource_numbers, services)
    ended_ns, started_ns = spans[:, walk.END_NS], spans[:, walk.START_NS]
    taken_ns = np.where(ended_ns.view(np.uint64) > started_ns.view(np.uint64), ended_ns - started_ns, 0)
    events = masking.json_column(
        _grown(
            lambda out, offsets: columns.events_of(walked.body, spans, walked.events, offsets, out),
            len(spans),
            int(counts[walk.EVENTS]) * 256,
            scratch,
            "events text",
        )
    )
    links = masking.json_column(
        _grown(
            lambda out, offsets: columns.links_of(walked.body, spans, walked.links, offsets, out),
            len(spans),
            int(counts[walk.LINKS]) * 256,
            scratch,
            "links text",
        )
    )
    found = {
        "trace_id": _ids(walked.body, spans[:, walk.TRACE_ID], 16, Scratch(0)),
        "span_id": _ids(walked.body, spans[:, walk.SPAN_ID], 8, Scratch(0)),
        "parent_span_id": _ids(walked.body, spans[:, walk.PARENT_ID], 8, scratch),
        "service_name": service_names,
        "name": _dictionary(spans[:, walk.NAME], masking.texts(walked.texts_at(walked.texts[walk.NAMES]))),
        "kind": _dictionary(_known(spans[:, walk.KIND], len(SPAN_KINDS)), SPAN_KINDS),
        "started_at_ns": pa.array(started_ns.copy()),
        "duration_ms": pa.array(taken_ns.view(np.uint64).astype(np.float64) / 1e6),
        "status": _dictionary(_known(spans[:, walk.STATUS_CODE], len(SPAN_STATUSES)), SPAN_STATUSES),
        "status_message": _masked(_numbered(walked.body, spans[:, walk.MESSAGE : walk.MESSAGE + 2], scratch), masking),
        "trace_state": _numbered(walked.body, spans[:, walk.STATE : walk.STATE + 2], scratch),
        "flags": pa.array(spans[:, walk.FLAGS].astype(np.uint32)),
        "db_query_text": _recoded(statements.indices, pa.array([text for text, _ in stored], pa.string())),
        "db_query_fingerprint": _recoded(statements.indices, pa.array([mark for _, mark in stored], pa.string())),
        "attributes": attributes,
        "attribute_kinds": kinds,
        "resource": _recoded(
            resource_numbers, pa.array([masking.json(text, of_resource=True) for text in resource_texts], pa.string())
        ),
        "scope": _dictionary(spans[:, walk.SCOPE], _scopes(walked, masking)),
        "events": events,
        "links": links,
    }
    for place, name in enumerate(("attributes", "events", "links")):
        found[f"dropped_{name}_count"] = pa.array(spans[:, walk.DROPPED + place].astype(np.uint32))
    return Decoded(
        pa.table(found),
        lambda: trace_hashes(walked.body, spans),
        int(counts[walk.LEFT_OUT]),
        int(counts[walk.OUTDATED]),
    )


def walked_of(body: bytearray, spans_max: int) -> Walked:
    """The tables alone, of all times; InputError where the requests are broken."""
    return _walk(np.frombuffer(body, np.uint8), spans_max, -(2**63), 2**63 - 1, Scratch(0))


def _walk(body: Bytes, spans_max: int, first_ns: int, last_ns: int, scratch: Scratch) -> Walked:
    room = {
        "attributes": len(body) // _BYTES_AN_ATTRIBUTE + _ROOM_MIN,
        "others": len(body) // _BYTES_AN_EVENT // 4 + _ROOM_MIN,
        "texts": _TEXTS_FIRST,
    }
    room |= scratch.rooms(room)
    while True:
        texts_max = room["texts"]
        slots_count = 1 << (2 * texts_max).bit_length()
        counts, sizes = np.zeros(7, np.int64), np.zeros(4, np.int64)
        spans = scratch.empty("spans", (spans_max, walk.SPAN_COLUMNS), np.int64)
        attributes = scratch.empty("attributes", (room["attributes"], walk.ATTRIBUTE_COLUMNS), np.int64)
        events = scratch.empty("events", (room["others"], walk.EVENT_COLUMNS), np.int64)
        links = scratch.empty("links", (room["others"], walk.LINK_COLUMNS), np.int64)
        slots = scratch.empty("slots", (4, slots_count), np.int32)
        slots[:] = 0
        texts = scratch.empty("texts", (4, texts_max, 2), np.int64)
        hashes = scratch.empty("hashes", (4, texts_max), np.uint64)
        code = walk.walk(body, first_ns, last_ns, counts, spans, attributes, events, links, sizes, slots, texts, hashes)
        if code == DONE:
            return Walked(
                body,
                counts,
                spans[: counts[walk.SPANS]],
                attributes[: counts[walk.ATTRIBUTES]],
                events[: counts[walk.EVENTS]],
                links[: counts[walk.LINKS]],
                [texts[place, : sizes[place]] for place in range(4)],
            )
        if code == BROKEN:
            at = int(counts[walk.AT])
            raise InputError(f"a field at byte {at} of {len(body)} is broken", at=at)
        most = len(body) + _ROOM_MIN
        if min(room.values()) >= most:
            raise InputError(f"more than the {spans_max} spans that were announced", limit=spans_max)
        room = {name: min(most, of_it * _GROWS) for name, of_it in room.items()}
        scratch.needed({"texts": min(room["texts"], _TEXTS_REMEMBERED)})


def _flag(key: str, masking: Masking) -> int:
    """What is done with attributes of this name."""
    if key == "db.query.text":
        return columns.STATEMENT
    if key == "db.statement":
        return columns.OLD_STATEMENT
    if key.startswith(_PARAMETERS):
        return columns.DROPPED
    return columns.KEPT if masking.keeps(key) else columns.DROPPED


_PARAMETERS = ("db.query.parameter", "db.operation.parameter", "db.statement.parameter")


@lru_cache(_STATEMENTS_KEPT)
def _stored(text: str) -> tuple[str, str]:
    return stored_statement(text)


def _service(resource: str) -> str:
    return text_of(values_of(resource).get("service.name"))


def _scopes(walked: Walked, masking: Masking) -> list[str]:
    """Each scope as JSON: name, version, attributes."""
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope

    places = walked.texts[walk.SCOPES]
    found = []
    for (start, end), attributes in zip(places.tolist(), _objects(walked.body, places, 26), strict=True):
        if start == end:
            found.append("")
            continue
        try:
            scope = InstrumentationScope.FromString(bytes(walked.body.data[start:end]))
        except DecodeError as error:
            raise InputError(f"the scope at byte {start} cannot be read: {error}", at=start) from error
        told: dict[str, object] = {"name": scope.name, "version": scope.version}
        kept = values_of(masking.json(attributes))
        if kept:
            told["attributes"] = kept
        found.append(json_of(told))  # type: ignore[arg-type]
    return found


def _attributes(
    walked: Walked, keys: Sequence[str], flags: Bytes, masking: Masking, scratch: Scratch
) -> tuple[pa.MapArray, pa.DictionaryArray]:
    body, spans, attributes = walked.body, walked.spans, walked.attributes
    letters = scratch.empty("letters", len(attributes), np.uint8)
    doubles = scratch.empty("doubles", len(attributes), np.float64)
    count = columns.kinds_of(body, attributes, flags, letters, doubles)
    texts = _double_texts(doubles[:count])
    rows = np.zeros(len(spans) + 1, np.int32)
    numbers = scratch.empty("keys", len(attributes), np.int32)
    kinds = scratch.empty("kinds", len(attributes) + 1, np.uint8)
    kind_places = scratch.empty("kind places", (len(spans), 2), np.int64)
    offsets, data = texts

    def fill(out: Bytes, ends: NDArray[np.int32]) -> int:
        return int(
            columns.attributes_of(
                body, spans, attributes, letters, offsets, data, rows, numbers, ends, out, kinds, kind_places
            )
        )

    values = _grown(fill, len(attributes), len(body) // 2, scratch, "values")
    kept = int(rows[-1])
    named = pa.DictionaryArray.from_arrays(pa.array(numbers[:kept]), pa.array(keys, pa.string()))
    made = pa.MapArray.from_arrays(pa.array(rows), named, masking.column(values[:kept]))
    return made, _numbered(kinds, kind_places, scratch)


def _double_texts(doubles: NDArray[np.float64]) -> tuple[NDArray[np.int32], Bytes]:
    """The shortest text of each, as offsets and bytes; a whole number has no point."""
    if not len(doubles):
        return np.zeros(1, np.int32), np.zeros(1, np.uint8)
    texts = pc.replace_substring_regex(pc.cast(pa.array(doubles), pa.string()), r"\.0$", "")
    _, offsets, data = texts.buffers()
    return np.frombuffer(memoryview(offsets), np.int32)[: len(doubles) + 1].copy(), np.frombuffer(
        memoryview(data), np.uint8
    ).copy()


def _grown(
    fill: Callable[[Bytes, NDArray[np.int32]], int | np.int64], rows_max: int, guess: int, scratch: Scratch, name: str
) -> pa.StringArray:
    """Texts from a kernel that says -1 where its room was too small."""
    offsets = scratch.empty(f"{name} offsets", rows_max + 1, np.int32)
    offsets[:] = 0
    room = guess + _ROOM_MIN
    while True:
        out = scratch.empty(name, room, np.uint8)
        size = int(fill(out, offsets))
        if size >= 0:
            return pa.StringArray.from_buffers(rows_max, pa.py_buffer(offsets.data), pa.py_buffer(out[:size].data))
        room *= 2


def _ids(body: Bytes, starts: Numbers, size: int, scratch: Scratch) -> pa.StringArray:
    offsets = scratch.empty("ids offsets", len(starts) + 1, np.int32)
    out = scratch.empty("ids", len(starts) * size * 2, np.uint8)
    columns.hex_ids(body, np.ascontiguousarray(starts), size, offsets, out)
    return pa.StringArray.from_buffers(len(starts), pa.py_buffer(offsets.data), pa.py_buffer(out.data))


def _objects(body: Bytes, places: NDArray[np.int64], pair_tag: int) -> list[str]:
    """Attributes of messages as JSON."""
    copied = np.ascontiguousarray(places)
    size = int((places[:, 1] - places[:, 0]).sum()) * 2
    texts = _grown(
        lambda out, offsets: int(columns.objects_of(body, copied, pair_tag, offsets, out)),
        len(places),
        size,
        Scratch(0),
        "objects",
    )
    found: list[str] = texts.to_pylist()
    return found


def _numbered(body: Bytes, places: NDArray[np.int64], scratch: Scratch) -> pa.DictionaryArray:
    """Texts of which many are the same."""
    rows = len(places)
    slots = scratch.empty("numbered slots", 1 << (2 * rows + 2).bit_length(), np.int32)
    slots[:] = 0
    texts = scratch.empty("numbered texts", (rows + 1, 2), np.int64)
    hashes = scratch.empty("numbered hashes", rows + 1, np.uint64)
    numbers = np.empty(rows, np.int32)
    starts, ends = np.ascontiguousarray(places[:, 0]), np.ascontiguousarray(places[:, 1])
    count = columns.numbers_of(body, starts, ends, slots, texts, hashes, numbers)
    view = body.data
    found = [str(view[start:end], "utf-8", "replace") for start, end in texts[:count].tolist()]
    return pa.DictionaryArray.from_arrays(pa.array(numbers), pa.array(found, pa.string()))


def _dictionary(numbers: Numbers, texts: Sequence[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(numbers.astype(np.int32)), pa.array(list(texts), pa.string()))


def _recoded(numbers: pa.Array, texts: pa.Array) -> pa.DictionaryArray:
    """The same numbers with other texts, of which several may be the same now."""
    encoded = texts.dictionary_encode()
    return pa.DictionaryArray.from_arrays(encoded.indices.take(numbers), encoded.dictionary)


def _masked(texts: pa.DictionaryArray, masking: Masking) -> pa.DictionaryArray:
    if not masking.patterns:
        return texts
    return _recoded(texts.indices, pa.array(masking.texts(texts.dictionary.to_pylist()), pa.string()))


def _known(numbers: Numbers, count: int) -> Numbers:
    """Enumerations: what no version knows is 0."""
    return np.where((numbers < 0) | (numbers >= count), 0, numbers)
