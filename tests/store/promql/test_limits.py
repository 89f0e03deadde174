"""A query cannot take more time or memory than it may, nor go on when nobody waits."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest

from trimtab.model.errors import InputError
from trimtab.store.metrics import block
from trimtab.store.metrics.block import SeriesBlock
from trimtab.store.promql.errors import QueryCancelled, QueryError, QueryTimeout, QueryTooBig
from trimtab.store.promql.evaluate import evaluate_instant, evaluate_range
from trimtab.store.promql.options import Options


class Wide:
    """Many series with one sample."""

    def __init__(self, count: int = 1_000, pause_s: float = 0.0) -> None:
        self.count, self.pause_s = count, pause_s
        self.asked = 0

    def select(self, alternatives: object, from_ms: int, to_ms: int) -> SeriesBlock:
        del alternatives, from_ms
        self.asked += 1
        time.sleep(self.pause_s)
        return SeriesBlock(
            [(("__name__", "x"), ("n", f"{number:06}")) for number in range(self.count)],
            np.arange(self.count + 1, dtype=np.int64),
            np.full(self.count, to_ms, dtype=np.int64),
            np.ones(self.count),
            None,
            None,
        )


def test_too_many_samples() -> None:
    with pytest.raises(QueryTooBig) as raised:
        evaluate_range(Wide(), "x", 0, 1_000_000, 1_000, Options(samples_max=100_000))
    assert raised.value.facts["limit"] == 100_000
    assert isinstance(raised.value, block.QueryTooBig)
    assert isinstance(raised.value, InputError)


@pytest.mark.parametrize("inner", ["vector(1)", "vector(time())", "x"])
def test_a_subquery_with_too_many_steps(inner: str) -> None:
    with pytest.raises(QueryTooBig):
        evaluate_instant(Wide(), f"sum_over_time({inner}[365d:1ms])", 0, Options())


def test_a_range_with_too_many_steps() -> None:
    with pytest.raises(QueryTooBig):
        evaluate_range(Wide(), "time()", 0, 10**14, 1, Options())


def test_what_is_done_is_no_longer_counted() -> None:
    query = " + ".join(["sum(x)"] * 20)
    answer = evaluate_range(Wide(), query, 0, 100_000, 1_000, Options(samples_max=250_000))
    assert answer.values[0, -1] == 20_000.0


def test_too_much_time() -> None:
    with pytest.raises(QueryTimeout) as raised:
        evaluate_instant(Wide(pause_s=0.02), "x + (x offset 1s)", 0, Options(timeout_s=0.001))
    assert raised.value.facts["limit_s"] == 0.001


def test_cancelled() -> None:
    asked = itertools.count()
    with pytest.raises(QueryCancelled):
        evaluate_instant(Wide(), "x + x", 0, Options(cancelled=lambda: next(asked) > 2))


def test_the_same_selector_is_read_once() -> None:
    source = Wide()
    evaluate_instant(source, "sum(x) / count(x)", 0, Options())
    assert source.asked == 1


def test_ranges_need_a_step_and_numbers() -> None:
    with pytest.raises(QueryError, match="zero or negative"):
        evaluate_range(Wide(), "x", 0, 1, 0)
    with pytest.raises(QueryError, match='invalid expression type "range vector" for range query'):
        evaluate_range(Wide(), "x[5m]", 0, 1, 1)
    with pytest.raises(QueryError, match='invalid expression type "string" for range query'):
        evaluate_range(Wide(), '"x"', 0, 1, 1)


def test_values_are_counted_before_they_become_series() -> None:
    with pytest.raises(QueryTooBig):
        evaluate_range(
            Wide(1), 'count_values("v", vector(time()))', 0, 5_000_000, 1_000, Options(samples_max=1_000_000)
        )
