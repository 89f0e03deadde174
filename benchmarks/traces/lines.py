"""Realistic log lines, quickly: requests of seven services, with new numbers, ids and times in each copy.

A sheet is drawn once (which line, which attributes, how long its numbers are); then each copy gets other digits, other
traces and other times, by NumPy over the whole body. So many million lines are made in seconds, and compress like
lines, not like copies.

    python -m benchmarks.traces.lines     prints what such lines are like
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.traces.line_templates import LINES, NAMES, Line
from benchmarks.traces.shop import resource_of
from benchmarks.traces.wire import Draft, Plain, attributes

LINES_A_SHEET = 16_384
LINES_A_BODY = 512
"""What the SDK's batch processor exports at once."""
LINES_A_TRACE = 4
CUSTOMERS = 200_000
_EIGHT = bytes(8)
_HOLES = re.compile("#{8}|#+|~+")
_KINDS = {"#": "digit", "~": "hex"}
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)


@dataclass(frozen=True)
class LineSheet:
    """Log requests that are of one time."""

    bodies: Sequence[bytes]
    trace_ids: Sequence[str]
    lines_count: int


class LineSheets:
    """A drawn sheet, and copies of it. `instances_count` processes of each service export for themselves."""

    def __init__(self, seed: int = 1, lines_count: int = LINES_A_SHEET, instances_count: int = 2) -> None:
        self._draw = np.random.default_rng(seed)
        self.lines_count, self._traces_count = lines_count, -(-lines_count // LINES_A_TRACE)
        weights = np.array([line.weight for line in LINES])
        heaps: dict[tuple[str, int], dict[str, list[Draft]]] = {}
        for number, kind in enumerate(self._draw.choice(len(LINES), lines_count, p=weights / weights.sum())):
            line = LINES[kind]
            who = line.service, int(self._draw.integers(instances_count))
            heaps.setdefault(who, {}).setdefault(line.logger, []).append(self._record(number, line, int(kind)))
        self._templates: list[NDArray[np.uint8]] = []
        self._holes: list[Mapping[str, NDArray[np.int64]]] = []
        for (service, instance), by_logger in sorted(heaps.items()):
            spoken = [(logger, record) for logger, records in by_logger.items() for record in records]
            # One behind the other in time, as they are exported; numbers are times within the sheet.
            spoken.sort(key=lambda one: one[1].holes[0][1])
            for start in range(0, len(spoken), LINES_A_BODY):
                self._write_body(resource_of(service, instance), spoken[start : start + LINES_A_BODY])

    def _record(self, number: int, line: Line, kind: int) -> Draft:
        trace = number // LINES_A_TRACE
        body = re.sub("%", lambda _: "#" * int(self._draw.integers(1, 5)), line.body)
        record = Draft().fixed64(1, _EIGHT).hole("at", number, 8)
        record.varint(2, line.severity).bytes_(3, NAMES[line.severity])
        record.message(5, _text(1, body, trace))
        where: tuple[tuple[str, Plain], ...] = (
            ("code.file.path", f"/app/{line.service}/{line.logger.replace('.', '/')}.py"),
            ("code.function.name", line.logger.rpartition(".")[2]),
            ("code.line.number", 20 + kind * 13),
        )
        for name, value in (*line.attributes, *where):
            if isinstance(value, str):
                record.message(6, Draft().bytes_(1, name).message(2, _text(1, value, trace)))
            else:
                attributes(record, 6, [(name, value)])
        if line.is_in_trace:
            record.data += b"\x45\x01\x00\x00\x00"  # flags, fixed32 with number 8
            record.bytes_(9, _EIGHT + _EIGHT).hole("trace_high", trace, 16).hole("trace_low", trace, 8)
            record.bytes_(10, _EIGHT).hole("span", number, 8)
        record.fixed64(11, _EIGHT).hole("observed", number, 8)
        return record

    def _write_body(self, resource: Mapping[str, Plain], records: Sequence[tuple[str, Draft]]) -> None:
        scopes: dict[str, list[Draft]] = {}
        for logger, record in records:
            scopes.setdefault(logger, []).append(record)
        told = Draft().message(1, attributes(Draft(), 1, resource.items()))
        for logger, drafts in scopes.items():
            scoped = Draft().message(1, Draft().bytes_(1, logger))
            for record in drafts:
                scoped.message(2, record)
            told.message(2, scoped)
        body = Draft().message(1, told)
        self._templates.append(np.frombuffer(bytes(body.data), np.uint8))
        holes: dict[str, list[tuple[int, int]]] = {}
        for kind, index, at in body.holes:
            holes.setdefault(kind, []).append((index, at))
        self._holes.append({kind: np.array(pairs, np.int64) for kind, pairs in holes.items()})

    def fill(self, lines_count: int, from_ns: int, to_ns: int) -> Iterator[LineSheet]:
        """Sheets with at least so many lines in all, in the range, ascending."""
        count = -(-lines_count // self.lines_count)
        for number in range(count):
            low = from_ns + (to_ns - from_ns) * number // count
            high = from_ns + (to_ns - from_ns) * (number + 1) // count
            at_ns = np.sort(self._draw.integers(low, high, self.lines_count))
            words = {
                "at": at_ns,
                "observed": at_ns + self._draw.integers(20_000, 400_000, self.lines_count),
                "trace_high": self._draw.integers(1, 1 << 63, self._traces_count),
                "trace_low": self._draw.integers(1, 1 << 63, self._traces_count),
                "span": self._draw.integers(1, 1 << 63, self.lines_count),
            }
            # Few customers buy much: their numbers are drawn from a square, not evenly.
            customers = (self._draw.random(self._traces_count) ** 2 * CUSTOMERS).astype(np.int64)
            digits = (customers[:, None] // 10 ** np.arange(7, -1, -1) % 10 + ord("0")).astype(np.uint8)
            bodies = [
                self._filled(template, holes, words, digits)
                for template, holes in zip(self._templates, self._holes, strict=True)
            ]
            ids = np.stack([words["trace_high"], words["trace_low"]], axis=1).astype("<u8").tobytes()
            yield LineSheet(bodies, [ids[at : at + 16].hex() for at in range(0, len(ids), 16)], self.lines_count)

    def _filled(
        self,
        template: NDArray[np.uint8],
        holes: Mapping[str, NDArray[np.int64]],
        words: Mapping[str, NDArray[np.int64]],
        digits: NDArray[np.uint8],
    ) -> bytes:
        body = template.copy()
        places = np.arange(8)
        for kind, pairs in holes.items():
            if kind == "digit":
                body[pairs[:, 1]] = self._draw.integers(ord("0"), ord("9") + 1, len(pairs), np.uint8)
            elif kind == "hex":
                body[pairs[:, 1]] = _HEX[self._draw.integers(0, 16, len(pairs), np.uint8)]
            elif kind == "customer":
                body[pairs[:, 1][:, None] + places] = digits[pairs[:, 0]]
            else:
                raw = words[kind].astype("<u8").view(np.uint8).reshape(-1, 8)
                body[pairs[:, 1][:, None] + places] = raw[pairs[:, 0]]
        return body.tobytes()


def _text(number: int, text: str, trace: int) -> Draft:
    """A field of text with its holes. First digits stay 1, so that numbers have no zeros in front."""
    raw = text.encode()
    made = Draft().bytes_(number, raw.replace(b"#", b"1").replace(b"~", b"a"))
    start = len(made.data) - len(raw)
    for found in _HOLES.finditer(text):
        if found[0] == "########":
            made.holes.append(("customer", trace, start + found.start()))
        else:
            first = found.start() + (found[0][0] == "#" and len(found[0]) > 1)
            made.holes += [(_KINDS[found[0][0]], 0, start + at) for at in range(first, found.end())]
    return made


def main() -> int:
    """What such lines are like, and how quickly they are made."""
    sheets = LineSheets()
    now_ns = time.time_ns()
    began_s = time.process_time()
    made = list(sheets.fill(200_000, now_ns - 3_600_000_000_000, now_ns))
    took_s = time.process_time() - began_s
    lines = sum(sheet.lines_count for sheet in made)
    size = sum(len(body) for sheet in made for body in sheet.bodies)
    sys.stdout.write(
        f"{lines} lines in {sum(len(sheet.bodies) for sheet in made)} bodies, {size / lines:.0f} bytes a line,"
        f" {lines / took_s / 1e6:.2f} million lines a CPU-second\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
