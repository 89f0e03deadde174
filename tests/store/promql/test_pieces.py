"""What is taken a few series at a time is what is taken as a whole, and can be stopped between two pieces."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.store.promql.test_rates import Given, random_series
from trimtab.store.metrics.whole import Whole
from trimtab.store.promql import walks
from trimtab.store.promql.answer import Answer
from trimtab.store.promql.errors import QueryCancelled, QueryTooBig
from trimtab.store.promql.evaluate import evaluate_range
from trimtab.store.promql.options import Options

OPERATORS = ("sum", "avg", "count", "min", "max", "group", "stddev", "stdvar")
FUNCTIONS = ("rate", "increase", "delta", "irate", "resets", "avg_over_time", "max_over_time", "last_over_time")
QUERIES = (
    *(f"{operator}(rate(x_total[2m]))" for operator in OPERATORS),
    *(f"sum by (g) ({name}(x_total[100s]))" for name in FUNCTIONS),
    *(f"{operator} without (n) (x_total)" for operator in OPERATORS),
    *("x_total", "rate(x_total[2m])", "topk(2, rate(x_total[2m]))", "max_over_time(sum(rate(x_total[1m]))[5m:30s])"),
)


class InGroups(Given):
    """Series of three groups."""

    def __init__(self) -> None:
        grouped = {
            (labels[0], ("g", str(number % 3)), *labels[1:]): samples
            for number, (labels, samples) in enumerate(random_series(3).items())
        }
        super().__init__(grouped)


def asked(query: str, options: Options | None = None) -> Answer:
    return evaluate_range(InGroups(), query, 100_000, 1_150_000, 15_000, options)


@pytest.mark.parametrize("query", QUERIES)
def test_pieces_are_the_whole(query: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = asked(query)
    taken: list[int] = []
    pieces = Whole.pieces

    def counted(self: Whole, samples_count: int) -> object:
        for piece in pieces(self, samples_count):
            taken.append(piece[0])
            yield piece

    monkeypatch.setattr(Whole, "pieces", counted)
    monkeypatch.setattr(walks, "PIECE_SAMPLES", 200)
    found = asked(query)
    assert len(taken) > 3
    assert found.labels == whole.labels
    np.testing.assert_array_equal(found.present, whole.present)
    np.testing.assert_array_equal(found.values[found.present], whole.values[whole.present])


def test_somebody_leaves_between_two_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walks, "PIECE_SAMPLES", 1)
    count = itertools.count()
    asked("sum(rate(x_total[2m]))", Options(cancelled=lambda: bool(next(count) < 0)))
    often = next(count)
    assert often > 12  # once a series at least
    count = itertools.count()
    with pytest.raises(QueryCancelled):
        asked("sum(rate(x_total[2m]))", Options(cancelled=lambda: next(count) > often - 4))


def test_what_is_added_up_at_once_is_not_held() -> None:
    samples = sum(map(len, InGroups().series.values()))
    limit = Options(samples_max=samples + 5 * 71)
    asked("sum by (g) (x_total)", Options(samples_max=samples + 20 * 71))
    with pytest.raises(QueryTooBig):
        asked("sum by (g) (x_total)", limit)
