"""Histories as people have them: `TimeSeries`, pairs of times and values, plain lists, a pandas Series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from trimtab.model.errors import InputError
from trimtab.stats.time_series import GRID_POINTS_MAX, TimeSeries

POINTS_MIN = 24
POINTS_MAX = 5_000_000
SERIES_MAX = 10_000
VALUE_MAX = 1e100
"""Larger numbers are refused: squares of them, which every variance needs, are no longer numbers."""
SECONDS_LIKELY = (950_000_000, 4_100_000_000)
"""Whole numbers of this size are seconds of 2000 to 2099, and not milliseconds of January 1970."""


@runtime_checkable
class Indexed(Protocol):
    """What a pandas Series has, as far as it is used here: its times and its values."""

    @property
    def index(self) -> Any: ...
    def to_numpy(self) -> Any: ...


History = TimeSeries | Indexed | Sequence[float] | tuple[Sequence[Any], Sequence[float]]
"""One series. Times are Unix milliseconds, ISO 8601 texts, `datetime`s, dates or numpy's `datetime64`;
those that name no zone are UTC."""


def histories_of(metric_history: Mapping[str, History], step_ms: int, end_ms: int) -> dict[str, TimeSeries]:
    """Every series by its name. A plain list ends at `end_ms` with values `step_ms` apart.

    InputError names the series, and what is wrong with it.

    >>> made = histories_of({"cpu": [float(at % 24) for at in range(48)]}, 3_600_000, 48 * 3_600_000)["cpu"]
    >>> made.at_ms[:2].tolist(), made.step_ms
    ([3600000, 7200000], 3600000)
    >>> histories_of({"cpu": ([1, 2], [1.0])}, 3_600_000, 0)
    Traceback (most recent call last):
    trimtab.model.errors.InputError: metric_history['cpu']: 2 times and 1 values
    """
    if not isinstance(metric_history, Mapping):
        raise InputError(
            f"metric_history is a mapping of names to series, not {type(metric_history).__name__}",
            field="metric_history",
        )
    if not 0 < len(metric_history) <= SERIES_MAX:
        raise InputError(
            f"metric_history has 1 to {SERIES_MAX:,} series, not {len(metric_history)}", field="metric_history"
        )
    return {str(name): history_of(str(name), one, step_ms, end_ms) for name, one in metric_history.items()}


def history_of(name: str, one: History, step_ms: int, end_ms: int) -> TimeSeries:
    """One series, in order of time; see `histories_of`."""
    if isinstance(one, TimeSeries):
        return _checked(name, one.at_ms, one.values, one.unit)
    if isinstance(one, Indexed) and not callable(one.index):  # a list has a method of that name
        if np.issubdtype(np.asarray(one.index).dtype, np.number):
            raise _wrong(name, "its index holds numbers, not times; a list of its values is taken as one each step")
        return _checked(name, _times(name, one.index), _numbers(name, one.to_numpy()))
    if isinstance(one, tuple) and len(one) == 2:
        return _checked(name, _times(name, one[0]), _numbers(name, one[1]))
    values = _numbers(name, one)
    at_ms = end_ms - step_ms * np.arange(len(values) - 1, -1, -1, dtype=np.int64)
    return _checked(name, at_ms, values)


def _checked(name: str, at_ms: NDArray[np.int64], values: NDArray[np.float64], unit: str = "") -> TimeSeries:
    if len(at_ms) != len(values):
        raise _wrong(name, f"{len(at_ms)} times and {len(values)} values")
    if len(values) > POINTS_MAX:
        raise _wrong(name, f"{len(values):,} values, the limit is {POINTS_MAX:,}")
    if np.isinf(values).any():
        place = int(np.isinf(values).argmax())
        raise _wrong(name, f"value {place} is infinite; NaN is what is missing")
    if (large := np.abs(values) > VALUE_MAX).any():
        place = int(large.argmax())
        raise _wrong(name, f"value {place} is {values[place]:g}; the limit is ±{VALUE_MAX:g}")
    order = np.argsort(at_ms, kind="stable")
    at_ms, values = at_ms[order], values[order]
    same = np.flatnonzero(np.diff(at_ms) == 0)
    if same.size:
        raise _wrong(name, f"two values at {np.datetime64(int(at_ms[same[0]]), 'ms')}Z")
    known = int(np.isfinite(values).sum())
    if known < POINTS_MIN:
        raise _wrong(name, f"{known} values that are known; a forecast needs {POINTS_MIN}")
    made = TimeSeries(name, at_ms, values, unit)
    points = (int(at_ms[-1]) - int(at_ms[0])) // max(made.step_ms, 1)
    if points >= GRID_POINTS_MAX:
        raise _wrong(
            name,
            f"from its first time to its last there are {points:,} steps of {made.step_ms / 1000:g} s, the limit is "
            f"{GRID_POINTS_MAX:,}: is a time wrong?",
        )
    return made


def _numbers(name: str, values: Any) -> NDArray[np.float64]:
    if isinstance(values, str | bytes | Mapping):
        raise _wrong(name, f"a list of numbers is wanted, not {type(values).__name__}")
    try:
        made = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise _wrong(name, f"not all of its values are numbers: {error}") from error
    if made.ndim != 1:
        raise _wrong(name, f"a list of numbers is wanted, not an array of shape {made.shape}")
    return made


def _times(name: str, times: Any) -> NDArray[np.int64]:
    given = np.asarray(times)
    try:
        if given.ndim != 1:
            raise ValueError(f"an array of shape {given.shape}")
        if np.issubdtype(given.dtype, np.number):
            if not np.isfinite(given).all():
                raise ValueError("one that is no number")
            if given.size and SECONDS_LIKELY[0] <= given.min() and given.max() <= SECONDS_LIKELY[1]:
                raise ValueError(f"{given[0]} is a number of seconds; Unix milliseconds are wanted")
            return given.astype(np.int64)
        if given.dtype == object:
            return np.array([_moment_ms(one) for one in given], np.int64)
        if given.dtype.kind in "US":
            return np.array([_moment_ms(str(one)) for one in given.tolist()], np.int64)
        made = given.astype("datetime64[ms]")
        if np.isnat(made).any():
            raise ValueError("one that is missing")
        return made.astype(np.int64)
    except (TypeError, ValueError, OverflowError) as error:
        raise _wrong(name, f"its times cannot be read: {error}") from error


def _moment_ms(moment: Any) -> int:
    from datetime import UTC, date, datetime

    made = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    if not isinstance(made, datetime):
        if isinstance(made, int):
            return made
        if isinstance(made, date):
            return round(datetime(made.year, made.month, made.day, tzinfo=UTC).timestamp() * 1000)
        raise TypeError(f"{moment!r} is no time")
    return round((made if made.tzinfo is not None else made.replace(tzinfo=UTC)).timestamp() * 1000)


def _wrong(name: str, what: str) -> InputError:
    return InputError(f"metric_history[{name!r}]: {what}", field=name)
