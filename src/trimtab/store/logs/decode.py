"""Requests with logs become columns: what the kernels wrote down, as an Arrow table with the columns of `log_records`.

Python sees each different key, resource, scope and severity once, never a record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from trimtab.model.errors import EngineRefused
from trimtab.store.logs import body_kernels as bodies
from trimtab.store.logs import walk_kernels as walk
from trimtab.store.logs.levels import levels_of
from trimtab.store.masking import Masking
from trimtab.store.scratch import Scratch
from trimtab.store.traces import column_kernels as columns
from trimtab.store.traces.answers import Value
from trimtab.store.traces.typed_json import json_of, text_of, values_of
from trimtab.store.traces.walk_kernels import VALUE_END
from trimtab.store.traces.wire_kernels import BROKEN, DONE

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int32]
Table = NDArray[np.int64]

_BYTES_A_RECORD = 100
_BYTES_AN_ATTRIBUTE = 24
_ROOM_MIN = 1024
"""For the first guess of how much room is needed."""
_GROWS = 8
_TEXTS_FIRST, _TEXTS_REMEMBERED = 4096, 65_536
"""Different keys, resources or scopes that there is room for at first, and at most at first another time."""
_ARROW_BYTES_MAX = 1 << 30
_MAP = ord("k")


KEPT = ("service_name", "level")
"""Columns that are in memory of their own."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """Records as columns, and how many were left out because of their time. `seen_count` are all that were there."""

    table: pa.Table
    outdated_count: int
    seen_count: int


@dataclass(frozen=True, slots=True)
class _Walked:
    """The tables of a walk; see `walk_kernels`. Each dictionary: where its texts stand."""

    body: Bytes
    records: Table
    attributes: Table
    texts: Sequence[Table]
    outdated_count: int

    def texts_at(self, which: int) -> list[str]:
        """The texts of a dictionary."""
        view = self.body.data
        return [str(view[start:end], "utf-8", "replace") for start, end in self.texts[which].tolist()]

    def numbers(self, column: int) -> Table:
        """A column of the records."""
        return self.records[:, column]


def decode(
    body: bytearray | Bytes,
    first_ns: int,
    last_ns: int,
    now_ns: int,
    masking: Masking,
    first_no: int = 0,
    scratch: Scratch | None = None,
) -> Decoded:
    """The records of requests that stand one behind the other; EngineRefused where they are broken.

    Records out of `[first_ns, last_ns]` are left out; those without any time have `now_ns`. `record_no` counts all,
    from `first_no` on.

    With `scratch`, columns that are not of `KEPT` are good until something else is decoded with it.
    """
    scratch = scratch or Scratch(0)
    data = np.frombuffer(body, np.uint8) if isinstance(body, bytearray) else body
    walked = _walk(data, first_ns, last_ns, now_ns, scratch)
    records = walked.records
    severities = walked.texts_at(walk.SEVERITIES)
    severity_numbers = walked.numbers(walk.SEVERITY)
    texts, kinds = _bodies(walked, masking, scratch)
    patterns = np.empty(len(records), np.uint64)
    bodies.patterns_of(*_buffers(texts), patterns)
    attributes, attribute_kinds = _attributes(walked, masking, scratch)
    resources = _objects(walked.body, walked.texts[walk.RESOURCES], 10)
    resource_numbers = walked.numbers(walk.RESOURCE)
    services = [text_of(values_of(text).get("service.name")) for text in resources]
    table = pa.table(
        {
            "at_ns": pa.array(walked.numbers(walk.AT_NS).copy()),
            "observed_at_ns": pa.array(walked.numbers(walk.OBSERVED_NS).copy()),
            "level": pa.array(levels_of(severity_numbers, walked.numbers(walk.SEVERITY_TEXT), severities)),
            "severity_number": pa.array(np.clip(severity_numbers, 0, 255).astype(np.uint8)),
            "severity_text": _dictionary(walked.numbers(walk.SEVERITY_TEXT), severities),
            "service_name": _dictionary(resource_numbers, services),
            "body": texts,
            "body_kind": kinds,
            "attributes": attributes,
            "attribute_kinds": attribute_kinds,
            "resource": _dictionary(resource_numbers, [masking.json(text, of_resource=True) for text in resources]),
            "scope": _dictionary(walked.numbers(walk.SCOPE), _scopes(walked, masking)),
            "trace_id": _ids(walked, walk.TRACE_ID, 16, scratch),
            "span_id": _ids(walked, walk.SPAN_ID, 8, scratch),
            "event_name": _dictionary(walked.numbers(walk.EVENT_NAME), walked.texts_at(walk.EVENTS)),
            "flags": pa.array(walked.numbers(walk.FLAGS).astype(np.uint32)),
            "dropped_attributes_count": pa.array(walked.numbers(walk.DROPPED).astype(np.uint32)),
            "pattern": pa.array(patterns),
            "record_no": pa.array((walked.numbers(walk.NUMBER) + first_no).astype(np.uint32)),
        }
    )
    return Decoded(table, walked.outdated_count, len(records) + walked.outdated_count)


def _walk(body: Bytes, first_ns: int, last_ns: int, now_ns: int, scratch: Scratch) -> _Walked:
    room = {
        "records": len(body) // _BYTES_A_RECORD + _ROOM_MIN,
        "attributes": len(body) // _BYTES_AN_ATTRIBUTE + _ROOM_MIN,
        "texts": _TEXTS_FIRST,
    }
    room |= scratch.rooms(room)
    window = np.int64(first_ns), np.int64(last_ns), np.int64(now_ns)
    while True:
        texts_max = room["texts"]
        slots_count = 1 << (2 * texts_max).bit_length()
        counts, sizes = np.zeros(walk.COUNTS, np.int64), np.zeros(walk.DICTIONARIES_COUNT, np.int64)
        records = scratch.empty("records", (room["records"], walk.RECORD_COLUMNS), np.int64)
        attributes = scratch.empty("attributes", (room["attributes"], VALUE_END + 1), np.int64)
        slots = scratch.empty("slots", (walk.DICTIONARIES_COUNT, slots_count), np.int32)
        slots[:] = 0
        texts = scratch.empty("texts", (walk.DICTIONARIES_COUNT, texts_max, 2), np.int64)
        hashes = scratch.empty("hashes", (walk.DICTIONARIES_COUNT, texts_max), np.uint64)
        code = walk.walk(body, *window, counts, records, attributes, sizes, slots, texts, hashes)
        if code == DONE:
            return _Walked(
                body,
                records[: counts[walk.RECORDS]],
                attributes[: counts[walk.ATTRIBUTES]],
                [texts[place, : sizes[place]] for place in range(walk.DICTIONARIES_COUNT)],
                int(counts[walk.OUTDATED]),
            )
        most = len(body) + _ROOM_MIN
        if code == BROKEN or min(room.values()) >= most:
            at = int(counts[walk.AT])
            raise EngineRefused(f"a field at byte {at} of {len(body)} is broken", at=at)
        room = {name: min(most, of_it * _GROWS) for name, of_it in room.items()}
        scratch.needed({"texts": min(room["texts"], _TEXTS_REMEMBERED)})


def _bodies(walked: _Walked, masking: Masking, scratch: Scratch) -> tuple[pa.StringArray, pa.DictionaryArray]:
    """Bodies as text, and the letters for their types."""
    records = walked.records
    count = len(records)
    letters = scratch.empty("body letters", count, np.uint8)
    doubles = scratch.empty("body doubles", count, np.float64)
    offsets, data = _double_texts(
        doubles[: bodies.letters_of(walked.body, records, np.int64(walk.BODY), letters, doubles)]
    )
    size = int((walked.numbers(walk.BODY + 1) - walked.numbers(walk.BODY)).sum())
    texts = _grown(
        lambda out, ends: int(bodies.bodies_of(walked.body, records, np.int64(walk.BODY), offsets, data, ends, out)),
        count,
        size + size // 4,
        scratch,
        "bodies",
    )
    distinct = [chr(number) for number in range(128)]
    kinds = pa.DictionaryArray.from_arrays(pa.array(letters.astype(np.int32)), pa.array(distinct))
    if masking.is_idle:
        return texts, kinds
    if (letters == _MAP).any():
        both = zip(texts.to_pylist(), letters.tolist(), strict=True)
        masked = [masking.json(text) if letter == _MAP else text for text, letter in both]
        texts = cast("pa.StringArray", pa.array(masked, pa.string()))
    return masking.column(texts), kinds


def _attributes(walked: _Walked, masking: Masking, scratch: Scratch) -> tuple[pa.MapArray, pa.DictionaryArray]:
    body, records, attributes = walked.body, walked.records, walked.attributes
    keys = walked.texts_at(walk.KEYS)
    flags = np.array([columns.KEPT if masking.keeps(key) else columns.DROPPED for key in keys], np.uint8)
    letters = scratch.empty("letters", len(attributes), np.uint8)
    doubles = scratch.empty("doubles", len(attributes), np.float64)
    offsets, data = _double_texts(doubles[: columns.kinds_of(body, attributes, flags, letters, doubles)])
    rows = np.zeros(len(records) + 1, np.int32)
    numbers = scratch.empty("keys", len(attributes), np.int32)
    kinds = scratch.empty("kinds", len(attributes) + 1, np.uint8)
    places = scratch.empty("kind places", (len(records), 2), np.int64)
    values = _grown(
        lambda out, ends: int(
            columns.attributes_of(
                body, records, attributes, letters, offsets, data, rows, numbers, ends, out, kinds, places
            )
        ),
        len(attributes),
        len(body) // 2,
        scratch,
        "values",
    )
    kept = int(rows[-1])
    named = pa.DictionaryArray.from_arrays(pa.array(numbers[:kept]), pa.array(keys, pa.string()))
    made = pa.MapArray.from_arrays(pa.array(rows), named, masking.column(values[:kept]))
    return made, _numbered(kinds, places, scratch)


def _scopes(walked: _Walked, masking: Masking) -> list[str]:
    """Each scope as JSON: name, version, attributes."""
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope

    places = walked.texts[walk.SCOPES]
    view = walked.body.data
    found = []
    for (start, end), attributes in zip(places.tolist(), _objects(walked.body, places, 26), strict=True):
        if start == end:
            found.append("")
            continue
        try:
            scope = InstrumentationScope.FromString(bytes(view[start:end]))
        except DecodeError as error:
            raise EngineRefused(f"the scope at byte {start} cannot be read: {error}", at=start) from error
        told: dict[str, Value] = {"name": scope.name, "version": scope.version}
        kept = values_of(masking.json(attributes))
        found.append(json_of(told | {"attributes": kept} if kept else told))
    return found


def _buffers(texts: pa.StringArray) -> tuple[Bytes, Offsets]:
    """The bytes of a column of texts, and where each begins."""
    _, offsets, data = texts.buffers()
    if not len(texts):
        return np.zeros(0, np.uint8), np.zeros(1, np.int32)
    ends = np.frombuffer(memoryview(offsets), np.int32)[: len(texts) + 1].copy()
    return np.frombuffer(memoryview(data), np.uint8).copy(), ends


def _double_texts(doubles: NDArray[np.float64]) -> tuple[Offsets, Bytes]:
    """The shortest text of each, as offsets and bytes; a whole number has no point."""
    if not len(doubles):
        return np.zeros(1, np.int32), np.zeros(1, np.uint8)
    data, offsets = _buffers(cast("pa.StringArray", pc.cast(pa.array(doubles), pa.string())))
    return offsets, data


def _grown(
    fill: Callable[[Bytes, Offsets], int], rows_max: int, guess: int, scratch: Scratch, name: str
) -> pa.StringArray:
    """Texts from a kernel that says -1 where its room was too small."""
    offsets = scratch.empty(f"{name} offsets", rows_max + 1, np.int32)
    offsets[:] = 0
    room = guess + _ROOM_MIN
    while True:
        if room > _ARROW_BYTES_MAX:
            raise EngineRefused(f"records with more than {room // 2} bytes of text", limit=_ARROW_BYTES_MAX)
        out = scratch.empty(name, room, np.uint8)
        size = fill(out, offsets)
        if size >= 0:
            return pa.StringArray.from_buffers(rows_max, pa.py_buffer(offsets.data), pa.py_buffer(out[:size].data))
        room *= 2


def _ids(walked: _Walked, column: int, size: int, scratch: Scratch) -> pa.StringArray:
    starts = np.ascontiguousarray(walked.numbers(column))
    offsets = scratch.empty(f"ids {size} offsets", len(starts) + 1, np.int32)
    out = scratch.empty(f"ids {size}", len(starts) * size * 2, np.uint8)
    columns.hex_ids(walked.body, starts, size, offsets, out)
    return pa.StringArray.from_buffers(len(starts), pa.py_buffer(offsets.data), pa.py_buffer(out.data))


def _objects(body: Bytes, places: Table, pair_tag: int) -> list[str]:
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


def _numbered(body: Bytes, places: Table, scratch: Scratch) -> pa.DictionaryArray:
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


def _dictionary(numbers: Table, texts: Sequence[str]) -> pa.DictionaryArray:
    """Numbers and texts, of which several may be the same."""
    encoded = pa.array(list(texts), pa.string()).dictionary_encode()
    return pa.DictionaryArray.from_arrays(encoded.indices.take(pa.array(numbers)), encoded.dictionary)
