"""Dates of ISO 8601 and milliseconds, against Python's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.observe.elasticsearch.date_kernels import NO_DATE, moment_ns

BETWEEN = datetime(1680, 1, 1), datetime(2260, 1, 1)  # noqa: DTZ001 - a zone is drawn, too
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read(text: str) -> int:
    body = np.frombuffer(bytearray(text.encode()), np.uint8)
    return int(moment_ns(body, 0, len(body)))


@settings(max_examples=500, deadline=None)
@given(st.datetimes(*BETWEEN), st.integers(-18 * 60, 18 * 60))
def test_as_python_says(moment: datetime, minutes: int) -> None:
    zoned = moment.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert read(zoned.isoformat()) == (zoned - EPOCH) // timedelta(microseconds=1) * 1000


@pytest.mark.parametrize(
    ("text", "moment_ns_"),
    [
        ("2026-05-04T10:11:12.345678912Z", 1_777_889_472_345_678_912),
        ("2026-05-04T10:11:12,3456789123Z", 1_777_889_472_345_678_912),
        ("2026-05-04 10:11:12", 1_777_889_472_000_000_000),
        ("2026-05-04T10:11Z", 1_777_889_460_000_000_000),
        ("2026-05-04T10Z", 1_777_888_800_000_000_000),
        ("2026-05-04", 1_777_852_800_000_000_000),
        ("2026-05", 1_777_593_600_000_000_000),
        ("2026-05-04T12:11:12+0200", 1_777_889_472_000_000_000),
        ("2026-05-04T12:11:12+02", 1_777_889_472_000_000_000),
        ("1777889472345", 1_777_889_472_345_000_000),
        ("1777889472345.678912", 1_777_889_472_345_678_912),
        ("-1", -1_000_000),
        ("0", 0),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000_000_000),
    ],
)
def test_forms(text: str, moment_ns_: int) -> None:
    assert read(text) == moment_ns_


@pytest.mark.parametrize(
    "text",
    [
        "", "-", "x", "2026-13-01", "2026-02-29", "2026-00-10", "2026-05-04T24:00:00Z", "2026-05-04T10:60:00Z",
        "2026-5-4",
        "2026-05-04T10:11:12.", "2026-05-04T10:11:12Zx", "2026-05-04T10:11:12+25:00", "1777889472345x", "1e3",
        "99999999999999999", "1500-01-01", "2300-01-01", "2026-05-04T", "12.", "May 4, 2026",
    ],
)  # fmt: skip
def test_what_is_no_date(text: str) -> None:
    assert read(text) == NO_DATE
