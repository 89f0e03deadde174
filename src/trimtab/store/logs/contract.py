"""What the rest of trimtab codes against: logs go in durably, and come out by search.

`TelemetryStore.logs` is one. Everything may be called from any thread and may raise StoreError.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from trimtab.store.logs.answers import (
    CountedValues,
    LogContext,
    LogFields,
    LogHistogram,
    LogPage,
    LogPatterns,
    LogQuery,
    LogRow,
    LogsWritten,
)


class LogStore(Protocol):
    """Log records. Durable on return, found about two seconds later."""

    def append_otlp(self, body: bytes | bytearray) -> LogsWritten:
        """Keep an ExportLogsServiceRequest (protobuf, unpacked).

        Raises InputError where it does not parse or is too long, SpoolFull where there is no room.
        """
        ...

    def append_rows(self, rows: Sequence[LogRow]) -> LogsWritten:
        """Keep records that did not come as OTLP, in the order given: all of them or none; raises like `append_otlp`.

        They are encoded as OTLP (see `store.logs.encode`), so both ways store the same.
        """
        ...

    def search(self, query: LogQuery) -> LogPage:
        """A page of records; LogQueryError (an InputError with the column) where the text is not of the language."""
        ...

    def around(self, record_id: str, count: int = 50, *, is_whole: bool = False) -> LogContext:
        """`count` records before and after one, of the same service; `is_whole`: of all services."""
        ...

    def histogram(self, query: LogQuery, buckets_max: int = 120) -> LogHistogram:
        """How many records match over time, by level; `limit`, `order` and `cursor` do not matter."""
        ...

    def patterns(self, query: LogQuery, patterns_max: int = 100) -> LogPatterns:
        """Similar lines among what matches, grouped."""
        ...

    def fields(self, query: LogQuery, fields_max: int = 200) -> LogFields:
        """Which attributes the newest records that match have, with their most frequent values."""
        ...

    def attribute_keys(self, query: LogQuery, prefix: str = "") -> CountedValues:
        """Names of attributes (of records and their resources) among what matches."""
        ...

    def attribute_values(self, query: LogQuery, name: str, prefix: str = "") -> CountedValues:
        """Values of one attribute, or of `service` or `level`."""
        ...
