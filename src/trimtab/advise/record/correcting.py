"""Predictions moved by the record of their kind, and what is kept of them.

Errors are compared in the unit of what is usual for a prediction of that size (`usual_error`): a statement that is
hardly touched teaches little about one that becomes a hundred times faster, and gets no such correction either.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from trimtab.advise.record.kinds import WORKLOAD, family_of, index_kind, kind_of_definition
from trimtab.advise.workload.advice import StatementOutlook, WorkloadAdvice
from trimtab.advise.workload.outlook import usual_error
from trimtab.model.change import Proposal
from trimtab.model.estimates import Estimate
from trimtab.sql.index_ddl import readable
from trimtab.stats.prediction_record import Comparison, Correction, Judged, against_history, correction

CHANGE_CHARS_MAX = 4_000


@dataclass(frozen=True, slots=True)
class Corrected:
    """A ratio as the record would have it; `source` says by how many cases, "" where there is none."""

    ratio: float
    interval_90: tuple[float, float]
    count: int
    source: str


class Corrections:
    """What measured estimates (oldest first) say of each kind of advice."""

    def __init__(self, measured: Iterable[Estimate] = ()) -> None:
        self._measured = [one for one in measured if one.measured_ratio is not None]
        self._of_kind: dict[str, list[float]] = {}
        self._of_family: dict[str, list[float]] = {}
        for one in self._measured:
            residual = math.log((one.measured_ratio or 1.0) / one.raw_ratio) / usual_error(one.raw_ratio)
            self._of_kind.setdefault(one.kind, []).append(residual)
            self._of_family.setdefault(family_of(one.kind), []).append(residual)

    @property
    def count(self) -> int:
        """Measured cases, of all kinds."""
        return len(self._measured)

    def of(self, kind: str) -> Correction:
        """For the next prediction of a kind, in units of its usual error."""
        return correction(self._of_kind.get(kind, ()), self._of_family.get(family_of(kind), ()))

    def applied(self, kind: str, ratio: float, interval_90: tuple[float, float]) -> Corrected:
        """A prediction, moved. One of exactly 1 (nothing changes) stays."""
        found = self.of(kind)
        if found.count_all == 0 or ratio <= 0 or interval_90[0] == interval_90[1]:
            return Corrected(ratio, interval_90, 0, "")
        unit = usual_error(ratio)
        factor = math.exp(found.shift * unit)
        moved = ratio * factor
        if found.low is not None and found.high is not None:
            ends = (moved * math.exp(found.low * unit), moved * math.exp(found.high * unit))
        else:
            ends = (interval_90[0] * factor, interval_90[1] * factor)
        return Corrected(moved, ends, found.count_all, told(kind, found, factor))

    def score(self) -> Comparison:
        """How good the stated intervals were, beside always saying the historical mean."""
        return against_history(
            [
                Judged(max(one.interval_90[0], 1e-9), min(one.interval_90[1], 1e9), one.measured_ratio or 1.0)
                for one in self._measured
            ]
        )


def told(kind: str, found: Correction, factor: float) -> str:
    """The correction in words.

    >>> told("index/loop", Correction(0.1, None, None, 3, 8), 1.105)
    'corrected by 1.10 from 8 measured cases (3 of them of the kind index/loop)'
    """
    cases = f"{found.count_all} measured case{'s' if found.count_all != 1 else ''}"
    return f"corrected by {factor:.2f} from {cases} ({found.count} of them of the kind {kind})"


def corrected_workload(advice: WorkloadAdvice, record: Corrections) -> WorkloadAdvice:
    """A workload's advice with every ratio corrected, and a note where any was."""
    statements = tuple(_corrected(one, record) for one in advice.statements)
    whole = record.applied(WORKLOAD, advice.predicted_ratio, advice.interval_90)
    note = (
        f"ratios are corrected by the record of {record.count} measured cases"
        if record.count
        else "no advice was measured here yet: ratios are not corrected by a record"
    )
    return replace(
        advice,
        statements=statements,
        predicted_ratio=whole.ratio,
        interval_90=whole.interval_90,
        notes=(*advice.notes, note),
    )


def _corrected(one: StatementOutlook, record: Corrections) -> StatementOutlook:
    if not one.rests_on:
        return one
    found = record.applied(index_kind(one.rests_on), one.predicted_ratio, one.interval_90)
    return replace(one, predicted_ratio=found.ratio, interval_90=found.interval_90)


def workload_estimates(
    raw: WorkloadAdvice,
    corrected: WorkloadAdvice,
    fingerprint_of: Callable[[str], str],
    *,
    system: str,
    at_ms: int,
    count: int,
) -> list[Estimate]:
    """What is kept of a workload's advice: each statement that it changes, and the whole."""
    indexes = "; ".join(readable(one.definition) for one in raw.indexes)[:CHANGE_CHARS_MAX]
    whole = Estimate(
        f"workload/{system}/{at_ms}",
        at_ms,
        system,
        "",
        WORKLOAD,
        indexes,
        raw.predicted_ratio,
        corrected.predicted_ratio,
        corrected.interval_90,
        count,
    )
    made = [whole] if raw.indexes else []
    for before, after in zip(raw.statements, corrected.statements, strict=True):
        if before.rests_on and before.predicted_ratio > 0:
            read = "; ".join(readable(one.definition) for one in raw.indexes if before.name in one.statements)
            made.append(
                Estimate(
                    f"workload/{system}/{at_ms}/{before.name}",
                    at_ms,
                    system,
                    fingerprint_of(before.name),
                    index_kind(before.rests_on),
                    read[:CHANGE_CHARS_MAX],
                    before.predicted_ratio,
                    after.predicted_ratio,
                    after.interval_90,
                    count,
                )
            )
    return made


def corrected_proposals(
    proposals: Sequence[Proposal], record: Corrections, at_ms: int
) -> tuple[tuple[Proposal, ...], list[Estimate]]:
    """Proposals as the record would have them, and what is kept of each."""
    made: list[Proposal] = []
    kept: list[Estimate] = []
    for one in proposals:
        kind = kind_of_definition(one.index)
        found = record.applied(kind, one.predicted_ratio, one.predicted_interval_90)
        source = f"{one.interval_source}; {found.source}" if found.source else one.interval_source
        made.append(
            replace(
                one,
                predicted_ratio=found.ratio,
                predicted_interval_90=found.interval_90,
                interval_source=source,
            )
        )
        kept.append(
            Estimate(
                proposal_key(one, at_ms),
                at_ms,
                one.system,
                one.fingerprint,
                kind,
                readable(one.index)[:CHANGE_CHARS_MAX],
                one.predicted_ratio,
                found.ratio,
                found.interval_90,
                found.count,
            )
        )
    return tuple(made), kept


def proposal_key(proposal: Proposal, at_ms: int) -> str:
    """Names a proposal of one moment."""
    return f"proposal/{proposal.content_hash}/{proposal.fingerprint}/{at_ms}"
