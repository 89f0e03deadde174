"""Which attributes the spans of a service have, by the day: all keys, and the first values of each, written down once.

Who searches is offered them without a span being read. They are a set, so writing one twice (after a restart, or where
a segment is loaded again) does no harm. What is written is what is stored: masked, and after sampling.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trimtab.model.errors import EngineRefused
from trimtab.store.retention import DAY_MS
from trimtab.store.traces.known import write_rows
from trimtab.store.traces.red import codes_of

if TYPE_CHECKING:
    import pyarrow as pa

    from trimtab.store.engine import Engine

TABLE = "span_words"
COLUMNS = "service_name", "key", "value"
VALUES_MAX = 100
"""Values of one key of one service that are written down in a day: of more, searches look into the newest spans."""
KEYS_MAX = 50_000
"""Keys of services that are remembered and written in two days."""
_VALUES_MAX = 1 << 19
_SLOTS = 1 << 20
_CODES_MAX = 1 << 22
_FRESH_MAX = 20_000
_DAY_NS = DAY_MS * 1_000_000

Key = tuple[int, str, str]
"""Day, service, key."""


class Words:
    """For the thread of the loader."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._newest_day = 0
        self._forget_all()

    def _forget_all(self) -> None:
        self._rooms: dict[Key, int] = {}
        self._slots: NDArray[np.uint64] = np.zeros(_SLOTS, np.uint64)
        self._values_count = 0

    def tell(self, spans: pa.Table) -> None:
        """Write down what is new in what is stored, at least one row; raises EngineRefused."""
        days = np.asarray(spans["started_at_ns"].to_numpy()) // _DAY_NS
        if int(days.max()) > self._newest_day:
            self._newest_day = int(days.max())
            self._forget_all()
        try:
            fresh = self._fresh(spans, days)
            if fresh:
                write_rows(self._engine, TABLE, COLUMNS, fresh)
        except EngineRefused:
            self._forget_all()  # what was not written is not known
            raise

    def _fresh(self, spans: pa.Table, days: NDArray[np.int64]) -> list[tuple[int | str, ...]]:
        from trimtab.store.traces.word_kernels import keys_present, values_fresh

        services, service_names = codes_of(spans, "service_name")
        first_day, days_count = int(days.min()), int(days.max()) - int(days.min()) + 1
        attributes: Any = spans["attributes"].combine_chunks()
        keys, items = attributes.keys, attributes.items
        key_names: list[str] = keys.dictionary.to_pylist()
        codes_count = days_count * len(service_names) * len(key_names)
        if not len(keys) or codes_count > _CODES_MAX:
            return []
        columns = (
            _numbers(attributes.offsets, len(services) + 1),
            ((days - first_day) * len(service_names) + services).astype(np.int32),
            _numbers(keys.indices, len(keys)),
            len(key_names),
        )
        present = np.zeros(codes_count, np.uint8)
        keys_present(*columns, present)
        seeds, rooms = np.zeros(codes_count, np.uint64), np.zeros(codes_count, np.int32)
        named: dict[int, Key] = {}
        found: list[tuple[int | str, ...]] = []
        for code in np.flatnonzero(present).tolist():
            rest, key = divmod(code, len(key_names))
            day, service = divmod(rest, len(service_names))
            name = ((first_day + day) * DAY_MS, service_names[service], key_names[key])
            if name not in self._rooms:
                if len(self._rooms) >= KEYS_MAX:
                    continue
                self._rooms[name] = VALUES_MAX
                found.append((*name, ""))
            named[code] = name
            seeds[code], rooms[code] = hash(name) & (1 << 64) - 1, self._rooms[name]
        places = np.zeros((min(_FRESH_MAX, _VALUES_MAX - self._values_count), 2), np.int64)
        _, offsets, data = items.buffers()
        text = np.frombuffer(memoryview(data) if data is not None and data.size else b"\0", np.uint8)
        text.flags.writeable = False
        ends = np.frombuffer(memoryview(offsets), np.int32)[items.offset : items.offset + len(items) + 1]
        count = values_fresh(*columns, seeds, rooms, np.array(ends), text, self._slots, places)
        self._values_count += int(count)
        for at, code in places[:count].tolist():
            self._rooms[named[code]] -= 1
            found.append((*named[code], items[at].as_py()))
        return found


def _numbers(column: Any, count: int) -> NDArray[np.int32]:
    return np.ascontiguousarray(column.to_numpy(), np.int32)[:count].copy()
