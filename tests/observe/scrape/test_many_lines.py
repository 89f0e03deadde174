"""Times and long decimals of many lines at a time are what Python reads of each; nonsense is said as ever."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.model.errors import InputError
from trimtab.observe.scrape.exposition import Exposition, read

pytestmark = pytest.mark.slow

SEED = np.zeros(4, np.uint64)
DECIMAL = st.from_regex(r"\A-?[0-9]{0,22}\.?[0-9]{0,22}([eE][+-]?[0-9]{0,3})?\Z")
VALUE = (
    DECIMAL
    | st.floats().map(repr)
    | st.sampled_from(["NaN", "+Inf", "-Inf", "0.1", "-.5", "5.", ".", "-", "1e", "1_0"])
)
TIME = st.integers(-(1 << 63), 1 << 63).map(str) | DECIMAL | st.floats(-1e12, 1e12).map(repr) | st.just("+12")


def exposition(lines: list[str], *, is_openmetrics: bool = False) -> Exposition:
    text = "".join(f"{line}\n" for line in lines) + "# EOF\n" * is_openmetrics
    return read(
        bytearray(text.encode()), SEED, 7, is_openmetrics=is_openmetrics, honor_timestamps=True, rows_max=10_000
    )


def number(text: str) -> float | None:
    try:
        return None if "_" in text or not text else float(text)
    except ValueError:
        return None


def time_ms(text: str, *, is_openmetrics: bool) -> int | None:
    try:
        at_ms = round(float(text) * 1000) if is_openmetrics else int(text)
    except (ValueError, OverflowError):
        return None
    return at_ms if -(1 << 62) < at_ms < 1 << 62 else None


@settings(max_examples=80, deadline=None)
@given(values=st.lists(VALUE.filter(lambda text: number(text) is not None), min_size=1, max_size=12), other=VALUE)
def test_values(values: list[str], other: str) -> None:
    some = [*values, *(["0.30000000000000004"] * 8)]
    found = exposition([f"a{row} {text}" for row, text in enumerate(some)])
    assert found.values.view(np.int64).tolist() == np.array([float(text) for text in some]).view(np.int64).tolist()
    lines = [f"a{row} {text}" for row, text in enumerate([*some, other])]
    if number(other) is None and other:
        with pytest.raises(InputError):
            exposition(lines)
    elif other:
        assert np.array(exposition(lines).values[-1]).tobytes() == np.array(float(other)).tobytes()


@settings(max_examples=80, deadline=None)
@given(times=st.lists(TIME.filter(bool), min_size=1, max_size=12), is_openmetrics=st.booleans())
def test_times(times: list[str], is_openmetrics: bool) -> None:
    wanted = [time_ms(text, is_openmetrics=is_openmetrics) for text in times]
    lines = [f"a{row} 1 {text}" for row, text in enumerate(times)]
    if None in wanted:
        with pytest.raises(InputError):
            exposition(lines, is_openmetrics=is_openmetrics)
        return
    found = exposition([*lines, "b 1"], is_openmetrics=is_openmetrics)
    assert found.at_ms.tolist() == [*wanted, 7]
    assert found.has_time.tolist() == [*[True] * len(wanted), False]
