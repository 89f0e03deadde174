"""Answers as JSON: every number reads back as itself, nothing that is absent is there."""

from __future__ import annotations

import json
import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.api.prometheus.encoding import block_json, matrix_json, scalar_json, time_texts, value_texts, vector_json
from trimtab.store.metrics.block import STALE_BITS, SeriesBlock
from trimtab.store.promql.histogram import FloatHistogram

STALE = np.array([STALE_BITS], np.uint64).view(np.float64)[0]


@settings(deadline=None)
@given(st.lists(st.floats(), min_size=1, max_size=30))
def test_numbers_read_back_as_themselves(values: list[float]) -> None:
    for value, text in zip(values, texts_of(np.array(values)), strict=True):
        read = float(text)
        assert read == value or (math.isnan(read) and math.isnan(value))
        if 1e-6 <= abs(value) < 1e21 or value == 0:
            assert "e" not in text


@pytest.mark.slow
def test_numbers_are_as_short_as_can_be() -> None:
    draw = np.random.default_rng(5)
    powers = [float(f"1e{exponent}") for exponent in range(-323, 309)] + (2.0 ** np.arange(-1074, 1024)).tolist()
    kinds = [
        draw.integers(0, 2**64, 50_000, dtype=np.uint64).view(np.float64),
        draw.integers(0, 2**52, 5_000, dtype=np.uint64).view(np.float64),
        draw.gamma(2, 20, 20_000) / draw.integers(1, 300, 20_000),
        np.round(draw.normal(20, 5, 20_000), 3),
        draw.integers(-(2**62), 2**62, 20_000).astype(np.float64),
        np.array(
            [number for power in powers for number in (np.nextafter(power, 0), power, np.nextafter(power, 1e308))]
        ),
    ]
    for values in kinds:
        for value, text in zip(values.tolist(), texts_of(values), strict=True):
            if math.isfinite(value):
                assert digits_of(text) == digits_of(repr(value)), value


def texts_of(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[str]:
    return [text.decode() for text in value_texts(values)]


def digits_of(text: str) -> tuple[str, int]:
    """Sign and digits without zeros at their ends, and the place of the last one."""
    sign, digits, exponent = Decimal(text).as_tuple()
    told = "".join(map(str, digits)).lstrip("0")
    kept = told.rstrip("0")
    return "-" * sign + kept, int(exponent) + len(told) - len(kept) if kept else 0


@settings(deadline=None)
@given(st.lists(st.integers(-(2**52), 2**52), min_size=1, max_size=20))
def test_times_are_seconds_with_thousandths(moments: list[int]) -> None:
    for moment, text in zip(moments, time_texts(np.array(moments)), strict=True):
        whole, _, rest = text.decode().lstrip("-").partition(".")
        assert (int(whole) * 1000 + int(rest or "0")) * (-1 if text.startswith(b"-") else 1) == moment


def test_a_matrix_has_only_what_is_present() -> None:
    labels = [(("__name__", "a"),), (("x", 'q"\\\n'),), ()]
    present = np.array([[True, False, True], [False, False, False], [False, True, True]])
    values = np.array([[1.0, 2.0, np.nan], [4.0, 5.0, 6.0], [7.0, np.inf, 1e21]])
    found = json.loads(b"".join(matrix_json(labels, np.array([0, 1500, 3000]), values, present)))
    assert found == [
        {"metric": {"__name__": "a"}, "values": [[0, "1"], [3, "NaN"]]},
        {"metric": {}, "values": [[1.5, "+Inf"], [3, "1e+21"]]},
    ]


def test_histograms_stand_beside_numbers() -> None:
    one = FloatHistogram(count=3.0, sum=4.5, positive_spans=((0, 2),), positive_buckets=(1.0, 2.0))
    cells = np.array([[None, one]], object)
    parts = matrix_json([(("a", "b"),)], np.array([0, 1000]), np.zeros((1, 2)), np.ones((1, 2), bool), cells)
    found = json.loads(b"".join(parts))
    told = {"count": "3", "sum": "4.5", "buckets": [[0, "0.5", "1", "1"], [0, "1", "2", "2"]]}
    assert found == [{"metric": {"a": "b"}, "values": [[0, "0"]], "histograms": [[1, told]]}]
    vector = json.loads(vector_json([(("a", "b"),)], 1000, np.zeros(1), np.ones(1, bool), cells[:, 1]))
    assert vector == [{"metric": {"a": "b"}, "histogram": [1, told]}]


def test_raw_samples_come_without_ends_of_series() -> None:
    block = SeriesBlock(
        labels=[(("a", "1"),), (("a", "2"),)],
        offsets=np.array([0, 2, 3]),
        at_ms=np.array([1000, 2001, 3000]),
        values=np.array([1.0, 2.0, STALE]),
        start_ms=None,
        histograms=None,
    )
    assert json.loads(b"".join(block_json(block))) == [{"metric": {"a": "1"}, "values": [[1, "1"], [2.001, "2"]]}]


def test_scalars_and_strings() -> None:
    assert json.loads(scalar_json(1500, 'a "quoted" text')) == [1.5, 'a "quoted" text']
