"""Episodes that began together: most likely one incident that shows in several series."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trimtab.model.anomalies import AnomalyEpisode

TOGETHER_MS = 60_000
"""Episodes that begin within so long of the one before, or within two steps of their series, belong together."""
SPAN_MS_MAX = 300_000
"""And all of a group within this."""


@dataclass(frozen=True, slots=True)
class Group:
    """Episodes that began together, the oddest first. `number` is the id of the one that began first."""

    number: int
    start_ms: int
    episodes: tuple[AnomalyEpisode, ...]

    @property
    def is_open(self) -> bool:
        """Whether one of them goes on."""
        return any(one.is_open for one in self.episodes)

    @property
    def score(self) -> float:
        """The highest of its scores."""
        return self.episodes[0].score


def groups_of(episodes: Iterable[AnomalyEpisode]) -> tuple[Group, ...]:
    """Groups, the newest first."""
    found: list[list[AnomalyEpisode]] = []
    for one in sorted(episodes, key=lambda one: (one.start_ms, one.id)):
        if found:
            last = found[-1]
            together_ms = max(TOGETHER_MS, 2 * min(one.series.step_ms, last[-1].series.step_ms))
            if one.start_ms - last[-1].start_ms <= together_ms and one.start_ms - last[0].start_ms <= SPAN_MS_MAX:
                last.append(one)
                continue
        found.append([one])
    return tuple(_group(ones) for ones in reversed(found))


def _group(ones: Sequence[AnomalyEpisode]) -> Group:
    first = min(ones, key=lambda one: (one.start_ms, one.id))
    return Group(first.id, first.start_ms, tuple(sorted(ones, key=lambda one: (-one.score, one.id))))
