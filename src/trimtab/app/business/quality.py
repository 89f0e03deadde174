"""How good the data of each system and table is, from what probes found last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from trimtab.analyze.quality.score import Looked, Score, score_of
from trimtab.app.business.probing import ProbeNow
from trimtab.model.probes import Dimension


@dataclass(frozen=True, slots=True)
class Scored:
    """The score of a system (`table` '') or of one of its tables."""

    system: str
    table: str
    score: Score


def scores_of(
    probes: Iterable[ProbeNow], weights: Mapping[Dimension, float] | None, now_ms: int
) -> tuple[list[Scored], list[Scored]]:
    """Of systems, and of tables; the worst first (what nobody measured, at the end)."""
    systems: dict[str, list[Looked]] = {}
    tables: dict[tuple[str, str], list[Looked]] = {}
    for now in probes:
        looked = Looked(now.probe, now.current(now_ms))
        systems.setdefault(now.probe.system, []).append(looked)
        if now.probe.table:
            tables.setdefault((now.probe.system, now.probe.table), []).append(looked)
    of_systems = [Scored(name, "", found) for name, one in systems.items() if (found := score_of(one, weights))]
    of_tables = [Scored(*name, found) for name, one in tables.items() if (found := score_of(one, weights))]
    return sorted(of_systems, key=_worst_first), sorted(of_tables, key=_worst_first)


def _worst_first(one: Scored) -> tuple[float, float, str, str]:
    score = one.score
    return (2.0 if score.score is None else score.score, score.coverage, one.system, one.table)
