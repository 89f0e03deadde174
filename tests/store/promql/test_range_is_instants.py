"""A range query gives at each step what an instant query gives there: kernels walk over steps, and keep their way."""

from __future__ import annotations

import math
import os
import random

import pytest

from trimtab.store.metrics.block import Labels
from trimtab.store.promql.answer import Answer
from trimtab.store.promql.errors import QueryError
from trimtab.store.promql.evaluate import evaluate_instant, evaluate_range
from trimtab.store.promql.histogram import FloatHistogram
from trimtab.store.promql.options import Options
from trimtab.store.promql.script import Load, commands_of
from trimtab.store.promql.script_compare import Value, almost_equal, almost_equal_histograms, labels_text
from trimtab.store.promql.script_source import ScriptSource

CASES = [(0, True), (1, False), *([(0, False), (1, True)] if os.environ.get("TRIMTAB_SOAK") else [])]

OVER_TIME = (
    *("rate", "increase", "delta", "irate", "idelta", "resets", "changes", "deriv", "mad_over_time"),
    *(f"{name}_over_time" for name in ("sum", "avg", "count", "min", "max", "stddev", "stdvar", "last", "first")),
    *(f"{name}_over_time" for name in ("present", "ts_of_min", "ts_of_max", "ts_of_first", "ts_of_last", "absent")),
)
AGGREGATIONS = ("sum", "avg", "count", "min", "max", "group", "stddev", "stdvar", "topk(1,", "quantile(0.3,")
QUERIES = (
    *("m", "{__name__=~'.+'}", "m offset 90s", "m @ 130", "m offset -45s", "-m", "m or h", "h", "h_bucket", "h * 2"),
    *(f"{name}(m[2m])" for name in OVER_TIME),
    *(f"{name}(h[3m])" for name in OVER_TIME),
    *(f"{name}(mixed[90s])" for name in OVER_TIME),
    *(f"{name}(m[3m:20s])" for name in OVER_TIME),
    *(f"{name}(rate(h[1m])[2m:30s])" for name in ("sum_over_time", "last_over_time", "rate")),
    *(f"{name.removesuffix('(')}{'' if name.endswith(',') else '('}m)" for name in AGGREGATIONS),
    *(f"{name.removesuffix('(')}{'' if name.endswith(',') else '('}{{job='a'}}) by (x)" for name in AGGREGATIONS),
    *("sum(h)", "avg(h) by (x)", "histogram_quantile(0.7, h)", "histogram_quantile(0.7, h_bucket)"),
    *("histogram_fraction(0, 3, h)", "histogram_fraction(0, 3, h_bucket)", "histogram_avg(rate(h[2m]))"),
    *("quantile_over_time(0.4, m[2m])", "predict_linear(m[2m], 60)", "double_exponential_smoothing(m[2m], 0.4, 0.6)"),
    *("m + on(x) group_left m{x='1'}", "m / ignoring(job) m", "m > 4", "m > bool 4", "4 < m", "m == m", "h + h"),
    *("m and on(x) m{job='a'}", "m unless m > 5", "m or vector(1)", "h == h", "mixed * mixed", "mixed + 1"),
    *("time() - m", "timestamp(m)", "absent(m > 8)", "clamp(m, 2, 4)", "round(m, 0.5)", "scalar(m{job='a',x='1'})"),
    *("label_replace(m, 'y', '$1', 'x', '(.*)')", "count_values('v', m)", "limitk(2, m)", "limit_ratio(0.5, m)"),
    *(f"{name}({one}[2m] anchored)" for name in ("rate", "increase", "delta", "changes", "resets") for one in "mh"),
    *(f"{name}({one}[2m] smoothed)" for name in ("rate", "increase", "delta") for one in ("m", "h", "mixed")),
    *("m smoothed", "h smoothed", "mixed smoothed", "m smoothed offset 20s", "m + on(x,job) fill(3) h_bucket"),
    *("sum_over_time(m[1m+30s:10s*2] offset (5s+10s))",),
    *("sort(m)", "hour(m * 3600)", "vector(time())", "info(m)"),
)


