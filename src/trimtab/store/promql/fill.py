"""`fill`, `fill_left`, `fill_right`: where a series has no partner, a number stands in for it.

Each side gets a series for every signature that only the other side has, at the steps where that is so; then the sides
meet as always.
"""

from __future__ import annotations

import numpy as np

from trimtab.store.metrics.block import METRIC_NAME, Labels
from trimtab.store.promql.syntax import Matching
from trimtab.store.promql.vector import Vector


def filled(left: Vector, right: Vector, matching: Matching) -> tuple[Vector, Vector]:
    """Both sides with what is filled in.

    >>> one = Vector([(("job", "a"),)], np.array([[1.0]]), np.array([[True]]))
    >>> other = Vector([(("job", "b"),)], np.array([[2.0]]), np.array([[True]]))
    >>> [side.labels for side in filled(one, other, Matching(fill_right=0.0))]
    [[(('job', 'a'),)], [(('job', 'b'),), (('job', 'a'),)]]
    """
    fill_left, fill_right = matching.fill_left, matching.fill_right
    if matching.card == "one-to-many":
        # with group_right, Prometheus takes the many side for the left one, whatever stands left
        fill_left, fill_right = fill_right, fill_left
    return _with_missing(left, right, matching, fill_left), _with_missing(right, left, matching, fill_right)


def match_labels(labels: Labels, matching: Matching) -> Labels:
    """The labels by which a series is matched."""
    if matching.is_on:
        return tuple(pair for pair in labels if pair[0] in matching.labels)
    return tuple(pair for pair in labels if pair[0] != METRIC_NAME and pair[0] not in matching.labels)


def _with_missing(side: Vector, other: Vector, matching: Matching, number: float | None) -> Vector:
    """`side`, and for each signature of `other` a series that is there where `other` is and `side` is not."""
    if number is None or not other.labels:
        return side
    count = other.present.shape[1]
    places: dict[Labels, int] = {}
    rows = np.array([places.setdefault(match_labels(one, matching), len(places)) for one in other.labels])
    missing = np.zeros((len(places), count), np.bool_)
    np.logical_or.at(missing, rows, other.present)
    for labels, present in zip(side.labels, side.present, strict=True):
        place = places.get(match_labels(labels, matching))
        if place is not None:
            missing[place] &= ~present
    return Vector(
        [*side.labels, *places],
        np.concatenate([side.values, np.full((len(places), count), number)]),
        np.concatenate([side.present, missing]),
        None
        if side.histograms is None
        else np.concatenate([side.histograms, np.full((len(places), count), None, np.object_)]),
        None if side.drops_name is None else np.concatenate([side.drops_name, np.zeros(len(places), np.bool_)]),
    )
