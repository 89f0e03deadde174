"""Data quality: scores with their parts, and the probes behind them."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab.analyze.quality.score import SOURCE as SCORE_SOURCE
from trimtab.app.business.keeper import BusinessNow
from trimtab.app.business.probing import ProbeNow
from trimtab.app.business.quality import Scored
from trimtab.app.business.series import VALUE_NAMES
from trimtab.app.files_in_force import FileNow
from trimtab.model.probes import Measured, Probe
from trimtab.model.readable import duration_of
from trimtab.observe.probes.statements import statement_of


@dataclass(frozen=True, slots=True)
class ProbeRow:
    """A probe. `value` None: `why_not` says why; `state` is good, bad, measured, refused, failed, stale or waiting.

    Of freshness, `value` is the age at the moment of the answer: it grows between looks; one far below 0 is bad, and
    `why_not` says how far in the future the newest row lies.
    """

    name: str
    system: str
    table: str
    kind: str
    dimension: str
    description: str
    unit: str
    wanted: str
    weight: float
    interval_ms: int
    timeout_ms: int
    timezone: str
    state: str
    value: float | None
    score: float | None
    at_ms: int | None
    duration_ms: float | None
    why_not: str
    due_at_ms: int
    is_running: bool
    held: str
    runs_count: int
    skipped_count: int
    series: str
    statement: str
    origin: str
    line: int


@dataclass(frozen=True, slots=True)
class ScorePartRow:
    """One dimension of a score."""

    dimension: str
    weight: float
    score: float | None
    coverage: float
    probes_count: int
    measured_count: int


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """The score of a system (`table` '') or a table; `low` to `high` is what it could be if all were measured."""

    system: str
    table: str
    score: float | None
    low: float
    high: float
    coverage: float
    probes_count: int
    measured_count: int
    parts: tuple[ScorePartRow, ...]


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file; `problems` are why what it says now is not in force."""

    file: str
    count: int
    read_at_ms: int
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QualityAnswer:
    """Scores, worst first, and the probes behind them. `problems`: of files, and parts that nobody knows now."""

    at_ms: int
    source: str
    systems: tuple[ScoreRow, ...]
    tables: tuple[ScoreRow, ...]
    probes: tuple[ProbeRow, ...]
    files: tuple[FileRow, ...]
    problems: tuple[str, ...]


def quality_of(now: BusinessNow, now_ms: int, system: str | None = None) -> QualityAnswer:
    """Of all systems, or of one."""

    def mine(name: str) -> bool:
        return system is None or name == system

    return QualityAnswer(
        at_ms=now.at_ms,
        source=SCORE_SOURCE,
        systems=tuple(_score_row(one) for one in now.systems if mine(one.system)),
        tables=tuple(_score_row(one) for one in now.tables if mine(one.system)),
        probes=tuple(probe_row(one, now_ms) for one in now.probes if mine(one.probe.system)),
        files=tuple(file_row(one) for one in now.files),
        problems=(
            *(told for one in now.files for told in one.told),
            *(f"{name}: {told}" for name, told in now.problems),
        ),
    )


def _score_row(one: Scored) -> ScoreRow:
    score = one.score
    parts = tuple(
        ScorePartRow(
            part.dimension.value, part.weight, part.score, part.coverage, part.probes_count, part.measured_count
        )
        for part in score.parts
    )
    return ScoreRow(
        one.system,
        one.table,
        score.score,
        score.low,
        score.high,
        score.coverage,
        score.probes_count,
        score.measured_count,
        parts,
    )


def probe_row(now: ProbeNow, now_ms: int) -> ProbeRow:
    """One probe."""
    probe, found, current = now.probe, now.measured, now.current(now_ms)
    return ProbeRow(
        name=probe.name,
        system=probe.system,
        table=probe.table,
        kind=probe.kind.value,
        dimension=probe.dimension.value,
        description=probe.description,
        unit=probe.unit,
        wanted=str(probe.wanted or ""),
        weight=probe.weight,
        interval_ms=probe.interval_ms,
        timeout_ms=probe.timeout_ms,
        timezone=probe.timezone,
        state=_state(now, now_ms),
        value=None if found is None else found.at(probe, now_ms).value,
        score=None if current is None else current.score(probe),
        at_ms=None if found is None else found.at_ms,
        duration_ms=None if found is None or not found.duration_ms else found.duration_ms,
        why_not="" if found is None else _why_not(probe, found.at(probe, now_ms)),
        due_at_ms=now.due_at_ms,
        is_running=now.is_running,
        held=now.held,
        runs_count=now.runs_count,
        skipped_count=now.skipped_count,
        series=f'{VALUE_NAMES[probe.kind]}{{probe="{probe.name}"}}',
        statement=statement_of(probe),
        origin=probe.origin,
        line=probe.line,
    )


def _why_not(probe: Probe, found: Measured) -> str:
    ahead_s = found.future_s(probe)
    return f"the newest row lies {duration_of(ahead_s * 1000)} in the future" if ahead_s else found.error


def _state(now: ProbeNow, now_ms: int) -> str:
    if now.measured is None:
        return "waiting"
    current = now.current(now_ms)
    if current is None:
        return "stale"
    if current.value is None:
        return "refused" if current.is_refused else "failed"
    good = current.is_good(now.probe)
    return "measured" if good is None else "good" if good else "bad"


def file_row(one: FileNow) -> FileRow:
    """One file."""
    return FileRow(one.file, one.count, one.read_at_ms, one.told)