def script(seed: int) -> str:
    """Samples with gaps, ends, resets; numbers, histograms, and both in one series."""
    pick = random.Random(seed)

    def numbers() -> str:
        return " ".join(
            pick.choice(["_", "_x2", "stale", "NaN", str(pick.randint(0, 9)), f"{pick.randint(0, 9)}+1x3"])
            for _ in range(14)
        )

    def histograms() -> str:
        return " ".join(
            pick.choice(
                ["_", "stale"]
                + 4 * [f"{{{{schema:{pick.choice([0, 0, 0, 1])} count:{n} sum:{n} buckets:[{n} 0 {n}]}}}}x1"]
            )
            for n in pick.choices(range(1, 9), k=14)
        )

    lines = ["load 15s"]
    lines += [f"  m{{job='{job}',x='{x}',instance='{x}'}} {numbers()}" for job in "ab" for x in "12"]
    lines += [f"  h{{job='a',x='{x}'}} {histograms()}" for x in "12"]
    lines += [f"  mixed{{job='{job}'}} {numbers()} {histograms()} {numbers()}" for job in "ab"]
    lines += [f"  h_bucket{{le='{le}'}} {numbers()}" for le in ("1", "2", "+Inf")]
    lines += [f"  target_info{{job='a',instance='1',version='{v}'}} {'_x20 ' * v}1x9 stale" for v in (0, 1)]
    return "\n".join(lines) + "\n"


def points(answer: Answer, step: int) -> dict[Labels, Value]:
    found: dict[Labels, Value] = {}
    for row in range(len(answer.values)):
        if answer.present[row, step]:
            histogram = None if answer.histograms is None else answer.histograms[row, step]
            labels = answer.labels[row] if answer.kind != "scalar" else ()
            found[labels] = histogram if isinstance(histogram, FloatHistogram) else float(answer.values[row, step])
    return found


def same(one: Value, other: Value) -> bool:
    if isinstance(one, FloatHistogram) and isinstance(other, FloatHistogram):
        return almost_equal_histograms(one, other, with_hint=True)
    if isinstance(one, float) and isinstance(other, float):
        # what rounding left of zero is zero: sums go on from step to step
        return almost_equal(one, other) or (math.isfinite(one - other) and abs(one - other) < 1e-9)
    return False


def first_failure(source: ScriptSource, query: str, options: Options) -> str | None:
    """What the first instant query says that fails."""
    for at_ms in range(7_000, 700_000, 11_000):
        try:
            evaluate_instant(source, query, at_ms, options)
        except QueryError as failed:
            return failed.message
    return None


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "is_left_open"), CASES)
def test_a_range_is_its_instants(seed: int, is_left_open: bool) -> None:
    source = ScriptSource()
    (load,) = commands_of(script(seed))
    assert isinstance(load, Load)
    source.load(load)
    options = Options(is_left_open=is_left_open, lookback_ms=50_000)
    failed_count = 0
    for query in QUERIES:
        try:
            whole = evaluate_range(source, query, 7_000, 700_000, 11_000, options)
        except QueryError as failed:
            failed_count += 1
            message = first_failure(source, query, options)
            if message is None or message.split("{")[0] != failed.message.split("{")[0]:
                pytest.fail(f"{query}: the range says {failed.message}, its instants say {message}")
            continue
        for step, at_ms in enumerate(whole.at_ms.tolist()):
            expected = points(evaluate_instant(source, query, at_ms, options), 0)
            seen = points(whole, step)
            where = f"seed {seed}: {query} at {at_ms} ms"
            assert sorted(map(labels_text, expected)) == sorted(map(labels_text, seen)), where
            for labels, value in expected.items():
                assert same(value, seen[labels]), f"{where}: {labels_text(labels)} {value} {seen[labels]}"
    assert failed_count < len(QUERIES) / 10
