"""What a query reads: blocks of samples, and the contract of whatever gives them.

The evaluator (`store.promql`) knows only this module: a block may come from the hot window, from the engine, or from
a test that wrote it down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from trimtab.model.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trimtab.store.promql.histogram import FloatHistogram

Labels = tuple[tuple[str, str], ...]
"""Sorted by name, without empty values; the name of the metric is among them as `__name__`."""

METRIC_NAME = "__name__"

STALE_BITS = 0x7FF0000000000002
"""The bits of a NaN that says: the series ended here."""

MatchOp = Literal["=", "!=", "=~", "!~"]


class QueryTooBig(InputError):
    """A query would read or make more than its limit; `limit` and `observed` say how much."""


@dataclass(frozen=True, slots=True)
class SeriesBlock:
    """Samples of series, series after series, each in order of time, no two at one time.

    Series `s` has the samples `[offsets[s], offsets[s + 1])`. A value whose bits are `STALE_BITS` ends its series.
    """

    labels: Sequence[Labels]
    offsets: NDArray[np.int64]
    """One more than there are series."""
    at_ms: NDArray[np.int64]
    values: NDArray[np.float64]
    start_ms: NDArray[np.int64] | None
    """Since when each sample counts (0: not known); None where no sample says it."""
    histograms: Sequence[FloatHistogram | None] | None
    """The native histogram of each sample that is one; None where none is."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """A condition on one label. A label that a series does not have counts as ''. Regular expressions are RE2's, and
    have to match the whole value."""

    name: str
    op: MatchOp
    value: str


class Source(Protocol):
    """Where samples come from."""

    def select(self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int) -> SeriesBlock:
        """Samples with `from_ms <= at_ms <= to_ms` of series that fulfil all matchers of at least one alternative.

        Series that have no samples there may be left out. Raises InputError (a bad regular expression), QueryTooBig.
        """
        ...
