"""Proposals of the loop, tried on a clone before anybody is asked for a yes: what harms there is not proposed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import structlog

from trimtab.advise.index.advice import Advice
from trimtab.advise.index.session import Connection
from trimtab.advise.verify.answers import Measured, Trial, Verification
from trimtab.advise.verify.verify import VerifySettings, verify
from trimtab.app.advice_record import RecordKeeper
from trimtab.app.advising import Trying, clone_of
from trimtab.model.change import Proposal
from trimtab.model.errors import TrimtabError
from trimtab.model.policy import AdvisePolicy
from trimtab.model.query import SlowQuery
from trimtab.sql.index_ddl import readable

SAMPLES_MAX = 3
"""So many complete statements stand for the query; all of them are run in both forms."""
NOT_EXECUTED = "not executed: no shadow copy"

log = structlog.get_logger()


def tried_on_clone(
    advice: Advice, query: SlowQuery, connection: Connection, policy: AdvisePolicy, record: RecordKeeper, now_ms: int
) -> Advice:
    """Each proposal measured by itself on the clone that policy names; the best there comes first.

    A clone that is not there stops nothing: that the proposals were not tried is said with each.
    """
    if not policy.clone or not advice.proposals:
        return advice
    if not query.samples:
        return _said(advice, "not tried on the clone: no complete statement of the query was seen")
    texts = tuple(query.samples[:SAMPLES_MAX])
    trying = Trying(policy.clone, settings=VerifySettings(time_max_s=policy.clone_time_s / len(advice.proposals)))
    try:
        with clone_of(connection, trying) as clone:
            found = [
                verify(clone, [Trial("query", 1.0, texts, texts)], [one.index], original=None, settings=trying.settings)
                for one in advice.proposals
            ]
    except TrimtabError as error:
        if connection.closed:
            raise
        log.warning("clone_not_used", problem=error.message)
        return _said(advice, f"not tried on the clone: {error.message}")
    return _sorted(advice, found, record, now_ms)


def _said(advice: Advice, words: str) -> Advice:
    proposals = tuple(replace(one, not_verified=(words, *one.not_verified)) for one in advice.proposals)
    return replace(advice, proposals=proposals)


def _sorted(advice: Advice, found: Sequence[Verification], record: RecordKeeper, now_ms: int) -> Advice:
    kept: list[tuple[float, Proposal]] = []
    harmed: list[str] = []
    for one, seen in zip(advice.proposals, found, strict=True):
        if seen.withdrawn:
            gone = seen.withdrawn[0]
            record.measured_on_clone(one, gone.ratio, gone.interval_90, "withdrawn", now_ms)
            harmed.append(f"{readable(one.index)}: {gone.reason}")
        elif seen.statements and math.isfinite(seen.statements[0].interval_90[1]):
            measured = seen.statements[0]
            record.measured_on_clone(one, measured.ratio, measured.interval_90, "verified", now_ms)
            kept.append((measured.ratio, _with(one, seen, measured)))
        else:
            why = seen.not_tried[0][1] if seen.not_tried else "too little time for an interval"
            words = f"not tried on {seen.clone}: {why}"
            kept.append((one.predicted_ratio, replace(one, not_verified=(words, *one.not_verified))))
    kept.sort(key=lambda pair: pair[0])
    notes = (*advice.notes, *(f"withdrawn after it was tried on a clone: {words}" for words in harmed))
    reason = advice.reason
    if harmed and not kept:
        reason = f"What the planner promised did not hold on a clone. {' '.join(harmed)}"
    return replace(advice, proposals=tuple(one for _, one in kept), notes=notes, reason=reason)


def _with(one: Proposal, seen: Verification, measured: Measured) -> Proposal:
    low, high = measured.interval_90
    words = (
        f"tried on {seen.clone}: {measured.ratio:.3g} of its time (9 times in 10: {low:.2g} to {high:.2g}), "
        f"measured as {seen.unit} in {measured.blocks} blocks of old, new, new, old"
    )
    size_bytes = seen.indexes[0].size_bytes if seen.indexes and "sample" not in seen.clone else one.size_bytes
    left = tuple(line for line in one.not_verified if line != NOT_EXECUTED)
    return replace(one, verified=(words, *one.verified), not_verified=(*seen.notes, *left), size_bytes=size_bytes)
