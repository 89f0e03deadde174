"""Every function of PromQL: what it takes and what it gives.

One row a function: types of its arguments (`v` instant vector, `m` range vector, `s` scalar, `t` string), and of its
result. With `variadic`, the last argument may be left out, or stand up to so many times (-1: any number of times).
"""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.store.promql.lexer import words
from trimtab.store.promql.syntax import ValueType

_TYPES: dict[str, ValueType] = {"v": "vector", "m": "matrix", "s": "scalar", "t": "string"}

ELEMENTWISE = words(
    "abs acos acosh asin asinh atan atanh ceil cos cosh deg exp floor ln log10 log2 rad sgn sin sinh sqrt tan tanh"
)
DATES = words("days_in_month day_of_month day_of_week day_of_year hour minute month year")
RANGES = words(
    "absent_over_time avg_over_time changes count_over_time delta deriv first_over_time idelta increase irate "
    "last_over_time mad_over_time max_over_time min_over_time present_over_time rate resets stddev_over_time "
    "stdvar_over_time sum_over_time ts_of_first_over_time ts_of_last_over_time ts_of_max_over_time ts_of_min_over_time"
)


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function takes: at least `count_min` arguments, at most `count_max` (None: any number)."""

    name: str
    takes: tuple[ValueType, ...]
    count_min: int
    count_max: int | None
    gives: ValueType

    def type_of(self, index: int) -> ValueType:
        """Type of the argument at an index; the last one is repeated."""
        return self.takes[min(index, len(self.takes) - 1)]


def _signature(name: str, takes: str, gives: str = "v", *, variadic: int = 0) -> tuple[str, Signature]:
    types = tuple(_TYPES[letter] for letter in takes)
    count_min = len(types) - (1 if variadic else 0)
    count_max = None if variadic < 0 else count_min + variadic if variadic else len(types)
    return name, Signature(name, types, count_min, count_max, _TYPES[gives])


SIGNATURES: dict[str, Signature] = dict(
    [
        *(_signature(name, "v") for name in ELEMENTWISE),
        *(_signature(name, "v", variadic=1) for name in DATES),
        *(_signature(name, "m") for name in RANGES),
        _signature("absent", "v"),
        _signature("clamp", "vss"),
        _signature("clamp_max", "vs"),
        _signature("clamp_min", "vs"),
        _signature("double_exponential_smoothing", "mss"),
        _signature("end", "", "s"),
        _signature("histogram_avg", "v"),
        _signature("histogram_count", "v"),
        _signature("histogram_fraction", "ssv"),
        _signature("histogram_quantile", "sv"),
        _signature("histogram_quantiles", "vtss", variadic=9),
        _signature("histogram_stddev", "v"),
        _signature("histogram_stdvar", "v"),
        _signature("histogram_sum", "v"),
        _signature("holt_winters", "mss"),
        _signature("info", "vv", variadic=1),
        _signature("label_join", "vttt", variadic=-1),
        _signature("label_replace", "vtttt"),
        _signature("max_of", "ss", "s"),
        _signature("min_of", "ss", "s"),
        _signature("pi", "", "s"),
        _signature("predict_linear", "ms"),
        _signature("quantile_over_time", "sm"),
        _signature("range", "", "s"),
        _signature("round", "vs", variadic=1),
        _signature("scalar", "v", "s"),
        _signature("sort", "v"),
        _signature("sort_by_label", "vt", variadic=-1),
        _signature("sort_by_label_desc", "vt", variadic=-1),
        _signature("sort_desc", "v"),
        _signature("start", "", "s"),
        _signature("start_timestamp", "v"),
        _signature("step", "", "s"),
        _signature("time", "", "s"),
        _signature("timestamp", "v"),
        _signature("vector", "s"),
    ]
)
