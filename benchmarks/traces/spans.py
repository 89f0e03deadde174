"""Realistic OTLP trace requests, as many as wanted: millions a minute from one core, the same for the same seed.

A sheet of some thousand requests to the shop of `shop.py` is written once, by hand, as each service would export it.
Ids, times, durations and eight-digit numbers in attributes (users, orders) are holes in it: each further sheet is a
copy with the holes filled anew, by NumPy.

    for sheet in Sheets(seed=1).fill(10_000_000, from_ns, to_ns):
        for body in sheet.bodies:
            telemetry.append_otlp_traces(body)

    python -m benchmarks.traces.spans     prints what such spans are like
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.traces.shop import EXCEPTION, REQUESTS, SCOPES, SERVICES, Request, Step, resource_of
from benchmarks.traces.wire import Draft, attributes

TRACES_A_SHEET = 1500
SPANS_A_BODY = 512
"""What the SDK's batch processor exports at once."""
_EIGHT = bytes(8)


@dataclass(frozen=True)
class Sheet:
    """Trace requests that belong together: every trace is whole."""

    bodies: Sequence[bytes]
    trace_ids: Sequence[str]
    spans_count: int


class Sheets:
    """A drawn sheet, and copies of it. `instances_count` processes of each service export for themselves."""

    def __init__(self, seed: int = 1, traces_count: int = TRACES_A_SHEET, instances_count: int = 2) -> None:
        self._draw = np.random.default_rng(seed)
        weights = np.array([request.weight for request in REQUESTS])
        kinds = self._draw.choice(len(REQUESTS), traces_count, p=weights / weights.sum())
        self._trace_of: list[int] = []
        self._shares: list[tuple[float, float]] = []
        self._means_ms = np.array([REQUESTS[kind].mean_ms for kind in kinds])
        heaps: dict[tuple[str, int], list[tuple[tuple[str, str], Draft]]] = {}
        for trace, kind in enumerate(kinds):
            self._write_trace(trace, REQUESTS[kind], int(self._draw.integers(instances_count)), heaps)
        self.spans_count = len(self._trace_of)
        self._templates: list[NDArray[np.uint8]] = []
        self._holes: list[dict[str, NDArray[np.int64]]] = []
        for (service, instance), spans in sorted(heaps.items()):
            for start in range(0, len(spans), SPANS_A_BODY):
                self._write_body(service, instance, spans[start : start + SPANS_A_BODY])

    def _write_trace(
        self,
        trace: int,
        request: Request,
        instance: int,
        heaps: dict[tuple[str, int], list[tuple[tuple[str, str], Draft]]],
    ) -> None:
        has_failed = self._draw.random() < request.failure_ratio
        first = len(self._trace_of)
        failed: set[int] = set()
        at = request.fails_at if has_failed else -1
        while at >= 0:
            failed.add(at)
            at = request.steps[at].parent
        for place, step in enumerate(request.steps):
            self._trace_of.append(trace)
            self._shares.append((step.begins, step.ends))
            scope = step.scope if step.scope[0] else SCOPES[step.kind]
            is_origin = has_failed and place == request.fails_at
            span = self._span(trace, first, place, step, is_failed=place in failed, is_origin=is_origin)
            heaps.setdefault((step.service, SERVICES.index(step.service) * 10 + instance), []).append((scope, span))

    def _span(self, trace: int, first: int, place: int, step: Step, *, is_failed: bool, is_origin: bool) -> Draft:
        number = first + place
        span = Draft().bytes_(1, _EIGHT + _EIGHT).hole("trace_high", trace, 16).hole("trace_low", trace, 8)
        span.bytes_(2, _EIGHT).hole("span", number, 8)
        if step.parent >= 0:
            span.bytes_(4, _EIGHT).hole("span", first + step.parent, 8)
        span.bytes_(5, step.name).varint(6, step.kind)
        span.fixed64(7, _EIGHT).hole("start", number, 8).fixed64(8, _EIGHT).hole("end", number, 8)
        values = [(key, 500 if key == "http.status_code" and is_failed else value) for key, value in step.attributes]
        attributes(span, 9, values)
        if is_origin:
            event = Draft().fixed64(1, _EIGHT).hole("end", number, 8).bytes_(2, "exception")
            span.message(11, attributes(event, 3, EXCEPTION))
        if step.is_linked:
            link = Draft().bytes_(1, _EIGHT + _EIGHT).hole("trace_high", trace, 16).hole("trace_low", trace, 8)
            link.bytes_(2, _EIGHT).hole("span", first + step.parent, 8)
            span.message(13, attributes(link, 4, [("messaging.operation", "receive")]))
        if is_failed:
            span.message(15, Draft().bytes_(2, "OperationalError: canceling statement").varint(3, 2))
        span.data += b"\x85\x01" + (0x101).to_bytes(4, "little")  # flags, fixed32 with number 16
        span.holes = [(kind, trace if kind == "digits" else index, at) for kind, index, at in span.holes]
        return span

    def _write_body(self, service: str, instance: int, spans: Sequence[tuple[tuple[str, str], Draft]]) -> None:
        by_scope: dict[tuple[str, str], list[Draft]] = {}
        for scope, span in spans:
            by_scope.setdefault(scope, []).append(span)
        resource = Draft().message(1, attributes(Draft(), 1, resource_of(service, instance).items()))
        for (name, version), drafts in by_scope.items():
            scoped = Draft().message(1, Draft().bytes_(1, name).bytes_(2, version))
            for span in drafts:
                scoped.message(2, span)
            resource.message(2, scoped)
        body = Draft().message(1, resource)
        self._templates.append(np.frombuffer(bytes(body.data), np.uint8))
        holes: dict[str, list[tuple[int, int]]] = {}
        for kind, index, at in body.holes:
            holes.setdefault(kind, []).append((index, at))
        self._holes.append({kind: np.array(pairs, np.int64) for kind, pairs in holes.items()})

    def fill(self, spans_count: int, from_ns: int, to_ns: int) -> Iterator[Sheet]:
        """Sheets with at least so many spans in all, whose traces begin in the range, ascending."""
        count = -(-spans_count // self.spans_count)
        traces_count = len(self._means_ms)
        trace_of, shares = np.array(self._trace_of), np.array(self._shares)
        for number in range(count):
            low = from_ns + (to_ns - from_ns) * number // count
            high = from_ns + (to_ns - from_ns) * (number + 1) // count
            began = np.sort(self._draw.integers(low, high, traces_count))
            took = self._means_ms * self._draw.lognormal(-0.32, 0.8, traces_count) * 1e6
            values = {
                "trace_high": self._draw.integers(1, 1 << 63, traces_count),
                "trace_low": self._draw.integers(1, 1 << 63, traces_count),
                "span": self._draw.integers(1, 1 << 63, len(trace_of)),
                "start": began[trace_of] + (shares[:, 0] * took[trace_of]).astype(np.int64),
                "end": began[trace_of] + (shares[:, 1] * took[trace_of]).astype(np.int64),
            }
            digits = _digits(self._draw.integers(0, 2_000_000, traces_count))
            bodies = [
                _filled(template, holes, values, digits)
                for template, holes in zip(self._templates, self._holes, strict=True)
            ]
            ids = np.stack([values["trace_high"], values["trace_low"]], axis=1).astype("<u8").tobytes()
            yield Sheet(bodies, [ids[at : at + 16].hex() for at in range(0, len(ids), 16)], len(trace_of))


def _digits(numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Eight decimal digits of each number, [N, 8]."""
    powers = 10 ** np.arange(7, -1, -1)
    return (numbers[:, None] // powers % 10 + ord("0")).astype(np.uint8)


def _filled(
    template: NDArray[np.uint8],
    holes: dict[str, NDArray[np.int64]],
    values: dict[str, NDArray[np.int64]],
    digits: NDArray[np.uint8],
) -> bytes:
    body = template.copy()
    places = np.arange(8)
    for kind, pairs in holes.items():
        if kind == "digits":
            body[pairs[:, 1][:, None] + places] = digits[pairs[:, 0]]
        else:
            words = values[kind].astype("<u8").view(np.uint8).reshape(-1, 8)
            body[pairs[:, 1][:, None] + places] = words[pairs[:, 0]]
    return body.tobytes()


def main() -> int:
    """What such spans are like, and how quickly they are made."""
    sheets = Sheets()
    now_ns = time.time_ns()
    began_s = time.process_time()
    made = list(sheets.fill(200_000, now_ns - 3_600_000_000_000, now_ns))
    took_s = time.process_time() - began_s
    spans = sum(sheet.spans_count for sheet in made)
    size = sum(len(body) for sheet in made for body in sheet.bodies)
    sys.stdout.write(
        f"{spans} spans in {sum(len(sheet.bodies) for sheet in made)} bodies, {size / spans:.0f} bytes a span,"
        f" {spans / took_s / 1e6:.2f} million spans a CPU-second\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
