"""A search that has only so much time looks at the newest first, says how far it came, and can be gone on with."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from tests.empty_store import make_tables
from tests.store.traces.otlp import NOW_NS, Made, request
from trimtab.store.effort import Effort
from trimtab.store.telemetry import EmbeddedTelemetry, TelemetryLimits
from trimtab.store.traces.answers import FoundTraces, TraceQuery
from trimtab.store.traces.reads import TraceReads

HOUR_MS = 3_600_000
NOW_MS = NOW_NS // 1_000_000


class Clock:
    """Each look at it takes so long."""

    def __init__(self, step_s: float) -> None:
        self.at_s, self.step_s = 0.0, step_s

    def __call__(self) -> float:
        self.at_s += self.step_s
        return self.at_s


@pytest.mark.parametrize("is_newest", [True, False])
@pytest.mark.parametrize("step_s", [0.0, 0.001, 0.01, 0.05, 0.5, 5.0])
def test_pieces_lie_side_by_side_and_end_with_the_time(step_s: float, is_newest: bool) -> None:
    clock = Clock(step_s)
    pieces = list(Effort(400.0, clock).pieces(1000, 9_000_000, is_newest=is_newest))
    if not is_newest:
        pieces = [(10_000_000 - high, 10_000_000 - low) for low, high in pieces]
    first, last = pieces[0][1], pieces[-1][0]
    assert first == (9_000_000 if is_newest else 9_999_000)
    assert all(one[0] == other[1] for one, other in itertools.pairwise(pieces))
    assert all(low < high for low, high in pieces)
    is_whole = last == (1000 if is_newest else 1_000_000)
    limit_s = 0.4 if sum(high - low for low, high in pieces) >= HOUR_MS else 2.0
    assert is_whole or clock.at_s >= limit_s
    assert len(pieces) == 1 or clock.at_s < 2.0 + 4 * step_s


def test_a_piece_is_as_long_as_the_time_lets_expect() -> None:
    """What takes a second for each hour: at most a piece's worth more than what was allowed."""
    at_s = [0.0]
    took_ms = 0
    for low, high in Effort(2000.0, lambda: at_s[0]).pieces(0, 24 * HOUR_MS):
        at_s[0] += (high - low) / HOUR_MS
        took_ms += high - low
    assert 1.9 <= at_s[0] <= 2.6
    assert 1.9 * HOUR_MS <= took_ms <= 2.6 * HOUR_MS


def spans_of_a_day() -> list[Made]:
    """A thousand traces over 20 hours, one in twenty of which has the attribute; durations are all different."""
    draw = random.Random(5)
    took = draw.sample(range(1, 100_000), 1000)
    return [
        Made(
            number,
            number,
            at_ms=-number * 72_000,
            took_ms=float(took[number - 1]),
            attributes={"wanted": "yes" if draw.random() < 0.05 else "no"},
        )
        for number in range(1, 1001)
    ]


def numbers(found: FoundTraces) -> list[int]:
    return [int(trace.trace_id, 16) for trace in found.traces]


def reference(spans: Sequence[Made], from_ms: int, to_ms: int, *, is_slowest: bool) -> list[int]:
    """By a loop."""
    fitting = [
        span
        for span in spans
        if span.attributes["wanted"] == "yes" and from_ms <= (NOW_NS + span.at_ms * 1e6) // 1e6 < to_ms
    ]
    return [one.trace for one in sorted(fitting, key=lambda one: -one.took_ms if is_slowest else -one.at_ms)]


@pytest.fixture(scope="module")
def a_day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedTelemetry]:
    """With these spans; nobody changes it."""
    limits = TelemetryLimits(load_interval_s=0.05, spans_load_interval_s=0.05)
    with EmbeddedTelemetry.open(make_tables(tmp_path_factory.mktemp("day")), limits) as telemetry:
        telemetry.append_otlp_traces(request(spans_of_a_day()).SerializeToString())
        telemetry.flush(60)
        yield telemetry


@pytest.mark.store
@pytest.mark.parametrize("order", ["newest", "slowest"])
@pytest.mark.parametrize("limit", [7, 100])
def test_what_was_looked_through_is_answered_whole(a_day: EmbeddedTelemetry, order: str, limit: int) -> None:
    spans, telemetry = spans_of_a_day(), a_day
    from_ms, is_slowest = NOW_MS - 21 * HOUR_MS, order == "slowest"
    query = TraceQuery(from_ms, NOW_MS + 1, attributes={"wanted": "yes"}, limit=limit, order=order, effort_ms=400)  # type: ignore[arg-type]
    whole = TraceReads(telemetry).search(replace(query, effort_ms=None))
    assert numbers(whole) == reference(spans, from_ms, NOW_MS + 1, is_slowest=is_slowest)[:limit]
    assert (whole.looked_from_ms == from_ms, whole.is_cut) == (is_slowest or limit == 100, False)
    seen: list[int] = []
    cuts, to_ms = 0, NOW_MS + 1
    while to_ms > from_ms:
        found = TraceReads(telemetry, Clock(0.08)).search(replace(query, to_ms=to_ms))
        assert numbers(found) == reference(spans, found.looked_from_ms, to_ms, is_slowest=is_slowest)[:limit]
        if not is_slowest and len(found.traces) == limit:
            assert not found.is_cut
        else:
            assert found.is_cut == (found.looked_from_ms > from_ms)
        cuts += found.is_cut
        seen += numbers(found)
        assert found.looked_from_ms < to_ms
        to_ms = found.looked_from_ms
    assert cuts > 1
    assert set(numbers(whole)) <= set(seen)


@pytest.mark.store
def test_long_traces_are_summed_up_whole(a_day: EmbeddedTelemetry) -> None:
    """Spans of a trace lie apart: a root long before, one near, none at all, and a short trace beside them."""
    minute = 60_000.0
    spans = [
        Made(1, 11, 0, "gateway", took_ms=1.0, at_ms=-40 * minute),
        Made(1, 12, 11, "worker", status="error"),
        Made(1, 13, 12, "worker", at_ms=8 * minute, took_ms=minute),
        Made(2, 21, 0, "gateway", at_ms=-4 * minute, took_ms=4 * minute),
        Made(2, 22, 21, "worker"),
        Made(3, 31, 99, "worker"),
        Made(3, 32, 31, "worker", at_ms=-30 * minute),
        Made(4, 41, 0, "gateway", at_ms=5.0),
    ]
    spans = [replace(span, trace=span.trace + 5000, at_ms=span.at_ms - 70 * HOUR_MS) for span in spans]  # days before
    a_day.append_otlp_traces(request(spans).SerializeToString())
    a_day.flush(60)
    found = TraceReads(a_day).search(TraceQuery(NOW_MS - 100 * HOUR_MS, NOW_MS - 50 * HOUR_MS))
    told = {int(one.trace_id, 16) - 5000: one for one in found.traces}
    assert list(told) == [1, 4, 2, 3]
    assert {number: one.spans_count for number, one in told.items()} == {1: 3, 2: 2, 3: 2, 4: 1}
    assert told[1].errors_count == 1
    assert (told[1].root_service, told[1].duration_ms) == ("gateway", 49 * minute)
