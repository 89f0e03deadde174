"""A tail says how probable values beyond it are: exactly, where the tail is exponential."""

import numpy as np
import pytest

from trimtab.analyze.detect.layout_kernels import F_TAIL, NEW_FLOATS, NEW_INTS, TOP, kept_of
from trimtab.analyze.detect.tail_kernels import tail_forget, tail_learn, tail_probability


def _learned(values: np.ndarray, cluster: float = 0.0, clip: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    floats, ints = NEW_FLOATS.copy(), NEW_INTS.copy()
    for sample, value in enumerate(values, 1):
        tail_learn(floats, ints, 0, float(value), sample, cluster, clip)
    return floats, ints


def _kept(floats: np.ndarray, ints: np.ndarray) -> list[float]:
    return [float(one) for one in floats[F_TAIL + 1 : F_TAIL + 1 + kept_of(ints, 0)]]


def _p(floats: np.ndarray, ints: np.ndarray, seen: int, value: float, resolution: float = 0.0) -> float:
    return float(tail_probability(floats, ints, 0, seen, value, 10**6, 0.0, resolution, 0, 0.0))


@pytest.mark.parametrize("p", [1e-3, 1e-4])
def test_it_is_exact_for_exponential_noise(p: float) -> None:
    rng = np.random.default_rng(1)
    beyond = 0.0
    for _ in range(300):
        floats, ints = _learned(rng.exponential(1.0, 1500))
        low, high = 0.0, 200.0
        for _ in range(50):  # where the tail says p
            middle = (low + high) / 2
            low, high = (middle, high) if _p(floats, ints, 1500, middle) > p else (low, middle)
        beyond += np.exp(-high)
    assert 0.7 * p < beyond / 300 < 1.4 * p


def test_it_keeps_the_greatest_in_order() -> None:
    values = np.random.default_rng(2).permutation(100).astype(float)
    assert _kept(*_learned(values)) == [99.0, 98.0, 97.0, 96.0, 95.0, 94.0, 93.0, 92.0][:TOP]


def test_a_cluster_counts_once() -> None:
    values = np.zeros(100)
    values[50:60] = [5, 6, 9, 8, 7, 9, 5, 6, 7, 8]
    kept = _kept(*_learned(values, cluster=20))
    assert kept[0] == 9.0
    assert kept.count(9.0) == 1
    assert 8.0 not in kept


def test_equal_values_say_no_more_than_how_often() -> None:
    floats, ints = _learned(np.zeros(999))
    assert _p(floats, ints, 999, 1.0) == pytest.approx(1e-3)
    assert _p(floats, ints, 999, 0.0) == 1.0


def test_counts_are_not_surer_than_their_steps_allow() -> None:
    values = np.random.default_rng(3).poisson(0.5, 20_000).astype(float)
    floats, ints = _learned(values)
    most = values.max()
    assert _p(floats, ints, 20_000, most + 1, resolution=1.0) > 1e-6
    assert _p(floats, ints, 20_000, most + 20, resolution=1.0) < 1e-6


def test_clipping_bounds_what_one_incident_teaches() -> None:
    values = np.random.default_rng(4).exponential(1.0, 1000)
    free, _ = _learned(np.r_[values, 1e6])
    clipped, _ = _learned(np.r_[values, 1e6], clip=3.0)
    assert free[F_TAIL + 1] == 1e6
    assert values.max() < clipped[F_TAIL + 1] < values.max() + 10


def test_the_greatest_is_forgotten_first() -> None:
    floats, ints = _learned(np.arange(100.0))
    tail_forget(floats, ints, 0)
    assert _kept(floats, ints) == [98.0, 96.0, 94.0, 92.0]
