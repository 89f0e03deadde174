"""Tail sampling: which traces are stored is decided when most of their spans are there.

A segment of the spool waits (`traces.decide_after_s`) before it is loaded. Then whoever decides about its spans knows
what came before, and looks into the segments that came after: a trace with an error or a slow span in any of these is
kept. Of the rest one in N is, by a hash of its id, so that every part of a trace gets the same answer, also after a
restart. A span that is kept in such a way stands for N (`sample_weight`); one that is kept for what it is, for itself.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from trimtab.model.errors import InputError
from trimtab.store.frames import parse
from trimtab.store.traces.answers import SPAN_STATUSES
from trimtab.store.traces.red import codes_of
from trimtab.store.traces.sampling_rules import SamplingRules

if TYPE_CHECKING:
    import pyarrow as pa

Hashes = NDArray[np.uint64]

_ERROR = SPAN_STATUSES.index("error")
_SEGMENTS_REMEMBERED = 200
"""Segments whose traces that must be kept are remembered."""


def hashes_of(trace_ids: NDArray[np.uint8]) -> Hashes:
    """A number for each trace id, [N, 16] bytes; evenly spread.

    >>> hashes_of(np.zeros((1, 16), np.uint8)).dtype
    dtype('uint64')
    """
    words = np.ascontiguousarray(trace_ids).view(np.uint64).reshape(-1, 2)
    mixed = (words[:, 0] ^ (words[:, 1] * np.uint64(0x9E3779B97F4A7C15))) * np.uint64(0xE9846AF9B1A615D5)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0x9E6F8A1BC4D2F3A7)
    return mixed ^ (mixed >> np.uint64(32))


class Sampler:
    """Decides about one segment after the other. `segments` names the files of the spool that are there, oldest first;
    `dropped_count` is how many spans were left out since the start."""

    def __init__(self, rules: SamplingRules, segments: Callable[[], Sequence[Path]]) -> None:
        self._rules = rules
        self._segments = segments
        self._seen: OrderedDict[str, tuple[int, Hashes]] = OrderedDict()
        self._counting = threading.Lock()
        self._counted: OrderedDict[int, None] = OrderedDict()
        self.dropped_count = 0
        self.kept_count = 0

    def kept(self, segment_id: int, spans: pa.Table, hashes: Hashes) -> pa.Table:
        """The spans that are kept, with the column `sample_weight`."""
        import pyarrow as pa

        rules = self._rules
        took_ms = np.asarray(spans["duration_ms"].to_numpy())
        status, statuses = codes_of(spans, "status")
        has_failed = np.array([name == "error" for name in statuses], np.bool_)[status]
        must = self._remember(f"{segment_id:016x}", 0, hashes[_matters(rules, took_ms, has_failed)])
        must = np.concatenate([must, *self._before_and_after(segment_id)])
        is_kept_for_itself = np.isin(hashes, must)
        one_in = self._one_in(spans, hashes)
        share = np.floor(np.float64(2**64) / one_in).astype(np.float64)
        is_drawn = hashes.astype(np.float64) < share
        is_kept = is_kept_for_itself | is_drawn
        weight = np.where(is_kept_for_itself, 1.0, one_in).astype(np.float32)
        self._count(segment_id, len(hashes), int(is_kept.sum()))
        chosen = np.flatnonzero(is_kept)
        return spans.append_column("sample_weight", pa.array(weight)).take(chosen).combine_chunks()

    def _count(self, segment_id: int, all_count: int, kept_count: int) -> None:
        with self._counting:
            if segment_id in self._counted:  # another shard of the same, or another try
                return
            self._counted[segment_id] = None
            while len(self._counted) > _SEGMENTS_REMEMBERED:
                self._counted.popitem(last=False)
            self.kept_count += kept_count
            self.dropped_count += all_count - kept_count

    def _one_in(self, spans: pa.Table, hashes: Hashes) -> NDArray[np.float64]:
        """For each span, of how many traces like its own one is kept."""
        found = np.full(len(hashes), float(self._rules.one_in))
        if not self._rules.one_in_of:
            return found
        service, names = codes_of(spans, "service_name")
        own = np.array([float(self._rules.one_in_of.get(name, self._rules.one_in)) for name in names])
        _, which = np.unique(hashes, return_inverse=True)
        least = np.full(int(which.max()) + 1, np.inf)
        np.minimum.at(least, which, own[service])
        return np.asarray(least[which])

    def _before_and_after(self, segment_id: int) -> list[Hashes]:
        """What must be kept, as far as other segments say: those that are remembered, and those that wait."""
        for path in self._segments():
            size = path.stat().st_size if path.exists() else 0
            known = self._seen.get(path.stem)
            if path.stem != f"{segment_id:016x}" and size and (known is None or 0 < known[0] < size):
                self._remember(path.stem, size, _look_into(path, self._rules))
        return [hashes for _, hashes in self._seen.values()]

    def _remember(self, name: str, size: int, hashes: Hashes) -> Hashes:
        found = np.unique(hashes)
        self._seen[name] = (size, found)
        self._seen.move_to_end(name)
        while len(self._seen) > _SEGMENTS_REMEMBERED:
            self._seen.popitem(last=False)
        return found


def _matters(rules: SamplingRules, took_ms: NDArray[np.float64], has_failed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    found = has_failed if rules.keep_errors else np.zeros(len(took_ms), np.bool_)
    return found | (took_ms >= rules.slower_ms) if rules.slower_ms else found


def _look_into(path: Path, rules: SamplingRules) -> Hashes:
    """Traces that must be kept because of what stands in a segment that is not loaded yet."""
    from trimtab.store.traces import walk_kernels as walk
    from trimtab.store.traces.decode import walked_of

    try:
        messages = parse(path.read_bytes()).messages
    except FileNotFoundError:  # it was loaded meanwhile
        return np.zeros(0, np.uint64)
    body = bytearray(b"".join(message.payload for message in messages))
    try:
        walked = walked_of(body, sum(message.rows_count for message in messages))
    except InputError:  # the loader puts it aside
        return np.zeros(0, np.uint64)
    spans = walked.spans
    took_ms = (spans[:, walk.END_NS] - spans[:, walk.START_NS]) / 1e6
    return trace_hashes(walked.body, spans[_matters(rules, took_ms, spans[:, walk.STATUS_CODE] == _ERROR)])


def trace_hashes(body: NDArray[np.uint8], spans: NDArray[np.int64]) -> Hashes:
    """Hashes of the trace ids of spans that were walked over."""
    from trimtab.store.traces.walk_kernels import TRACE_ID

    if not len(spans):
        return np.zeros(0, np.uint64)
    return hashes_of(body[spans[:, TRACE_ID][:, None] + np.arange(16)])
