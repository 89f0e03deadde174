"""Appends what was looked at to the metrics, under `job` and `instance`. What ends gets a marker, as with scrapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trimtab.observe.host.about import About, about
from trimtab.observe.host.series import HostSeries

if TYPE_CHECKING:
    from trimtab.store.metrics.contract import Metadata, MetricStore

Group = tuple[str, tuple[HostSeries, ...], Sequence[float]]
"""A name, series and their numbers; the same tuple of series as before means the same series."""


class _Known:
    """Where the series of one group are in the store."""

    def __init__(self, series: tuple[HostSeries, ...], slots: NDArray[np.int32]) -> None:
        self.series, self.slots = series, slots
        self.scales = np.array([one.scale for one in series], np.float64)


class SeriesWriter:
    """For one thread at a time."""

    def __init__(
        self,
        store: Callable[[], MetricStore | None],
        labels: Mapping[str, str],
        about: Callable[[str], About] = about,
    ) -> None:
        self._store, self._labels, self._about = store, tuple(labels.items()), about
        self._known: dict[str, _Known] = {}
        self._told: set[str] = set()
        self.samples_count = 0
        self.refused_count = 0
        self.refusals: tuple[str, ...] = ()
        """Why something was refused by the last write; series that are refused are so by each."""
        self._refused: dict[str, tuple[str, ...]] = {}
        self._waiting: dict[str, Metadata] = {}
        """What was not told yet: a write that failed told nothing."""

    @property
    def series_count(self) -> int:
        """How many series there are now."""
        return sum(len(known.series) for known in self._known.values())

    def write(self, groups: Sequence[Group], at_ms: int, ended: Sequence[str] = ()) -> None:
        """Durable on return. `ended` are groups that are no more. StoreError, SpoolFull, InputError: nothing is."""
        from trimtab.store.metrics.contract import Samples

        store = self._store()
        if store is None:
            return
        slots: list[NDArray[np.int32]] = []
        values: list[NDArray[np.float64]] = []
        gone: set[int] = set()
        for name, series, numbers in groups:
            known = self._known.get(name)
            if known is None or known.series is not series:
                now = self._registered(store, name, series)
                if known is not None:
                    gone |= set(known.slots.tolist()) - set(now.slots.tolist())
                self._known[name] = known = now
            slots.append(known.slots)
            values.append(np.array(numbers, np.float64) * known.scales)
        for name in ended:
            last = self._known.pop(name, None)
            self._refused.pop(name, None)
            gone |= set() if last is None else set(last.slots.tolist())
        told = {int(slot) for known in self._known.values() for slot in known.slots} if gone else set()
        over = np.array(sorted(slot for slot in gone - told if slot >= 0), np.int32)
        where = np.concatenate([*slots, over]) if slots or len(over) else over
        what = np.concatenate([*values, np.full(len(over), _stale())])
        kept = where >= 0
        self.refusals = next(iter(self._refused.values()), ())
        if not kept.any():
            return
        where, what = where[kept], what[kept]
        done = store.append(
            Samples(where, np.full(len(where), at_ms, np.int64), what, metadata=list(self._waiting.values()))
        )
        self._told.update(self._waiting)
        self._waiting.clear()
        self.samples_count += done.accepted_count
        if done.refused:
            self.refused_count += sum(done.refused.values())
            self.refusals = tuple(done.first_refusals)

    def _registered(self, store: MetricStore, group: str, series: tuple[HostSeries, ...]) -> _Known:
        from trimtab.store.metrics.contract import Metadata

        registered = store.register([self._key(one) for one in series])
        self._refused.pop(group, None)
        if registered.refused:
            self.refused_count += len(registered.refused)
            self._refused[group] = tuple(sentence for _, sentence in list(registered.refused.values())[:10])
        for name in dict.fromkeys(one.name for one in series):
            if name not in self._told:
                said = self._about(name)
                self._waiting[name] = Metadata(name, said.kind, said.unit, said.help)
        return _Known(series, registered.slots)

    def _key(self, one: HostSeries) -> tuple[tuple[str, str], ...]:
        own = dict((("__name__", one.name), *one.labels))
        return tuple(sorted((dict(self._labels) | {key: value for key, value in own.items() if value}).items()))


def _stale() -> float:
    from trimtab.store.metrics.block import STALE_BITS

    return float(np.array([STALE_BITS], np.uint64).view(np.float64)[0])
