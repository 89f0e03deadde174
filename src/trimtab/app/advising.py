"""Advice on a workload from end to end: asked, corrected by the record, tried on a clone, kept in the record."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from trimtab.advise.index.session import Connection
from trimtab.advise.record.correcting import Corrections, corrected_workload, workload_estimates
from trimtab.advise.record.kinds import WORKLOAD
from trimtab.advise.verify.answers import Verification
from trimtab.advise.verify.clone import Clone, named_clone
from trimtab.advise.verify.copying import COPY_BYTES_MAX, made_clone
from trimtab.advise.verify.trials import trials_of
from trimtab.advise.verify.verify import VerifySettings, verify
from trimtab.advise.workload.advice import WorkloadAdvice
from trimtab.advise.workload.advisor import WorkloadSettings, advise_workload
from trimtab.advise.workload.statements import Left, WorkloadStatement
from trimtab.model.errors import InputError, StoreError
from trimtab.model.estimates import Estimate
from trimtab.model.index import IndexDefinition
from trimtab.observe.postgres.indexes import IndexLook, look_at_indexes
from trimtab.sql.connect import Reference
from trimtab.sql.database_identity import identity_of
from trimtab.sql.fingerprint import fingerprint
from trimtab.sql.index_ddl import readable
from trimtab.store.advice_record import AdviceRecord

MAKE = "make"
"""Said in the place of a connection string: make a clone."""


@dataclass(frozen=True, slots=True)
class Trying:
    """Whether and where advice is tried: `clone` is a reference without a password, or `MAKE`; None: not at all.

    `copy_bytes_max`: a larger database is not copied whole, rows of it are drawn.
    """

    clone: str | None = None
    copy_bytes_max: int = COPY_BYTES_MAX
    settings: VerifySettings = field(default_factory=VerifySettings)


@dataclass(frozen=True, slots=True)
class Advised:
    """`advice` is as the record would have it, before any withdrawal; `verification` says what was measured of it.

    `record_notes` say how many cases corrected it, and where it was kept.
    """

    advice: WorkloadAdvice
    verification: Verification | None
    record_notes: tuple[str, ...]


def looks_at_standbys(system: Reference, standbys: Sequence[Reference]) -> tuple[IndexLook, ...]:
    """What standbys of a system counted. InputError for one that is not a standby of the same database."""
    if not standbys:
        return ()
    with system.connect("trimtab/advise") as connection:
        here = identity_of(connection)
    found: list[IndexLook] = []
    for one in standbys:
        with one.connect("trimtab/advise") as connection:
            look = look_at_indexes(connection)
        mine, its = here.target, look.identity.target
        known = None not in (mine.system_identifier, its.system_identifier)
        of_another = mine.database_oid != its.database_oid or (
            known and mine.system_identifier != its.system_identifier
        )
        if of_another or not look.identity.in_recovery:
            why = "another database" if of_another else "no standby: it takes writes"
            raise InputError(f"--standby: {one.display} is {why}", standby=one.display)
        if any(look.identity.started_at_us == other.identity.started_at_us for other in found):
            raise InputError(f"--standby: {one.display} was named twice", standby=one.display)
        found.append(look)
    return tuple(found)


def advise_on(
    reference: Reference,
    statements: Sequence[WorkloadStatement],
    left: Sequence[Left],
    *,
    settings: WorkloadSettings,
    trying: Trying,
    record: AdviceRecord | None,
    now_ms: Callable[[], int],
    originals: Mapping[str, str] | None = None,
) -> Advised:
    """Advice on a workload. Nothing is built on the system itself, whatever is asked for.

    `record` None: nothing is corrected, and nothing kept. `originals` are the texts of today, by name, of statements
    that are rewritten already: on a clone these are what the new form with its indexes is measured against.
    """
    notes: list[str] = []
    corrections = _corrections(record, notes)
    with reference.connect("trimtab/advise") as connection:
        raw = advise_workload(connection, statements, left, settings=settings)
        advice = corrected_workload(raw, corrections)
        verification = None
        if trying.clone is not None and (advice.indexes or advice.statistics or originals):
            verification = _tried(connection, statements, advice, trying, originals or {})
    if record is not None:
        texts = {one.name: one.text for one in statements}
        estimates = workload_estimates(
            raw,
            advice,
            lambda name: fingerprint(texts[name]) or "",
            system=reference.display,
            at_ms=now_ms(),
            count=corrections.count,
        )
        _keep(record, measured_estimates(estimates, verification, now_ms(), frozenset(originals or ())), notes)
    return Advised(advice, verification, tuple(notes))


def _corrections(record: AdviceRecord | None, notes: list[str]) -> Corrections:
    if record is None:
        return Corrections()
    try:
        return Corrections(record.measured())
    except StoreError as error:
        notes.append(error.message)
        return Corrections()


def _keep(record: AdviceRecord, estimates: Sequence[Estimate], notes: list[str]) -> None:
    if not estimates:
        return
    try:
        record.keep(estimates)
    except StoreError as error:
        if error.message not in notes:
            notes.append(error.message)
        return
    measured = sum(one.measured_ratio is not None for one in estimates)
    notes.append(f"{len(estimates)} predictions ({measured} measured) are kept in {record.path}")


def _tried(
    connection: Connection,
    statements: Sequence[WorkloadStatement],
    advice: WorkloadAdvice,
    trying: Trying,
    originals: Mapping[str, str],
) -> Verification:
    with clone_of(connection, trying) as clone:
        trials, left = trials_of(clone.connection, statements, originals)
        definitions = [one.definition for one in advice.indexes]
        found = verify(
            clone,
            trials,
            definitions,
            statistics=advice.statistics,
            original=connection,
            settings=trying.settings,
        )
    known = {one.name for one in advice.left}
    return replace(found, not_tried=tuple(one for one in (*found.not_tried, *left) if one[0] not in known))


@contextmanager
def clone_of(connection: Connection, trying: Trying) -> Iterator[Clone]:
    """The clone that was asked for."""
    if trying.clone == MAKE:
        with made_clone(connection, copy_bytes_max=trying.copy_bytes_max) as made:
            yield made
    else:
        with named_clone(Reference.parse(str(trying.clone)), connection) as named:
            yield named


def measured_estimates(
    estimates: Sequence[Estimate], found: Verification | None, at_ms: int, rewritten: frozenset[str] = frozenset()
) -> list[Estimate]:
    """Estimates with what was measured of each on a clone, but for statements that were rewritten as well.

    A statement that was harmed keeps the ratio that its index was withdrawn for. One whose index went for the sake of
    another statement was not measured as advised, nor was the whole, once anything was withdrawn.
    """
    if found is None:
        return list(estimates)
    harmed = {one.statement: one for one in found.withdrawn if one.statement}
    gone = [one.definition for one in found.withdrawn]
    seen = {one.name: one for one in found.statements}

    def with_measured(one: Estimate) -> Estimate:
        name = one.key.removeprefix(f"{WORKLOAD}/{one.system}/{one.at_ms}/")
        if one.kind == WORKLOAD:
            whole = not gone and not rewritten and math.isfinite(found.interval_90[1])
            return _with(one, found.ratio, found.interval_90, at_ms, "verified") if whole else one
        if name in rewritten:
            return one
        if name in harmed:
            return _with(one, harmed[name].ratio, harmed[name].interval_90, at_ms, "withdrawn")
        if name in seen and seen[name].blocks and not any(_reads(one, definition) for definition in gone):
            return _with(one, seen[name].ratio, seen[name].interval_90, at_ms, "verified")
        return one

    return [with_measured(one) for one in estimates]


def _reads(one: Estimate, definition: IndexDefinition) -> bool:
    return readable(definition) in one.change.split("; ")


def _with(one: Estimate, ratio: float, interval: tuple[float, float], at_ms: int, outcome: str) -> Estimate:
    return replace(
        one,
        measured_ratio=ratio,
        measured_interval_90=interval,
        measured_at_ms=at_ms,
        measured_by="clone",
        outcome=outcome,
    )
