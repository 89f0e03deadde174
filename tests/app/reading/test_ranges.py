"""Ranges as people write them; whatever else is written is refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.app.reading.ranges import RANGE_MS_MAX, RANGE_MS_MIN, Range, parse_range
from trimtab.model.errors import InputError

NOW = 1_700_000_000_000


@pytest.mark.parametrize(
    ("from_text", "to_text", "expected"),
    [
        (None, None, Range(NOW - 3_600_000, NOW, True)),
        ("now-90d", "now", Range(NOW - RANGE_MS_MAX, NOW, True)),
        ("now-2w", "now-1w", Range(NOW - 14 * 86_400_000, NOW - 7 * 86_400_000, False)),
        ("now-90s", None, Range(NOW - 90_000, NOW, True)),
        ("2023-11-14T20:13:20Z", "2023-11-14T23:13:20+01:00", Range(NOW - 7_200_000, NOW, False)),
        (str(NOW - 60_000), str(NOW), Range(NOW - 60_000, NOW, False)),
        ("now-5m", str(NOW + 60_000), Range(NOW - 300_000, NOW + 60_000, False)),
    ],
)
def test_what_people_write(from_text: str | None, to_text: str | None, expected: Range) -> None:
    assert parse_range(from_text, to_text, NOW) == expected


@pytest.mark.parametrize(
    ("from_text", "to_text", "field"),
    [
        ("now", "now", "from"),
        ("now-59s", "now", "from"),
        ("now-91d", "now", "from"),
        ("now", "now-1h", "from"),
        ("yesterday", "now", "from"),
        ("now-1h", "2023-11-14T22:13:20", "to"),
        ("now-1h", "now+1h", "to"),
        ("now-1y", "now", "from"),
        ("now-9999999d", "now", "from"),
        ("now-1h", "9" * 15, "to"),
        ("now-1h", "9" * 16, "to"),
        ("-5", "now", "from"),
        ("9999-12-31T23:59:59Z", "now", "from"),
        ("now-1h", "x" * 100_000, "to"),
        ("now-\u0661h", "now", "from"),
    ],
)
def test_what_is_refused(from_text: str, to_text: str, field: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_range(from_text, to_text, NOW)
    assert caught.value.facts["field"] == field
    assert len(caught.value.message) < 200


@given(
    st.one_of(st.none(), st.text(), st.from_regex(r"now-\d{1,3}[smhdw]")),
    st.one_of(st.none(), st.text(), st.from_regex(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")),
)
def test_anything_is_a_range_or_an_input_error(from_text: str | None, to_text: str | None) -> None:
    try:
        within = parse_range(from_text, to_text, NOW)
    except InputError:
        return
    assert RANGE_MS_MIN <= within.length_ms <= RANGE_MS_MAX
