"""Keys and values of attributes are written down as spans are stored: what a plain loop finds, and nothing twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.empty_store import make_tables
from tests.store.traces.otlp import NOW_NS, Made, request
from trimtab.model.errors import EngineRefused
from trimtab.store.engine_embedded import EmbeddedEngine
from trimtab.store.intake import Intake
from trimtab.store.masking import Masking
from trimtab.store.telemetry import EmbeddedTelemetry, TelemetryLimits
from trimtab.store.traces import completion
from trimtab.store.traces.reads import TraceReads
from trimtab.store.traces.sampling_rules import SamplingRules
from trimtab.store.traces.words import VALUES_MAX

pytestmark = pytest.mark.store

LIMITS = TelemetryLimits(load_interval_s=0.05, spans_load_interval_s=0.05, retry_s_max=0.2)
DAY_MS = 86_400_000
FROM_MS, TO_MS = NOW_NS // 1_000_000 - DAY_MS * 2, NOW_NS // 1_000_000 + 3_600_000

Known = dict[tuple[str, str], set[str]]


def spans_of(first: int, count: int) -> list[Made]:
    """Three services; the last by name sends few, of one key each has many values."""
    found = []
    for number in range(first, first + count):
        service = ("cart", "shop", "zoo")[0 if number % 50 else 2] if number % 3 else "shop"
        found.append(
            Made(
                number,
                number,
                service=service,
                at_ms=-(number % 2) * DAY_MS,
                attributes={
                    "http.method": ("GET", "POST")[number % 2],
                    "user": f"user-{number}",
                    "long": "x" * 300 if number % 5 else "short",
                    f"only.{service}": number % 7,
                },
            )
        )
    return found


def reference(spans: Sequence[Made]) -> Known:
    """Values by service and key."""
    found: Known = defaultdict(set)
    for span in spans:
        for key, value in span.attributes.items():
            found[span.service, key].add(str(value))
    return found


def stored(telemetry: EmbeddedTelemetry) -> Known:
    """What is written down."""
    rows = telemetry.query("SELECT toString(service_name) AS s, toString(key) AS k, value AS v FROM span_words FINAL")
    found: Known = defaultdict(set)
    for row in rows.to_pylist():
        found[row["s"], row["k"]].add(row["v"])
    return found


def put(telemetry: EmbeddedTelemetry, spans: Sequence[Made]) -> None:
    telemetry.append_otlp_traces(request(spans).SerializeToString())
    telemetry.flush(60)


def check(telemetry: EmbeddedTelemetry, spans: Sequence[Made]) -> None:
    """All keys; all values of keys that have few, as many as are kept of the others, and nothing that is not there."""
    wanted, found = reference(spans), stored(telemetry)
    assert set(found) == set(wanted)
    for place, values in wanted.items():
        assert "" in found[place]
        told = found[place] - {""}
        assert told <= values
        short = {value for value in values if len(value) <= 200}
        assert told == short if len(short) <= 10 else len(told) >= min(len(short), VALUES_MAX)


def test_all_keys_and_the_first_values_by_the_day(tmp_path: Path) -> None:
    first, second = spans_of(1, 700), spans_of(701, 300)
    with EmbeddedTelemetry.open(make_tables(tmp_path), LIMITS) as telemetry:
        put(telemetry, first)
        check(telemetry, first)
        days = telemetry.query("SELECT uniqExact(day_ms) AS n, max(value) AS v FROM span_words").to_pylist()
        assert days[0]["n"] == 2
        of_users = telemetry.query(
            "SELECT max(n) AS n FROM (SELECT countIf(value <> '') AS n FROM span_words FINAL WHERE key = 'user'"
            " GROUP BY day_ms, service_name)"
        )
        assert of_users["n"].to_pylist() == [VALUES_MAX]
    with EmbeddedTelemetry.open(tmp_path, LIMITS) as telemetry:  # it remembers nothing, and writes nothing twice
        put(telemetry, [*first, *second])
        check(telemetry, [*first, *second])


def test_who_types_is_offered_what_the_newest_spans_do_not_have(
    telemetry: EmbeddedTelemetry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sample is one span, of one service: keys and values of the others are known all the same."""
    spans = [
        *spans_of(1, 300),
        Made(1000, 1000, service="cart", at_ms=3_590_000, attributes={"newest": "yes", "http.method": "GET"}),
    ]
    put(telemetry, spans)
    monkeypatch.setattr(completion, "SAMPLE_SPANS", 1)
    reads = TraceReads(telemetry, clock_s=lambda: 0.0)
    counts = {one.text: one.spans_count for one in reads.attribute_keys(FROM_MS, TO_MS).found}
    assert set(counts) == {key for _, key in reference(spans)} | {"service.name"}
    assert (counts["newest"], counts["only.zoo"]) == (1, 0)
    of_zoo = {one.text for one in reads.attribute_keys(FROM_MS, TO_MS, "zoo").found}
    assert of_zoo == {"http.method", "user", "long", "only.zoo", "service.name"}
    methods = [(one.text, one.spans_count) for one in reads.attribute_values("http.method", FROM_MS, TO_MS).found]
    assert methods == [("GET", 1), ("POST", 0)]
    assert [one.text for one in reads.attribute_values("http.method", FROM_MS, TO_MS, prefix="P").found] == ["POST"]
    assert [one.text for one in reads.attribute_values("service.name", FROM_MS, TO_MS, "zoo").found] == ["zoo"]
    before = reads.attribute_keys(FROM_MS - 30 * DAY_MS, FROM_MS - 20 * DAY_MS)
    assert before.found == ()


def test_what_is_private_or_left_out_is_not_written_down(tmp_path: Path) -> None:
    intake = Intake(
        masking=Masking(deny=("user",), patterns=(r"\bsecret-\d+\b",)),
        sampling=SamplingRules(one_in=10**9, keep_errors=True),
    )
    with EmbeddedTelemetry.open(make_tables(tmp_path), LIMITS, intake=intake) as telemetry:
        kept = Made(1, 1, status="error", attributes={"user": "ann", "note": "it is secret-12"})
        put(telemetry, [kept, Made(2, 2, attributes={"dropped": "x"})])
        assert stored(telemetry) == {("shop", "note"): {"", "it is ***"}}


@pytest.mark.parametrize("is_stored", [True, False])
def test_what_was_refused_is_written_down_later(
    telemetry: EmbeddedTelemetry, monkeypatch: pytest.MonkeyPatch, is_stored: bool
) -> None:
    real: Callable[..., object] = EmbeddedEngine.write
    refusals = [2]

    def write(self: EmbeddedEngine, sql: str, *rest: object) -> object:
        if sql.startswith("INSERT INTO span_words") and refusals[0] > 0:
            refusals[0] -= 1
            if is_stored:
                real(self, sql, *rest)
            raise EngineRefused("no room", code=243)
        return real(self, sql, *rest)

    monkeypatch.setattr(EmbeddedEngine, "write", write)
    spans = spans_of(1, 60)
    put(telemetry, spans)
    assert refusals == [0]
    check(telemetry, spans)
    assert telemetry.query("SELECT count() AS n FROM spans")["n"].to_pylist() == [60]
