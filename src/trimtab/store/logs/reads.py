"""What can be asked of logs. Every question gathers from all shards, and every answer says which did not answer."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from trimtab.model.errors import InputError
from trimtab.store.effort import Effort
from trimtab.store.engine import Direction, Merge
from trimtab.store.logs import fields, minutes, patterns, phrases
from trimtab.store.logs.answers import (
    LEVELS,
    LIMIT_MAX,
    CountedValues,
    LogContext,
    LogFields,
    LogHistogram,
    LogPage,
    LogPatterns,
    LogQuery,
    LogRecord,
)
from trimtab.store.logs.ranges import FIRST_MS, Asked, Asking
from trimtab.store.logs.records import COLUMNS, Place, place_of, record_of
from trimtab.store.rollup import MINUTE_MS

if TYPE_CHECKING:
    import pyarrow as pa

    from trimtab.store.telemetry import TelemetryStore

BUCKETS_MAX = 2000
_STEPS_MS = tuple(
    unit_ms * count
    for unit_ms, counts in (
        (1, (1, 2, 5, 10, 20, 50, 100, 200, 500)),
        (1_000, (1, 2, 5, 10, 15, 30)),
        (60_000, (1, 2, 5, 10, 15, 30)),
        (3_600_000, (1, 2, 3, 6, 12)),
        (86_400_000, (1, 2, 7, 14, 28, 56, 112, 365)),
    )
    for count in counts
)
_KEYS = "at_ns", "spool_segment", "record_no"
_PLACE = "(at_ns, spool_segment, record_no)"
_AT = "({at:Int64}, {segment:UInt64}, {number:UInt32})"
_DAY_NS = 86_400_000_000_000
_BY_BUCKET = Merge(group_by=("bucket", "level"))
_Counts = tuple["pa.Table", tuple[str, ...]]


class LogReads:
    """Questions to one store. `clock_s` is what the time for a search is measured by."""

    def __init__(self, store: TelemetryStore, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._asking = Asking(store)
        self._clock_s = clock_s

    def search(self, query: LogQuery) -> LogPage:
        """A page of records; LogQueryError (an InputError with the column) where the text is not of the language."""
        _check_limit(query.limit)
        asked, effort = self._asking.ready(query), self._effort(query)
        is_newest = query.order == "newest"
        where, from_ms, to_ms = asked.where, query.from_ms, query.to_ms
        after: dict[str, object] = {}
        if query.cursor is not None:
            place = place_of(query.cursor)
            after = _parameters(place)
            sign = "<" if is_newest else ">"
            where += f" AND at_ns {sign}= {{at:Int64}} AND {_PLACE} {sign} {_AT}"
            from_ms, to_ms = _from_place(place, from_ms, to_ms, is_newest=is_newest)
        records: list[LogRecord] = []
        missing: tuple[str, ...] = ()
        looked_to_ms = to_ms if is_newest else from_ms
        pieces = effort.pieces(from_ms, to_ms, is_newest=is_newest, first_ms=FIRST_MS)
        for low_ms, high_ms in pieces if asked.compares else [(from_ms, to_ms)]:
            piece = asked.within(low_ms, high_ms).parameters | after
            found, absent = self._records(where, piece, query.limit + 1 - len(records), is_newest=is_newest)
            records += found
            missing = _joined(missing, absent)
            looked_to_ms = low_ms if is_newest else high_ms
            if len(records) > query.limit:
                break
        page, missing = tuple(records[: query.limit]), _joined(asked.missing, missing)
        if len(records) > query.limit:
            return LogPage(page, page[-1].id, missing)
        if looked_to_ms == (from_ms if is_newest else to_ms):
            return LogPage(page, None, missing)
        return LogPage(page, _edge(looked_to_ms, is_newest=is_newest).id, missing, looked_to_ms)

    def _records(
        self, where: str, parameters: dict[str, object], limit: int, *, is_newest: bool
    ) -> tuple[tuple[LogRecord, ...], tuple[str, ...]]:
        """First by time alone, as the table is sorted: the engine stops when it has enough. Then whole rows up to
        that time, in their exact order."""
        word: str = "DESC" if is_newest else "ASC"
        direction: Direction = "descending" if is_newest else "ascending"
        times = self._asking.gather(
            f"SELECT at_ns FROM log_records WHERE {where} ORDER BY at_ns {word} LIMIT {limit}",
            parameters,
            Merge((("at_ns", direction),), limit),
        )
        if not times.table.num_rows:
            return (), times.missing
        order = ", ".join(f"{key} {word}" for key in _KEYS)
        sign = ">=" if is_newest else "<="
        column = times.table["at_ns"].to_numpy()
        found = self._asking.gather(
            f"SELECT {COLUMNS} FROM log_records WHERE {where} AND at_ns {sign} {{last:Int64}}"
            f" AND at_ns IN {{times:Array(Int64)}} ORDER BY {order} LIMIT {limit}",
            {**parameters, "last": int(column[-1]), "times": np.unique(column).tolist()},
            Merge(tuple((key, direction) for key in _KEYS), limit),
        )
        return tuple(record_of(row) for row in found.table.to_pylist()), _joined(times.missing, found.missing)

    def around(self, record_id: str, count: int = 50, *, is_whole: bool = False) -> LogContext:
        """`count` records before and after one, of the same service; `is_whole`: of all services."""
        _check_limit(count)
        place = place_of(record_id)
        parameters = _parameters(place)
        found, missing = self._records(f"at_ns = {{at:Int64}} AND {_PLACE} = {_AT}", parameters, 1, is_newest=True)
        record = found[0] if found else None
        service = ""
        if record is not None and not is_whole:
            service = " AND service_name = {service:String}"
            parameters |= {"service": record.service_name}
        before, missing_before = self._records(
            f"at_ns <= {{at:Int64}} AND {_PLACE} < {_AT}{service}", parameters, count, is_newest=True
        )
        after, missing_after = self._records(
            f"at_ns >= {{at:Int64}} AND {_PLACE} > {_AT}{service}", parameters, count, is_newest=False
        )
        return LogContext(record, before[::-1], after, _joined(missing, missing_before, missing_after))

    def histogram(self, query: LogQuery, buckets_max: int = 120) -> LogHistogram:
        """How many records match over time, by level; `limit`, `order` and `cursor` do not matter."""
        if not 1 <= buckets_max <= BUCKETS_MAX:
            raise InputError(f"buckets must lie in 1..{BUCKETS_MAX}, not {buckets_max}", field="buckets")
        asked = self._asking.ready(query)
        step_ms = step_of(query.to_ms - query.from_ms, buckets_max)
        first = query.from_ms // step_ms
        size = -(-query.to_ms // step_ms) - first
        counts = np.zeros((len(LEVELS), size), np.int64)
        missing, looked_from_ms = asked.missing, query.to_ms
        for low_ms, (table, absent) in self._counted(query, asked, step_ms):
            buckets, levels = table["bucket"].to_numpy() - first, table["level"].to_numpy()
            np.add.at(counts, (np.minimum(levels, len(LEVELS) - 1), buckets), table["n"].to_numpy().astype(np.int64))
            missing, looked_from_ms = _joined(missing, absent), low_ms
        return LogHistogram(
            tuple(range(first * step_ms, (first + size) * step_ms, step_ms)),
            step_ms,
            {name: tuple(row.tolist()) for name, row in zip(LEVELS, counts, strict=True) if row.any()},
            int(counts.sum()),
            missing,
            looked_from_ms if looked_from_ms > query.from_ms else None,
        )

    def _counted(self, query: LogQuery, asked: Asked, step_ms: int) -> Iterator[tuple[int, _Counts]]:
        """Where each piece begins, and what it counted: `bucket`, `level`, `n`; the newest first."""
        summed = minutes.summed(query, self._asking.marks) if step_ms % MINUTE_MS == 0 else None
        if summed is not None:
            found = self._asking.gather(
                "SELECT intDiv(minute_ms, {step_ms:Int64}) AS bucket, level, sum(n_) AS n"
                f" FROM {summed.table} GROUP BY bucket, level",
                {**summed.parameters, "step_ms": step_ms},
                _BY_BUCKET,
            )
            yield query.from_ms, found
            return
        phrase = phrases.counts_of(self._asking, asked, step_ms * 1_000_000) if asked.loose is not None else None
        if phrase is not None:
            yield query.from_ms, phrase
            return
        for low_ms, high_ms in asked.pieces(query, self._effort(query)):
            found = self._asking.gather(
                "SELECT intDiv(at_ns, {step_ns:Int64}) AS bucket, level, count() AS n FROM log_records"
                f" WHERE {asked.where} GROUP BY bucket, level",
                {**asked.within(low_ms, high_ms).parameters, "step_ns": step_ms * 1_000_000},
                _BY_BUCKET,
            )
            yield low_ms, found

    def between(self, query: LogQuery, after: int, to: int) -> tuple[LogPage, int]:
        """For a tail: records of the segments behind `after` up to `to`, in the order in which they were stored: the
        last `limit` of them, and how many match. `order` and `cursor` do not matter."""
        _check_limit(query.limit)
        asked = self._asking.ready(query)
        where = f"{asked.where} AND spool_segment > {{after:UInt64}} AND spool_segment <= {{to:UInt64}}"
        parameters = {**asked.parameters, "after": after, "to": to}
        found = self._asking.gather(
            f"SELECT {COLUMNS} FROM log_records WHERE {where} ORDER BY spool_segment DESC, record_no DESC"
            f" LIMIT {query.limit}",
            parameters,
            Merge((("spool_segment", "descending"), ("record_no", "descending")), query.limit),
        )
        records = tuple(record_of(row) for row in found.table.to_pylist())[::-1]
        missing = _joined(asked.missing, found.missing)
        count = len(records)
        if count == query.limit:
            counted = self._asking.gather(
                f"SELECT count() AS n FROM log_records WHERE {where}", parameters, Merge(group_by=())
            )
            count = int(counted.table["n"][0].as_py())
        return LogPage(records, None, missing), count

    def patterns(self, query: LogQuery, patterns_max: int = 100) -> LogPatterns:
        """Similar lines among what matches, grouped."""
        return patterns.patterns(self._asking, query, patterns_max, self._effort(query))

    def fields(self, query: LogQuery, fields_max: int = 200) -> LogFields:
        """Which attributes the newest records that match have, with their most frequent values."""
        return fields.fields(self._asking, query, fields_max, self._effort(query))

    def attribute_keys(self, query: LogQuery, prefix: str = "") -> CountedValues:
        """Names of attributes (of records and their resources) among what matches."""
        return fields.attribute_keys(self._asking, query, prefix, self._effort(query))

    def attribute_values(self, query: LogQuery, name: str, prefix: str = "") -> CountedValues:
        """Values of one attribute, or of `service` or `level`."""
        return fields.attribute_values(self._asking, query, name, prefix)

    def _effort(self, query: LogQuery) -> Effort:
        return Effort(query.effort_ms, self._clock_s)

    def of_trace(self, trace_id: str, at_ms: int, limit: int = 1000) -> LogPage:
        """Records of a trace from a day before to a day after, oldest first."""
        day_ms = _DAY_NS // 1_000_000
        return self.search(
            LogQuery(max(0, at_ms - day_ms), at_ms + day_ms, trace_id=trace_id, limit=limit, order="oldest")
        )


def step_of(range_ms: int, buckets_max: int) -> int:
    """The finest step of which so many cover the range, whatever its beginning.

    >>> step_of(3_600_000, 120), step_of(60_000, 60)
    (60000, 2000)
    """
    fitting = (step_ms for step_ms in _STEPS_MS if range_ms / step_ms + 1 <= buckets_max)
    return next(itertools.chain(fitting, [-(-range_ms // max(1, buckets_max - 1))]))


def _from_place(place: Place, from_ms: int, to_ms: int, *, is_newest: bool) -> tuple[int, int]:
    """The rest of a range behind a record.

    >>> place = Place(5_000_001, 0, 0)
    >>> _from_place(place, 0, 9, is_newest=True), _from_place(place, 0, 9, is_newest=False)
    ((0, 6), (5, 9))
    """
    if is_newest:
        return from_ms, max(from_ms, min(to_ms, place.at_ns // 1_000_000 + 1))
    return min(to_ms, max(from_ms, place.at_ns // 1_000_000)), to_ms


def _edge(at_ms: int, *, is_newest: bool) -> Place:
    """A place at which no record is: between those before a time and the others."""
    if is_newest:
        return Place(at_ms * 1_000_000, 0, 0)
    return Place(at_ms * 1_000_000 - 1, (1 << 64) - 1, (1 << 32) - 1)


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= LIMIT_MAX:
        raise InputError(f"limit must lie in 1..{LIMIT_MAX}, not {limit}", limit=LIMIT_MAX, field="limit")


def _parameters(place: Place) -> dict[str, object]:
    return {"at": place.at_ns, "segment": place.segment, "number": place.number}


def _joined(*missing: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one for told in missing for one in told))
