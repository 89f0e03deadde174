"""What a query reads: blocks of samples, and the contract of whatever gives them.

The evaluator (`store.promql`) knows only this module: a block may come from the hot window, from the engine, or from
a test that wrote it down.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

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


class Pieces(Protocol):
    """What a selection found, as one block or piece by piece: some series at a time, so that there is never a copy of
    all samples, and those being worked on stay in the processor's caches."""

    @property
    def labels(self) -> Sequence[Labels]:
        """Of all series; a series may turn out to have no samples."""
        ...

    @property
    def series_count(self) -> int:
        """How many series there are."""
        ...

    @property
    def samples_count(self) -> int:
        """How many samples there are in all, at most."""
        ...

    @property
    def is_divisible(self) -> bool:
        """Whether `pieces` may be asked: native histograms are only in the whole."""
        ...

    @property
    def metric(self) -> str | None:
        """The name of the metric, where all series have the same, and no other label says what a metric is."""
        ...

    def whole(self) -> SeriesBlock:
        """One block of all; it is made once."""
        ...

    def pieces(self, samples_count: int) -> Iterator[tuple[int, SeriesBlock]]:
        """Blocks of about so many samples, each with the number of its first series; its arrays (`labels` is empty)
        are only good until the next is asked for."""
        ...

    def groups(self, names: frozenset[str], *, is_without: bool) -> tuple[Sequence[Labels], NDArray[np.int64]]:
        """Series by what is left of their labels: the labels of the groups, and the group of each series. Groups are
        in the order in which their first series come. `is_without`: what is left is all but these names."""
        ...


@runtime_checkable
class PartialSource(Protocol):
    """A source that may have to leave out what is on a shard that does not answer."""

    def missing(self) -> tuple[str, ...]:
        """Why what this thread was given since it asked last is not everything; empty where it is."""
        ...


@runtime_checkable
class DivisibleSource(Protocol):
    """A source that gives pieces."""

    def open(self, alternatives: Sequence[Sequence[Matcher]], from_ms: int, to_ms: int) -> Pieces:
        """As `Source.select`."""
        ...
