"""Who sends: SDKs, each of which exports 512 spans or records at once as they are, four at a time; and a collector,
which puts 8,192 of many services together and packs them."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import zstandard

from benchmarks.traces.growing import Signal
from benchmarks.traces.lines import LineSheets
from benchmarks.traces.spans import Sheets

HOUR_NS = 3_600_000_000_000
ROWS_A_SHEET = 64_000
"""About. Of sheets so large nearly all bodies have 512 rows: each instance of a service exports for itself."""
_SPANS_A_TRACE = 6.8
_GZIP_LEVEL, _ZSTD_LEVEL = 6, 3


@dataclass(frozen=True)
class Sender:
    """How many rows a body has, about, how it is packed, and how many send at one time."""

    name: str
    rows_a_body: int
    encoding: str
    connections: int
    pack: Callable[[bytes], bytes]

    @property
    def headers(self) -> dict[str, str]:
        """Of its requests."""
        return {"Content-Type": "application/x-protobuf"} | (
            {"Content-Encoding": self.encoding} if self.encoding else {}
        )


SENDERS: Sequence[Sender] = (
    Sender("SDKs", 512, "", 4, lambda body: body),
    Sender("collector, gzip", 8192, "gzip", 1, lambda body: gzip.compress(body, _GZIP_LEVEL)),
    Sender("collector, zstd", 8192, "zstd", 1, lambda body: zstandard.ZstdCompressor(_ZSTD_LEVEL).compress(body)),
)


@dataclass(frozen=True)
class Body:
    """One request, packed, and as it is."""

    packed: bytes
    size_bytes: int


class Bodies:
    """Requests of a signal, of whole sheets."""

    def __init__(self, signal: Signal) -> None:
        sheets: Sheets | LineSheets
        if signal == "spans":
            sheets = Sheets(traces_count=round(ROWS_A_SHEET / _SPANS_A_TRACE))
        else:
            sheets = LineSheets(lines_count=ROWS_A_SHEET)
        self._sheets = sheets
        self._rows_a_sheet = sheets.spans_count if isinstance(sheets, Sheets) else sheets.lines_count

    def rows(self, count: int) -> int:
        """As many as whole sheets have."""
        return -(-count // self._rows_a_sheet) * self._rows_a_sheet

    def plain(self, count: int, to_ns: int) -> Iterator[Sequence[bytes]]:
        """What SDKs send, a sheet at a time; it happened within the hour before."""
        for sheet in self._sheets.fill(count, to_ns - HOUR_NS, to_ns):
            yield sheet.bodies

    def sent_by(self, sender: Sender, count: int, to_ns: int) -> Iterator[list[Body]]:
        """The same as this sender sends it. Requests that stand one behind the other are one request."""
        for plain in self.plain(count, to_ns):
            together = max(1, round(sender.rows_a_body * len(plain) / self._rows_a_sheet))
            joined = [b"".join(plain[start : start + together]) for start in range(0, len(plain), together)]
            yield [Body(sender.pack(body), len(body)) for body in joined]
