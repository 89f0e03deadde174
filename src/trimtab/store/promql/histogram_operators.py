"""Binary operators where one side, or both, are native histograms."""

from __future__ import annotations

from trimtab.store.promql.evaluation import Evaluation, Value
from trimtab.store.promql.syntax import Binary
from trimtab.store.promql.vector import Vector


def with_histograms(evaluation: Evaluation, node: Binary, left: Value, right: Value, numbers: Vector) -> Vector:
    """The result of the numbers alone, put right where histograms are."""
    del evaluation, node, left, right
    return numbers
