"""One target, scrape by scrape: what it says becomes samples, what it stops saying becomes stale.

Lines that were seen before cost a look-up; a new one is parsed, gets the target's labels, and is relabelled once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from trimtab.model.errors import InputError, StoreError, TrimtabError
from trimtab.observe.metrics.known_series import KnownSeries
from trimtab.observe.metrics.waiting_metadata import WaitingMetadata
from trimtab.observe.scrape import text_kernels as k
from trimtab.observe.scrape.asking import Answer
from trimtab.observe.scrape.exposition import OPENMETRICS, Exposition, exemplars, metadata, read
from trimtab.observe.scrape.relabel import relabelled
from trimtab.observe.scrape.series_text import series_of
from trimtab.observe.scrape.targets import Target
from trimtab.store.metrics.block import METRIC_NAME, STALE_BITS, Labels
from trimtab.store.metrics.contract import Exemplar, MetricStore, Samples
from trimtab.store.metrics.wire_cache import ABSENT, WireCache, new_seed

LINES_MAX = 1_000_000
_STALE = np.array([STALE_BITS], np.uint64).view(np.float64)[0]
_DROPPED, _LABEL_LIMIT = "dropped", "label_limit"
_REPORTS = (
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
)

Ask = Callable[[Target], Answer]


@dataclass(frozen=True, slots=True)
class Health:
    """How the last scrape went; `last_at_ms` 0: there was none."""

    last_at_ms: int = 0
    duration_s: float = 0.0
    is_up: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class _Taken:
    """What an answer becomes: samples, the slots whose end is to be noticed, counts, comments that were read."""

    samples: Samples
    slots: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    scraped_count: int = 0
    kept_count: int = 0
    added_count: int = 0
    comment_keys: NDArray[np.uint64] | None = None


class Scraping:
    """One target. For one thread at a time."""

    def __init__(self, target: Target, store: MetricStore, ask: Ask) -> None:
        self.target = target
        self.health = Health()
        self._store = store
        self._ask = ask
        self._seed = new_seed()
        self._known = KnownSeries[Labels](store.register)
        self._comments = WireCache(100_000)
        self._waiting = WaitingMetadata()
        self._before: NDArray[np.int32] = np.empty(0, np.int32)
        self._report_slots: NDArray[np.int32] | None = None

    def scrape(self, at_ms: int) -> None:
        """Ask, store, and write down how it went. Whatever the target does is no error of ours."""
        began_s = time.perf_counter()
        error = ""
        try:
            try:
                taken = self._taken(self._ask(self.target), at_ms)
            except StoreError:
                raise
            except TrimtabError as wrong:
                error = wrong.message
                taken = _Taken(self._stale(self._before, at_ms))
            duration_s = time.perf_counter() - began_s
            values = (float(not error), duration_s, taken.scraped_count, taken.kept_count, taken.added_count)
            samples = self._with_report(taken.samples, at_ms, np.array(values, np.float64))
            self._store.append(samples)
        except StoreError as full:
            self.health = Health(at_ms, time.perf_counter() - began_s, False, full.message)
            return
        self._waiting.stored(samples.metadata)
        if taken.comment_keys is not None:
            self._comments.put(taken.comment_keys, np.zeros(len(taken.comment_keys), np.int32))
        self._before = taken.slots
        self.health = Health(at_ms, duration_s, not error, error)

    def end(self, at_ms: int) -> None:
        """The target is gone: all that it said ends, its own reports too."""
        over = np.full(len(_REPORTS), _STALE)
        self._store.append(self._with_report(self._stale(self._before, at_ms), at_ms, over))
        self._before = np.empty(0, np.int32)

    def _taken(self, answer: Answer, at_ms: int) -> _Taken:
        """What is to be stored of an answer. InputError where the scrape has failed."""
        job = self.target.job
        found = read(
            answer.body,
            self._seed,
            at_ms,
            is_openmetrics=answer.content_type.startswith(OPENMETRICS),
            honor_timestamps=job.honor_timestamps,
            rows_max=LINES_MAX,
        )
        slots, refused, new = self._known.slots(found.keys, lambda index: self._labels(found, index))
        for reason, sentence in refused.values():
            if reason == _LABEL_LIMIT:
                raise InputError(sentence)
        dropped_count = sum(reason == _DROPPED for reason, _ in refused.values())
        kept_count = len(found.keys) - dropped_count
        if job.sample_limit and kept_count > job.sample_limit:
            raise InputError(f"sample limit exceeded: {job.sample_limit} samples; the answer has {kept_count}")
        kept = np.flatnonzero(slots >= 0)
        untimed = slots[kept[~found.has_time[kept]]]
        told = self._comments.look_up(found.comment_keys)
        gone = self._gone(slots[kept], untimed)
        samples = Samples(
            np.concatenate([slots[kept], gone]),
            np.concatenate([found.at_ms[kept], np.full(len(gone), at_ms, np.int64)]),
            np.concatenate([found.values[kept], np.full(len(gone), _STALE)]),
            exemplars=[
                Exemplar(int(slots[index]), tuple(sorted(labels.items())), value, time_ms or at_ms)
                for index, labels, value, time_ms in exemplars(found)
                if slots[index] >= 0
            ],
            metadata=self._waiting.with_new(metadata(found, told == ABSENT)),
        )
        added_count = int(np.count_nonzero(slots[new] >= 0))
        return _Taken(samples, untimed, len(found.keys), kept_count, added_count, found.comment_keys)

    def _gone(self, now: NDArray[np.int32], untimed: NDArray[np.int32]) -> NDArray[np.int32]:
        """Series that were there before and are not now. Nearly always the answer has the same lines as before."""
        if np.array_equal(untimed, self._before):
            return np.empty(0, np.int32)
        return np.setdiff1d(self._before, now)

    def _stale(self, slots: NDArray[np.int32], at_ms: int) -> Samples:
        slots = np.unique(slots)
        return Samples(slots, np.full(len(slots), at_ms, np.int64), np.full(len(slots), _STALE))

    def _with_report(self, samples: Samples, at_ms: int, values: NDArray[np.float64]) -> Samples:
        """`up` and its like, stored together with what they tell of."""
        if self._report_slots is None:
            names = [tuple(sorted((*self.target.labels, (METRIC_NAME, name)))) for name in _REPORTS]
            self._report_slots = self._store.register(names).slots
        taken = self._report_slots >= 0
        slots = self._report_slots[taken]
        return replace(
            samples,
            slots=np.concatenate([samples.slots, slots]),
            at_ms=np.concatenate([samples.at_ms, np.full(len(slots), at_ms, np.int64)]),
            values=np.concatenate([samples.values, values[taken]]),
        )

    def _labels(self, found: Exposition, index: int) -> Labels:
        """Of a line that is new: its own, the target's, and what relabelling makes of both."""
        row = found.rows[index].tolist()
        own = series_of(found.text(row[k.START], row[k.END]))
        labels = relabelled(
            joined(own, self.target.labels, honor=self.target.job.honor_labels), self.target.job.metric_relabel
        )
        if labels is None:
            raise InputError("left out by a rule", reason=_DROPPED)
        if not labels.get(METRIC_NAME):
            raise InputError("relabelling left no metric name", reason="metric_name_missing")
        self._check_limits(labels)
        return tuple(sorted(labels.items()))

    def _check_limits(self, labels: Mapping[str, str]) -> None:
        job = self.target.job
        name_max, value_max = job.label_name_length_limit, job.label_value_length_limit
        if job.label_limit and len(labels) > job.label_limit:
            raise InputError(
                f"label_limit exceeded: {len(labels)} labels, {job.label_limit} may be", reason=_LABEL_LIMIT
            )
        for name, value in labels.items():
            if name_max and len(name.encode()) > name_max:
                raise InputError(f"label_name_length_limit exceeded: {name[:200]!r}", reason=_LABEL_LIMIT)
            if value_max and len(value.encode()) > value_max:
                raise InputError(f"label_value_length_limit exceeded: {name}={value[:200]!r}", reason=_LABEL_LIMIT)

    def moved_to(self, target: Target) -> None:
        """The same target with other times."""
        self.target = replace(target)


def joined(own: Mapping[str, str], of_target: Labels, *, honor: bool) -> dict[str, str]:
    """Labels of a line with those of its target. Of two with one name the line's is renamed, or wins (`honor`).

    >>> joined({"a": "1", "job": "x"}, (("job", "y"),), honor=False)
    {'a': '1', 'job': 'y', 'exported_job': 'x'}
    >>> joined({"a": "1", "job": "x"}, (("job", "y"),), honor=True)
    {'a': '1', 'job': 'x'}
    """
    found = dict(own)
    for name, value in of_target:
        mine = own.get(name, "")
        if mine and honor:
            continue
        found[name] = value
        if mine:
            new_name = f"exported_{name}"
            while new_name in own or new_name in dict(of_target):
                new_name = f"exported_{new_name}"
            found[new_name] = mine
    return found
