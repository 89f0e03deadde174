"""Every bound of the telemetry store in one place."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class TelemetryLimits:
    """Bounds, with units in their names. A limit is the largest value that passes.

    >>> TelemetryLimits().message_bytes_max <= TelemetryLimits().segment_bytes_max
    True
    """

    message_bytes_max: int = 8 * MIB
    """One write or one OTLP body, uncompressed."""
    message_spans_max: int = 100_000
    """Spans of one OTLP body."""
    inflight_bytes_max: int = 32 * MIB
    """OTLP bodies in memory at one time, packed and unpacked; further senders are told to come back."""
    segment_bytes_max: int = 16 * MIB
    """A segment takes no further message beyond this; also about what the loader holds in memory."""
    segment_rows_max: int = 50_000
    """A segment is handed over when it holds this many rows or spans, whatever its age."""
    spans_segment_bytes_max: int = 48 * MIB
    spans_segment_rows_max: int = 128_000
    """The same two for spans: of large heaps the engine has fewer to merge, and they are decoded a piece at a time."""
    logs_segment_bytes_max: int = 48 * MIB
    logs_segment_rows_max: int = 128_000
    """The same two for log records."""
    spool_bytes_max: int = 512 * MIB
    """All segments together."""
    disk_free_bytes_min: int = 256 * MIB
    """The spool takes nothing more when less than this would stay free on its file system."""
    quarantine_bytes_max: int = 64 * MIB
    """The oldest refused messages go when more would be kept."""
    load_interval_s: float = 1.0
    """How long a segment waits for more before it is handed to the engine."""
    spans_load_interval_s: float = 2.0
    """The same for spans: planning their decoding costs the engine 40 ms of CPU each time, however few they are."""
    logs_load_interval_s: float = 1.0
    """The same for log records: who tails them waits for it."""
    rollup_interval_s: float = 60.0
    """How often the sums by the minute are brought up to date."""
    retry_s_max: float = 10.0
    """Longest pause between tries while the engine cannot take anything (disk full, out of memory)."""
    sessions_count: int = 4
    """Queries that run at the same time; more wait for `query_s_max`."""
    threads_max: int = 2
    """Threads of one query."""
    query_s_max: float = 30.0
    query_memory_bytes_max: int = 1024 * MIB
    query_rows_max: int = 5_000_000
    """Rows of one answer; more is an error, never a cut."""
    wide_sessions_count: int = 2
    """Queries for columns of numbers that run at the same time."""
    wide_query_rows_max: int = 60_000_000
    wide_query_memory_bytes_max: int = 4096 * MIB
    span_ahead_s_max: float = 3600.0
    """Spans that begin further in the future are left out (and counted)."""

    def of_spans(self, *, is_sampled: bool) -> tuple[int, int]:
        """Rows and bytes of a segment of spans: about what is sampled one decides with the whole segment in memory."""
        if is_sampled:
            return self.segment_rows_max, self.segment_bytes_max
        return self.spans_segment_rows_max, self.spans_segment_bytes_max
