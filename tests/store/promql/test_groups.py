"""Aggregations against the plainest way to say the same."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trimtab.store.metrics.block import Labels, SeriesBlock
from trimtab.store.promql.evaluate import evaluate_instant, evaluate_range
from trimtab.store.promql.options import Options
from trimtab.store.promql.vector import Floats


class Table:
    """A row of values for each series, a column for each second; NaN is a value, None is nothing."""

    def __init__(self, rows: list[list[float | None]]) -> None:
        self.rows = rows

    def select(self, alternatives: object, from_ms: int, to_ms: int) -> SeriesBlock:
        del alternatives
        samples = [
            [
                (1000 * step, value)
                for step, value in enumerate(row)
                if value is not None and from_ms <= 1000 * step <= to_ms
            ]
            for row in self.rows
        ]
        labels: list[Labels] = [
            (("__name__", "x"), ("g", str(number % 3)), ("n", f"{number:03}")) for number in range(len(self.rows))
        ]
        flat = [sample for row in samples for sample in row]
        return SeriesBlock(
            labels,
            np.cumsum([0, *map(len, samples)]).astype(np.int64),
            np.array([at for at, _ in flat], dtype=np.int64),
            np.array([value for _, value in flat], dtype=np.float64),
            None,
            None,
        )


STEPS = 30
EVERY_SECOND = Options(lookback_ms=1_000)


def random_table(seed: int, *, with_nan: bool = True) -> list[list[float | None]]:
    """Values, some of them missing, some NaN."""
    chance = np.random.default_rng(seed)
    rolls, values = chance.random((20, STEPS)), chance.normal(size=(20, STEPS))
    return [
        [
            None if roll < 0.2 else math.nan if with_nan and roll > 0.95 else float(value)
            for roll, value in zip(*row, strict=True)
        ]
        for row in zip(rolls, values, strict=True)
    ]


def evaluated(table: list[list[float | None]], query: str) -> dict[Labels, list[float | None]]:
    """Rows of the answer by labels."""
    answer = evaluate_range(Table(table), query, 0, 1000 * (STEPS - 1), 1000, EVERY_SECOND)
    return {
        labels: [float(value) if is_there else None for value, is_there in zip(values, present, strict=True)]
        for labels, values, present in zip(answer.labels, answer.values, answer.present, strict=True)
    }


def plain_quantile(values: list[float], share: float) -> float:
    """Between the nearest two; NaN counts as smallest."""
    ordered: Floats = np.array(sorted(values, key=lambda value: (not math.isnan(value), value)))
    rank = share * (len(ordered) - 1)
    below = math.floor(rank)
    weight = rank - below
    return float(ordered[below] * (1 - weight) + ordered[min(below + 1, len(ordered) - 1)] * weight)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.99, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_quantiles(seed: int, share: float) -> None:
    table = random_table(seed)
    rows = evaluated(table, f"quantile by (g) ({share}, x)")
    for group in range(3):
        for step in range(STEPS):
            values = [value for row in table[group::3] if (value := row[step]) is not None]
            wanted = plain_quantile(values, share) if values else None
            np.testing.assert_equal(rows[(("g", str(group)),)][step], wanted)


@pytest.mark.parametrize(("name", "is_greatest"), [("topk", True), ("bottomk", False)])
@pytest.mark.parametrize("count", [1, 2, 5, 100])
def test_the_greatest_and_the_smallest(name: str, count: int, *, is_greatest: bool) -> None:
    table = random_table(7, with_nan=False)
    rows = evaluated(table, f"{name} by (g) ({count}, x)")
    for step in range(STEPS):
        for group in range(3):
            there = [
                (value, number)
                for number, row in enumerate(table)
                if number % 3 == group and (value := row[step]) is not None
            ]
            wanted = {number for _, number in sorted(there, reverse=is_greatest)[:count]}
            chosen = {
                int(dict(labels)["n"])
                for labels, row in rows.items()
                if dict(labels)["g"] == str(group) and row[step] is not None
            }
            assert chosen == wanted


def test_order_of_the_greatest_and_nan_last() -> None:
    table = Table([[3.0], [math.nan], [1.0], [7.0], [3.0]])
    answer = evaluate_instant(table, "topk(4, x)", 0, EVERY_SECOND)
    assert answer.is_ordered
    assert answer.values[:, 0].tolist() == [7.0, 3.0, 3.0, 1.0]
    answer = evaluate_instant(table, "bottomk(5, x)", 0, EVERY_SECOND)
    np.testing.assert_equal(answer.values[:, 0], [1.0, 3.0, 3.0, 7.0, math.nan])


def test_minimum_and_maximum_ignore_nan_where_they_can() -> None:
    table = random_table(11)
    least, greatest = evaluated(table, "min(x)"), evaluated(table, "max(x)")
    for step in range(STEPS):
        values = [value for row in table if (value := row[step]) is not None]
        numbers = [value for value in values if not math.isnan(value)]
        assert least[()][step] == min(numbers)
        assert greatest[()][step] == max(numbers)


def test_parameters_of_each_step() -> None:
    rows: list[list[float | None]] = [[float(number)] * STEPS for number in range(6)]
    counts = evaluated(rows, "count(topk(time() % 4, x))")
    assert counts[()][:6] == [None, 1.0, 2.0, 3.0, None, 1.0]
    assert evaluated(rows, "count(limitk(time() % 4, x))")[()][:4] == [None, 1.0, 2.0, 3.0]
