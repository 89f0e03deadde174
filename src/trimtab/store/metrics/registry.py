"""The registry of series: which there are, in which slot each lives, and which of them fulfil matchers.

A slot is dense and lives as long as the process; the id of a series stays for ever (`series_id`). Label pairs are kept
once, a series is the numbers of its pairs. Whoever registers new series waits for their definitions to be durable;
whoever reads waits for nobody: all that grows, grows at its end, and `count` grows last.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np

from trimtab.store.metrics.arrays import I32, I64, U64
from trimtab.store.metrics.block import METRIC_NAME, Labels, Matcher
from trimtab.store.metrics.contract import Cardinality, RefusedSeries, Registered
from trimtab.store.metrics.growing import Growing
from trimtab.store.metrics.index import Index
from trimtab.store.metrics.limits import MetricLimits
from trimtab.store.metrics.lives import Lives
from trimtab.store.metrics.matching import Matching, Values
from trimtab.store.metrics.series_id import hash32, id_of, metric_of


@dataclass(frozen=True, slots=True)
class Definition:
    """A series that is new."""

    id: int
    labels: Labels


class _Refusal(Exception):
    """A series that is not taken."""

    def __init__(self, reason: RefusedSeries, text: str) -> None:
        super().__init__(text)
        self.reason: RefusedSeries = reason


class Registry:
    """All series. `define` makes new ones durable, before anybody sees their slots."""

    def __init__(self, limits: MetricLimits, define: Callable[[Sequence[Definition]], None]) -> None:
        self._limits, self._define = limits, define
        self._writing = threading.Lock()
        self._pair_ids: dict[tuple[str, str], int] = {}
        self._pairs: list[tuple[str, str]] = []
        self._pair_bytes: list[int] = []
        self.values_by_name: dict[str, Values] = {}
        self._slots: dict[Labels, int] = {}
        self._slot_by_id: dict[int, int] = {}
        self._labels: list[Labels] = []
        self._flat = Growing(np.dtype(np.int32))
        self._starts = Growing(np.dtype(np.int64))
        self._starts.extend([0])
        self._ids = Growing(np.dtype(np.uint64))
        self._metric_hashes: dict[str, int] = {}
        self.series_by_metric: Counter[str] = Counter()
        self.refused: Counter[str] = Counter(dict.fromkeys(get_args(RefusedSeries), 0))
        self.count = 0
        self.lives = Lives()
        self._matching = Matching(self.values_by_name, self._pair_ids)
        self._index = Index()

    def register(self, batch: Sequence[Labels]) -> Registered:
        """Slots of all of them. What `define` raises comes through, and nothing of the batch is kept."""
        slots = np.empty(len(batch), np.int32)
        known = self._slots
        missing: list[int] = []
        for index, labels in enumerate(batch):
            slot = known.get(labels)
            if slot is None:
                missing.append(index)
            else:
                slots[index] = slot
        refused: dict[int, tuple[RefusedSeries, str]] = {}
        self._spare(slots, missing)
        if missing:
            with self._writing:
                self._register_missing(batch, missing, slots, refused)
            self.refused.update(reason for reason, _ in refused.values())
        return Registered(slots, refused)

    def _spare(self, slots: I32, missing: Sequence[int]) -> None:
        """Somebody has the slots of known series: they are not to go now."""
        if self.lives.is_any_doomed:
            known = np.ones(len(slots), np.bool_)
            known[missing] = False
            with self._writing:
                self.lives.spare(slots[known])

    def _register_missing(
        self,
        batch: Sequence[Labels],
        missing: Sequence[int],
        slots: I32,
        refused: dict[int, tuple[RefusedSeries, str]],
    ) -> None:
        fresh: dict[Labels, int] = {}
        fresh_ids: dict[int, None] = {}
        by_metric: Counter[str] = Counter()
        pairs_of: list[list[int]] = []
        for index in missing:
            labels = batch[index]
            slot = self._slots.get(labels, fresh.get(labels, -1))
            if slot < 0:
                try:
                    pairs = self._check(labels, len(fresh), by_metric)
                except _Refusal as refusal:
                    refused[index] = (refusal.reason, str(refusal))
                else:
                    metric = metric_of(labels)
                    labels = tuple([self._pairs[pair] for pair in pairs])  # so that each pair exists once
                    fresh_ids[id_of(self._metric_hash(metric), labels, self._slot_by_id, fresh_ids)] = None
                    slot = fresh[labels] = self.count + len(fresh)
                    by_metric[metric] += 1
                    pairs_of.append(pairs)
            slots[index] = slot
        if fresh:
            ids = list(fresh_ids)
            self._define([Definition(id_, labels) for id_, labels in zip(ids, fresh, strict=True)])
            self._publish(ids, list(fresh), pairs_of, [_now_ms()] * len(ids))
            self.series_by_metric.update(by_metric)

    def restore(self, ids: Sequence[int], batch: Sequence[Labels], seen_ms: Sequence[int]) -> None:
        """Take over series that were durable before; of those that are known already only the time counts."""
        with self._writing:
            fresh: dict[int, Labels] = {}
            seen: dict[int, int] = {}
            pairs_of: list[list[int]] = []
            for id_, labels, at_ms in zip(ids, batch, seen_ms, strict=True):
                seen[id_] = max(at_ms, seen.get(id_, at_ms))
                if id_ in self._slot_by_id:
                    continue
                if id_ not in fresh and labels not in self._slots:
                    pairs = [self._pair_ids.get(pair, -1) for pair in labels]
                    if -1 in pairs:
                        pairs = [self._intern(pair) for pair in labels]
                    fresh[id_] = tuple([self._pairs[pair] for pair in pairs])
                    pairs_of.append(pairs)
                    self.series_by_metric[metric_of(labels)] += 1
            self._publish(list(fresh), list(fresh.values()), pairs_of, [seen[id_] for id_ in fresh])
            for id_ in seen.keys() - fresh.keys() if len(seen) > len(fresh) else ():
                if id_ in self._slot_by_id:
                    self.lives.see(np.array([self._slot_by_id[id_]], np.int32), seen[id_])

    def _publish(
        self, ids: Sequence[int], batch: Sequence[Labels], pairs_of: Sequence[list[int]], seen_ms: Sequence[int]
    ) -> None:
        first = self.count
        self.lives.born(np.array(seen_ms, np.int64))
        self._labels.extend(batch)
        self._ids.extend(np.array(ids, np.uint64))
        lengths = np.array([len(pairs) for pairs in pairs_of], np.int64)
        self._flat.extend(np.array([pair for pairs in pairs_of for pair in pairs], np.int32))
        self._starts.extend(self._starts.array[first] + np.cumsum(lengths))
        self.count = first + len(batch)
        self._slot_by_id.update(zip(ids, range(first, self.count), strict=True))
        self._slots.update(zip(batch, range(first, self.count), strict=True))

    def _metric_hash(self, metric: str) -> int:
        known = self._metric_hashes.get(metric)
        if known is None:
            known = self._metric_hashes[metric] = hash32(metric.encode())
        return known

    def _check(self, labels: Labels, fresh_count: int, by_metric: Counter[str]) -> list[int]:
        """The pairs of a new series; _Refusal where it breaks a limit."""
        limits = self._limits
        if self.alive_count + fresh_count >= limits.series_max:
            raise _Refusal(
                "series_max", f"there are {self.alive_count + fresh_count} series; the limit is {limits.series_max}"
            )
        if len(labels) > limits.labels_max:
            raise _Refusal("labels_max", f"the series has {len(labels)} labels; the limit is {limits.labels_max}")
        pairs, total, before, metric = [], 0, "", ""
        for pair in labels:
            known = self._pair_ids.get(pair)
            if known is None:
                self._check_pair(pair)
                known = self._intern(pair)
            name = pair[0]
            if name <= before:
                reason: RefusedSeries = "label_duplicate" if name == before else "label_names_not_sorted"
                raise _Refusal(reason, f"the label {name!r} comes after {before!r}; names must ascend")
            before = name
            if name == METRIC_NAME:
                metric = pair[1]
            total += self._pair_bytes[known]
            pairs.append(known)
        if not metric:
            raise _Refusal("metric_name_missing", f"the series {dict(labels)!r:.200} has no {METRIC_NAME}")
        if total > limits.labels_bytes_max:
            raise _Refusal(
                "labels_bytes_max", f"labels of {metric} have {total} bytes; the limit is {limits.labels_bytes_max}"
            )
        seen = self.series_by_metric[metric] + by_metric[metric]
        if seen >= limits.series_of_a_metric_max:
            raise _Refusal(
                "series_of_a_metric_max", f"{metric} has {seen} series; the limit is {limits.series_of_a_metric_max}"
            )
        return pairs

    def _check_pair(self, pair: tuple[str, str]) -> None:
        limits = self._limits
        name, value = pair
        try:
            name_bytes, value_bytes = len(name.encode()), len(value.encode())
        except UnicodeEncodeError:
            raise _Refusal("label_value_not_utf8", f"the label {name!r} or its value is not UTF-8") from None
        if not name or not value:
            raise _Refusal("label_name_invalid", f"the label {name!r}={value!r} has an empty name or value")
        if name_bytes > limits.label_name_bytes_max:
            raise _Refusal(
                "label_name_bytes_max",
                f"the label name {name[:50]!r}… has {name_bytes} bytes; the limit is {limits.label_name_bytes_max}",
            )
        if value_bytes > limits.label_value_bytes_max:
            raise _Refusal(
                "label_value_bytes_max",
                f"the value of {name[:50]!r} has {value_bytes} bytes; the limit is {limits.label_value_bytes_max}",
            )

    def _intern(self, pair: tuple[str, str]) -> int:
        name, value = pair
        known = self._pair_ids.get(pair)
        if known is not None:
            return known
        number = len(self._pairs)
        self._pairs.append(pair)
        self._pair_bytes.append(len(name.encode()) + len(value.encode()))
        values = self.values_by_name.get(name)
        if values is None:
            values = self.values_by_name[name] = Values([], [])
        values.texts.append(value)
        values.pairs.append(number)
        self._pair_ids[pair] = number
        return number

    def select(self, alternatives: Sequence[Sequence[Matcher]]) -> I32:
        """Slots, ascending, of series that fulfil all matchers of at least one alternative. Raises InputError."""
        count = self.count
        pairs_count = len(self._pairs)
        self._index.update(self._flat.array, self._starts.array, count, pairs_count)
        found = [
            self._index.select([self._matching.pair_set(matcher) for matcher in matchers], pairs_count)
            for matchers in alternatives
        ]
        slots = found[0] if found else np.zeros(0, np.int32)
        if len(found) > 1:
            slots = np.unique(np.concatenate(found))
        return slots[~self.lives.is_dead(slots)] if self.lives.dead_count else slots

    @property
    def alive_count(self) -> int:
        """Series that have not gone."""
        return self.count - self.lives.dead_count

    def see(self, slots: I32, at_ms: int) -> None:
        """Their definitions say now that they were alive then."""
        with self._writing:
            self.lives.see(slots, at_ms)

    def doom(self, slots: I32) -> None:
        """They go, unless they are used before `retire`."""
        with self._writing:
            self.lives.doom(slots, time.monotonic())

    def retire(self, wait_s: float) -> list[int]:
        """Let go of those that were doomed for so long and not used meanwhile; their ids."""
        with self._writing:
            gone = self.lives.doomed_for(wait_s, time.monotonic())
            ids: list[int] = self._ids.array[gone].tolist()
            for slot, id_ in zip(gone, ids, strict=True):
                labels = self._labels[slot]
                self.lives.kill(slot)
                self.series_by_metric[metric_of(labels)] -= 1
                self._slots.pop(labels, None)
                self._slot_by_id.pop(id_, None)
                self._labels[slot] = ()
            self.series_by_metric = +self.series_by_metric
            return ids

    def living(self, slots: I32) -> I32:
        """The slots to use for slots that a sender has: of a series that has gone, one where it is again; -1 where it
        is not taken any more. What `define` raises comes through."""
        if not self.lives.dead_count and not self.lives.is_any_doomed:
            return slots
        inside = (slots >= 0) & (slots < self.count)
        with self._writing:
            self.lives.spare(slots[inside])
        dead = np.unique(slots[inside][self.lives.is_dead(slots[inside])])
        if len(dead) == 0:
            return slots
        flat, starts = self._flat.array, self._starts.array
        batch = [
            tuple([self._pairs[pair] for pair in flat[starts[slot] : starts[slot + 1]].tolist()])
            for slot in dead.tolist()
        ]
        fresh = self.register(batch).slots
        where = np.searchsorted(dead, slots).clip(max=len(dead) - 1)
        return np.where(dead[where] == slots, fresh[where], slots).astype(np.int32)

    def find(self, batch: Sequence[Labels]) -> list[int]:
        """Slots by labels; -1 where a series is not known."""
        get = self._slots.get
        return [get(labels, -1) for labels in batch]

    def labels_of(self, slot: int) -> Labels:
        """The labels of a slot."""
        return self._labels[slot]

    def labels_list(self, slots: I32) -> list[Labels]:
        """The labels of slots."""
        labels = self._labels
        return [labels[slot] for slot in slots.tolist()]

    def metrics_sizes(self, slots: I32) -> dict[int, int]:
        """How many series there are of the metrics that these series are of, by the upper half of their ids."""
        upper, first = np.unique(self._ids.array[slots] >> np.uint64(32), return_index=True)
        sizes = [self.series_by_metric[metric_of(self._labels[slot])] for slot in slots[first].tolist()]
        return dict(zip(upper.tolist(), sizes, strict=True))

    @property
    def ids(self) -> U64:
        """Ids by slot; more than `count` of it mean nothing."""
        return self._ids.array

    def slots_of(self, ids: U64) -> I32:
        """Slots by id; -1 where a series is not known."""
        get = self._slot_by_id.get
        return np.array([get(id_, -1) for id_ in ids.tolist()], np.int32)

    def pairs_of(self, slots: I32) -> tuple[I64, list[tuple[str, str]]]:
        """How often each label pair occurs among series, and what the pairs are: `counts[i]` of `pairs[i]`."""
        flat, starts = self._flat.array, self._starts.array
        if len(slots) == 0:
            return np.zeros(0, np.int64), []
        lengths = starts[slots + 1] - starts[slots]
        first = np.repeat(starts[slots] - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths)
        numbers, counts = np.unique(flat[first + np.arange(len(first))], return_counts=True)
        return counts, [self._pairs[number] for number in numbers.tolist()]

    def groups(self, slots: I32, names: frozenset[str], *, is_without: bool) -> tuple[list[Labels], I64]:
        """See `Pieces.groups`."""
        from trimtab.store.metrics.registry_kernels import group

        if len(slots) == 0:
            return [], np.zeros(0, np.int64)
        flat, starts = self._flat.array, self._starts.array
        is_kept = np.full(len(self._pairs), is_without)
        for name in names:
            values = self.values_by_name.get(name)
            if values is not None:
                pairs = np.array(values.pairs, np.int64)
                is_kept[pairs[pairs < len(is_kept)]] = not is_without
        firsts, numbers = group(flat, starts, slots, is_kept)
        kept = is_kept.tolist() if len(firsts) > len(is_kept) else is_kept
        return [
            tuple([self._pairs[pair] for pair in flat[starts[slot] : starts[slot + 1]].tolist() if kept[pair]])
            for slot in slots[firsts].tolist()
        ], numbers

    @property
    def pairs_count(self) -> int:
        """Different label pairs."""
        return len(self._pairs)

    def cardinality(self, limit: int) -> Cardinality:
        """What takes the most series."""
        count = self.count
        starts = self._starts.array[: count + 1]
        is_alive = np.repeat(self.lives.alive(count), np.diff(starts))
        used = np.bincount(self._flat.array[: starts[count]][is_alive], minlength=1)
        most = np.argsort(-used, kind="stable")[:limit].tolist() if count else []
        values = {name: len(found.pairs) for name, found in list(self.values_by_name.items())}
        sizes = {
            name: sum(self._pair_bytes[pair] for pair in found.pairs)
            for name, found in list(self.values_by_name.items())
        }
        return Cardinality(
            series_by_metric=self.series_by_metric.most_common(limit),
            values_by_label=Counter(values).most_common(limit),
            series_by_pair=[("=".join(self._pairs[pair]), int(used[pair])) for pair in most],
            bytes_by_label=Counter(sizes).most_common(limit),
        )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
