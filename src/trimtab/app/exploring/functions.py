"""Every word of PromQL with how it is called and one line of help: what the Explorer page completes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trimtab.store.promql.lexer import AGGREGATORS
from trimtab.store.promql.signatures import SIGNATURES, Signature

HELP: Mapping[str, str] = {
    "abs": "absolute values",
    "absent": "1 where the vector is empty",
    "absent_over_time": "1 where no sample lies in the range",
    "acos": "arc cosine, in radians",
    "acosh": "inverse hyperbolic cosine",
    "asin": "arc sine, in radians",
    "asinh": "inverse hyperbolic sine",
    "atan": "arc tangent, in radians",
    "atanh": "inverse hyperbolic tangent",
    "avg_over_time": "mean of the samples in the range",
    "ceil": "rounded up to whole numbers",
    "changes": "how often the value changed in the range",
    "clamp": "values kept between a least and a greatest one",
    "clamp_max": "values kept below a greatest one",
    "clamp_min": "values kept above a least one",
    "cos": "cosine of radians",
    "cosh": "hyperbolic cosine",
    "count_over_time": "number of samples in the range",
    "day_of_month": "day of the month, 1 to 31, in UTC",
    "day_of_week": "day of the week, 0 is Sunday, in UTC",
    "day_of_year": "day of the year, 1 to 366, in UTC",
    "days_in_month": "length of the month in days",
    "deg": "radians as degrees",
    "delta": "difference between first and last value, for gauges",
    "deriv": "slope per second by linear regression, for gauges",
    "double_exponential_smoothing": "smoothed value with its trend, for gauges",
    "end": "the end of the query's range",
    "exp": "e to the power of the value",
    "first_over_time": "oldest sample of the range",
    "floor": "rounded down to whole numbers",
    "histogram_avg": "mean of what a native histogram observed",
    "histogram_count": "number of observations in a native histogram",
    "histogram_fraction": "share of observations between two values",
    "histogram_quantile": "quantile (0 to 1) of a histogram",
    "histogram_quantiles": "several quantiles of a histogram, each with a label",
    "histogram_stddev": "standard deviation of observations",
    "histogram_stdvar": "variance of observations",
    "histogram_sum": "sum of observations in a native histogram",
    "holt_winters": "the old name of double_exponential_smoothing",
    "hour": "hour of the day, 0 to 23, in UTC",
    "idelta": "difference of the last two samples, for gauges",
    "increase": "growth of a counter over the range",
    "info": "labels of info metrics (target_info) added to series",
    "irate": "growth per second of a counter, by its last two samples",
    "label_join": "a label made of the values of others",
    "label_replace": "a label made from another one by a regular expression",
    "last_over_time": "newest sample of the range",
    "ln": "natural logarithm",
    "log10": "decimal logarithm",
    "log2": "binary logarithm",
    "mad_over_time": "median absolute deviation in the range",
    "max_of": "the greater of two numbers",
    "max_over_time": "greatest sample of the range",
    "min_of": "the smaller of two numbers",
    "min_over_time": "least sample of the range",
    "minute": "minute of the hour, 0 to 59, in UTC",
    "month": "month of the year, 1 to 12, in UTC",
    "pi": "3.14159…",
    "predict_linear": "value in so many seconds, by linear regression",
    "present_over_time": "1 for each series with a sample in the range",
    "quantile_over_time": "quantile (0 to 1) of the samples in the range",
    "rad": "degrees as radians",
    "range": "the length of the query's range",
    "rate": "growth per second of a counter over the range",
    "resets": "how often a counter began anew",
    "round": "rounded to the nearest multiple",
    "scalar": "the value of the only series, as a number",
    "sgn": "-1, 0 or 1 by the sign",
    "sin": "sine of radians",
    "sinh": "hyperbolic sine",
    "sort": "the least first, in a table",
    "sort_by_label": "in the order of labels",
    "sort_by_label_desc": "in the order of labels, the last first",
    "sort_desc": "the greatest first, in a table",
    "sqrt": "square root",
    "start": "the start of the query's range",
    "start_timestamp": "since when the counter counts",
    "stddev_over_time": "standard deviation in the range",
    "stdvar_over_time": "variance in the range",
    "step": "the step of the query",
    "sum_over_time": "sum of the samples in the range",
    "tan": "tangent of radians",
    "tanh": "hyperbolic tangent",
    "time": "Unix seconds of the moment that is evaluated",
    "timestamp": "Unix seconds of each sample",
    "ts_of_first_over_time": "time of the oldest sample in the range",
    "ts_of_last_over_time": "time of the newest sample in the range",
    "ts_of_max_over_time": "time of the greatest sample in the range",
    "ts_of_min_over_time": "time of the least sample in the range",
    "vector": "a number as a series without labels",
    "year": "year, in UTC",
}
AGGREGATION_HELP: Mapping[str, tuple[str, str]] = {
    "sum": ("", "sum of the series"),
    "avg": ("", "mean of the series"),
    "count": ("", "number of series"),
    "min": ("", "least value"),
    "max": ("", "greatest value"),
    "group": ("", "1 for each group"),
    "stddev": ("", "standard deviation between series"),
    "stdvar": ("", "variance between series"),
    "topk": ("k, ", "the k greatest series"),
    "bottomk": ("k, ", "the k smallest series"),
    "count_values": ('"label", ', "how many series have each value"),
    "quantile": ("φ, ", "quantile (0 to 1) between series"),
    "limitk": ("k, ", "any k series"),
    "limit_ratio": ("share, ", "any share of the series"),
}
"""What stands before the vector, and what it gives."""
KEYWORDS: Mapping[str, str] = {
    "by": "groups by these labels",
    "without": "groups by all labels but these",
    "on": "matches series by these labels",
    "ignoring": "matches series by all labels but these",
    "group_left": "many series on the left to one on the right",
    "group_right": "one series on the left to many on the right",
    "offset": "looks back from an earlier moment",
    "bool": "0 or 1 instead of leaving series out",
    "and": "series that are on both sides",
    "or": "series of the left, then those of the right",
    "unless": "series that are not on the right",
}
_SHOWN = {"vector": "v", "matrix": "v[5m]", "scalar": "number", "string": '"text"', "none": ""}


@dataclass(frozen=True, slots=True)
class Word:
    """One suggestion. `kind`: function, aggregation, keyword."""

    name: str
    kind: str
    called: str
    help: str


def words() -> Sequence[Word]:
    """All of them, by name.

    >>> [word.called for word in words() if word.name in ("rate", "topk", "round", "by")]
    ['by (…)', 'rate(v[5m])', 'round(v, number?)', 'topk(k, v)']
    """
    found = [Word(name, "function", _called(SIGNATURES[name]), text) for name, text in HELP.items()]
    found += [
        Word(name, "aggregation", f"{name}({AGGREGATION_HELP[name][0]}v)", AGGREGATION_HELP[name][1])
        for name in AGGREGATORS
    ]
    grouped = ("by", "without", "on", "ignoring", "group_left", "group_right")
    found += [
        Word(name, "keyword", f"{name} (…)" if name in grouped else name, text) for name, text in KEYWORDS.items()
    ]
    return sorted(found, key=lambda word: word.name)


def _called(one: Signature) -> str:
    arguments = [_SHOWN[one.type_of(index)] for index in range(one.count_min)]
    if one.count_max is None:
        arguments.append(f"{_SHOWN[one.takes[-1]]}…")
    elif one.count_max > one.count_min:
        arguments.append(f"{_SHOWN[one.takes[-1]]}?")
    return f"{one.name}({', '.join(arguments)})"
