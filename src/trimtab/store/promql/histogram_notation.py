"""Native histograms as text, as Prometheus' test scripts write them: `{{schema:1 sum:3 count:22 buckets:[5 10 7]}}`."""

from __future__ import annotations

import math
import re

from trimtab.model.errors import InputError
from trimtab.store.promql.histogram import CounterResetHint, FloatHistogram
from trimtab.store.promql.histogram_buckets import negative_buckets, positive_buckets
from trimtab.store.promql.numbers import written

_HINTS: dict[str, CounterResetHint] = {hint: hint for hint in ("unknown", "reset", "not_reset", "gauge")}
_PART = re.compile(r"([a-z_]+):(\[[^\]]*\]|[^\s\[\]]+)")
_KEYS = frozenset(
    "schema sum count z_bucket z_bucket_w custom_values counter_reset_hint buckets offset n_buckets n_offset".split()  # noqa: SIM905
)


def histogram_of(text: str) -> FloatHistogram:
    """The histogram that `{{…}}` writes.

    >>> histogram_of("{{schema:1 sum:3 count:22 offset:-1 buckets:[5 10 7]}}").positive
    {-1: 5.0, 0: 10.0, 1: 7.0}
    """
    body = text.strip().removeprefix("{{").removesuffix("}}").strip()
    parts: dict[str, str] = {}
    at = 0
    for match in _PART.finditer(body):
        if body[at : match.start()].strip() or match[1] not in _KEYS:
            break
        if match[1] in parts:
            raise InputError(f'duplicate key "{match[1]}" in histogram {text}', text=text)
        parts[match[1]] = match[2]
        at = match.end()
    if body[at:].strip():
        raise InputError(f"not a histogram: {text} has {body[at:].strip()!r}", text=text)
    hint = parts.get("counter_reset_hint", "unknown")
    if hint not in _HINTS:
        raise InputError(f"{hint!r} is no counter_reset_hint: {', '.join(_HINTS)} are", text=text)
    try:
        positive, negative = _numbers(parts.get("buckets", "[]")), _numbers(parts.get("n_buckets", "[]"))
        return FloatHistogram(
            counter_reset_hint=_HINTS[hint],
            schema=int(parts.get("schema", "0")),
            zero_threshold=float(parts.get("z_bucket_w", "0")),
            zero_count=float(parts.get("z_bucket", "0")),
            count=float(parts.get("count", "0")),
            sum=float(parts.get("sum", "0")),
            positive_spans=((int(parts.get("offset", "0")), len(positive)),) if positive else (),
            negative_spans=((int(parts.get("n_offset", "0")), len(negative)),) if negative else (),
            positive_buckets=positive,
            negative_buckets=negative,
            custom_values=_numbers(parts.get("custom_values", "[]")),
        )
    except ValueError as broken:
        raise InputError(f"not a histogram: {text}: {broken}", text=text) from broken


def has_hint(text: str) -> bool:
    """Whether the text names a hint; a test script that names none accepts any."""
    return "counter_reset_hint:" in text


def text_of(histogram: FloatHistogram) -> str:
    """The histogram as `{{…}}`.

    >>> text_of(histogram_of("{{schema:1 sum:3 count:22 buckets:[5 0 7]}}"))
    '{{schema:1 count:22 sum:3 buckets:[5 0 7]}}'
    """
    parts = [
        f"{key}:{number_text(value)}"
        for key, value in (
            ("schema", histogram.schema),
            ("count", histogram.count),
            ("sum", histogram.sum),
            ("z_bucket", histogram.zero_count),
            ("z_bucket_w", histogram.zero_threshold),
        )
        if value != 0
    ]
    if histogram.has_custom_buckets:
        parts.append(f"custom_values:[{' '.join(map(number_text, histogram.custom_values))}]")
    if histogram.counter_reset_hint != "unknown":
        parts.append(f"counter_reset_hint:{histogram.counter_reset_hint}")
    for prefix, counts in (("", histogram.positive), ("n_", histogram.negative)):
        filled = [index for index, count in counts.items() if count != 0]
        if filled:
            if filled[0] != 0:
                parts.append(f"{prefix}offset:{filled[0]}")
            row = [number_text(counts.get(index, 0.0)) for index in range(filled[0], filled[-1] + 1)]
            parts.append(f"{prefix}buckets:[{' '.join(row)}]")
    return "{{" + " ".join(parts) + "}}"


def display_of(histogram: FloatHistogram) -> str:
    """The histogram as Prometheus shows it, with the bounds of its buckets.

    >>> display_of(histogram_of("{{sum:3 count:22 z_bucket:2 z_bucket_w:0.5 buckets:[5 10] n_buckets:[1]}}"))
    '{count:22, sum:3, [-1,-0.5):1, [-0.5,0.5]:2, (0.5,1]:5, (1,2]:10}'
    """
    parts = [f"count:{written(histogram.count)}", f"sum:{written(histogram.sum)}"]
    zero = histogram.zero_threshold
    parts += [
        f"[{written(bucket.lower)},{written(bucket.upper)}):{written(bucket.population)}"
        for bucket in reversed(negative_buckets(histogram))
        if bucket.population
    ]
    if histogram.zero_count:
        parts.append(f"[{written(-zero)},{written(zero)}]:{written(histogram.zero_count)}")
    parts += [
        f"{'[' if bucket.lower == -math.inf else '('}{written(bucket.lower)},{written(bucket.upper)}]:"
        f"{written(bucket.population)}"
        for bucket in positive_buckets(histogram)
        if bucket.population
    ]
    return "{" + ", ".join(parts) + "}"


def number_text(value: float) -> str:
    """A number as short as it can be, with Prometheus' names for what is no number.

    >>> number_text(3.0), number_text(0.1), number_text(float("inf")), number_text(float("nan"))
    ('3', '0.1', '+Inf', 'NaN')
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(number) for number in text.strip("[]").split())
