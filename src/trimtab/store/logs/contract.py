"""How logs go in: what the rest of trimtab codes against. How they come out is `reads.LogReads`.

`TelemetryStore.logs` is one. Everything may be called from any thread and may raise StoreError.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from trimtab.store.logs.answers import LogCounts, LogRow, LogsWritten


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

    def refuse_body(self, reason: str) -> None:
        """Count a request that was refused as a whole, before it came here."""
        ...

    def refuse_records(self, refused: Mapping[str, int]) -> None:
        """Count records that were refused by themselves, before they came here: how many, by reason."""
        ...

    @property
    def window_ns(self) -> tuple[int, int]:
        """The first and the last time that a record may have now."""
        ...

    def counts(self) -> LogCounts:
        """What came in since the start."""
        ...

    @property
    def stored_to(self) -> int:
        """The last segment of which all records can be found."""
        ...

    def listen(self, heard: Callable[[], None]) -> Callable[[], None]:
        """From now on, say when more records can be found: on the loader's thread, so `heard` must be quick and must
        not raise. Whoever has heard enough calls what is returned."""
        ...
