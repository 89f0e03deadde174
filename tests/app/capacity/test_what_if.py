"""What-ifs in an address: what people write is understood, what cannot be is refused with field, limit and value."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from trimtab.analyze.capacity.growth import GrowthAssumption
from trimtab.analyze.capacity.saturation import saturation
from trimtab.app.capacity.keeper import not_before
from trimtab.app.capacity.resources import RESOURCES, Resource
from trimtab.app.capacity.what_if import what_if_of
from trimtab.model.errors import InputError
from trimtab.stats.time_series import TimeSeries


def resource(name: str) -> Resource:
    return next(one for one in RESOURCES if one.name == name)


@pytest.mark.parametrize(
    ("text", "ratio"), [("+30%", 1.3), (" 30%", 1.3), ("30%", 1.3), ("-20 %", 0.8), ("1.5", 1.5), ("+50", 1.5), ("", 1)]
)
def test_changes_are_read_as_people_write_them(text: str, ratio: float) -> None:
    assert what_if_of({"traffic": text}).growth.load_ratio == pytest.approx(ratio)


@pytest.mark.parametrize(
    ("text", "size"), [("200GB", 200e9), ("1.5TiB", 1.5 * 2**40), ("500", 500), ("-3 MB", -3e6), ("10k", 1e4)]
)
def test_sizes_have_decimal_and_binary_units(text: str, size: float) -> None:
    assert what_if_of({"added": text}).growth.added == pytest.approx(size)


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("traffic", "much", "traffic is a change such as +30% or -20%"),
        ("traffic", "-100%", "between 0.01 and 100.0 times"),
        ("monthly", "+99999%", "monthly is a change"),
        ("nodes", "-1.5", "nodes is a whole number from"),
        ("of", "0", "of is a whole number from 1"),
        ("added", "200 XB", "added is a size such as 200GB"),
        ("begin", "tomorrow", "begin is a date such as 2026-12-24"),
    ],
)
def test_what_cannot_be_is_refused_by_name(field: str, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said.replace("+", r"\+")) as refused:
        what_if_of({field: text})
    assert (refused.value.facts["field"], refused.value.facts["value"]) == (field, text)


def test_more_nodes_go_than_there_are() -> None:
    with pytest.raises(InputError, match="-3 of 2 leave none"):
        what_if_of({"nodes": "-3", "of": "2"})
    assert what_if_of({"nodes": "-1"}).growth.nodes_now == 2


def test_it_is_said_in_words_with_its_day() -> None:
    what = what_if_of({"traffic": "+30%", "monthly": "+5%", "added": "200GB", "on": "/data", "begin": "2026-12-24"})
    assert what.said == "+30% traffic, +5.0% traffic a month, 200GB more on /data, from 2026-12-24"
    assert what.growth.from_ms == dt.datetime(2026, 12, 24, tzinfo=dt.UTC).timestamp() * 1000
    assert what_if_of({}).is_nothing
    assert what_if_of({}).said == ""


def test_nodes_share_processors_and_bytes_are_added_where_it_says() -> None:
    what = what_if_of({"nodes": "-1", "of": "3", "added": "1GB", "on": "/DATA"})
    assert what.of(resource("cpu"), "db1").nodes == -1
    assert what.of(resource("connections"), "shop").nodes == 0
    assert what.of(resource("storage"), "db1 /data").added == 1e9
    assert what.of(resource("storage"), "db1 /").added == 0
    assert what.of(resource("memory"), "db1 /data").added == 0


def test_what_is_full_at_once_is_not_full_before_it_was_looked_at() -> None:
    hours = np.arange(24 * 8)
    memory = TimeSeries("memory", hours.astype(np.int64) * 3_600_000, 60 + hours / 100, "%")
    found = saturation(memory, 90.0, None, GrowthAssumption(load_ratio=2.0), None, "flow")
    assert found.earliest_ms is not None
    assert found.latest_ms is not None
    looked_ms = found.earliest_ms + 1_200_000
    assert looked_ms < found.latest_ms
    said = not_before(looked_ms, found)
    assert (said.earliest_ms, said.latest_ms) == (looked_ms, found.latest_ms)
