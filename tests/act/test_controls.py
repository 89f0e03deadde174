"""Which shapes a change is compared with: untouched ones that ran often, the most alike first."""

from __future__ import annotations

import numpy as np

from trimtab.act.comparison import take
from trimtab.act.controls import CONTROLS_MAX, control_rows, untouched
from trimtab.model.query import QueryShape, StatementKind
from trimtab.store.facts import SliceTable

SLICES = 20
BEFORE, AFTER = np.arange(12), np.arange(12, SLICES)


def shape(name: str, *tables: str) -> QueryShape:
    return QueryShape("shop", name, f"SELECT {name}", StatementKind.SELECT, tables)


def table_of(calls: dict[str, list[int]], mean_ms: dict[str, float]) -> SliceTable:
    """Slices of a second."""
    names = tuple(sorted(calls))
    ran = np.array([calls[name] for name in names], np.int64)
    start = np.arange(SLICES, dtype=np.int64) * 1000
    times = ran * np.array([[mean_ms.get(name, 1.0)] for name in names])
    return SliceTable(names, start, start + 1000, ran, times, ran)


def test_only_untouched_shapes_that_ran_before_and_after_can_be_compared_with() -> None:
    always, half = [1] * SLICES, [0, 1] * (SLICES // 2)
    slices = table_of(
        {
            "changed": always,
            "half": half,
            "neighbour": always,
            "seldom": [1, 0, 0, 0] * (SLICES // 4),
            "stopped": [1] * 12 + [0] * 8,
            "stranger": always,
            "tableless": always,
            "unknown": always,
        },
        {},
    )
    shapes = {name: shape(name, "other") for name in ("half", "seldom", "stopped", "stranger")}
    shapes |= {
        "changed": shape("changed", "t"),
        "neighbour": shape("neighbour", "x.t"),
        "tableless": shape("tableless"),
    }
    assert untouched(slices, shapes, "public.t", BEFORE, AFTER).names == ("half", "stranger")
    assert untouched(slices, shapes, "public.t", BEFORE).names == ("half", "stopped", "stranger")
    assert untouched(slices, shapes, "public.t", BEFORE[:0]).names == ()


def test_those_come_first_that_take_about_as_long_and_never_the_shape_itself() -> None:
    means = {f"q{place:02}": 2.0**place for place in range(12)}
    slices = table_of(dict.fromkeys(means, [1] * SLICES), means)
    fit = untouched(slices, {name: shape(name, "other") for name in means}, "public.t", BEFORE, AFTER)
    chosen = control_rows(slices, fit, "q05", BEFORE)
    assert [name for _, name in chosen] == ["q04", "q06", "q03", "q07", "q02", "q08", "q01", "q09"]
    assert len(chosen) == CONTROLS_MAX
    assert all(slices.fingerprints[row] == name for row, name in chosen)


def test_slices_are_copied_only_where_some_are_left_out() -> None:
    slices = table_of({"q": [1] * SLICES}, {})
    assert take(slices, np.arange(SLICES)) is slices
    assert take(slices, AFTER).slices_count == len(AFTER)
